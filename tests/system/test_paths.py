# SPDX-License-Identifier: Apache-2.0
"""Path triggers on a booted systemd: what fires, and that no apply ever does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box
from tests.box.layers import Layer
from tests.system.host import TARGET, Host

IMPORT = """\
jobs:
  load:
    triggers: [{path_changed: /srv/import}]
    script: ls /srv/import
"""
READY = """\
jobs:
  ready:
    triggers: [{path_exists: /srv/ready}]
    script: rm /srv/ready; echo done
"""
LOAD, READY_UNIT = "debvisor-path-load.path", "debvisor-path-ready.path"


@pytest.fixture(scope="module")
def shared(installed: Layer) -> Iterator[Box]:
    with Box.boot(installed) as box:
        box.run("mkdir -p /srv/import")
        yield box


@pytest.fixture
def host(shared: Box) -> Host:
    """The same box for all: each test applies its own jobs, and begins without files."""
    shared.run("rm -rf /srv/import/* /srv/ready /srv/other")
    host = Host(shared)
    host.apply("jobs: {}\n", "--allow-empty")
    shared.run(f"systemctl start {TARGET}")
    host.watch()
    return host


def state(host: Host, unit: str) -> str:
    return host.show(unit, "SubState")["SubState"]


def await_watching(host: Host, unit: str) -> None:
    host.box.wait_until(lambda: state(host, unit) == "waiting", 10, f"{unit} watches again")


def await_triggers(host: Host, job: str, count: int) -> list[str]:
    """Return what started each of the job's runs since `watch`, oldest first."""

    def found() -> list[str]:
        records = host.records(f"DEBVISOR_JOB={job}", "DEBVISOR_TRIGGER=path")
        records = [r for r in records if r["MESSAGE"].find(" begins ") > 0]
        return [record["DEBVISOR_TRIGGER"] for record in records]

    return host.box.wait_until(lambda: found() if len(found()) >= count else [], 10, "runs")


def test_a_change_starts_the_job_each_time_and_apply_never_does(host: Host) -> None:
    host.apply(IMPORT)
    assert state(host, LOAD) == "waiting"
    assert host.plan_is_empty()
    assert host.json("list")[0]["state"] == "watching"
    host.apply()
    host.apply(IMPORT.replace("load:", "load:\n    name: Loads"))
    host.box.run("systemctl daemon-reload")
    assert host.started() == []

    host.box.run("echo a >/srv/import/a")

    assert await_triggers(host, "load", 1) == ["path"]
    await_watching(host, LOAD)
    host.box.run("rm /srv/import/a")
    assert await_triggers(host, "load", 2) == ["path", "path"]
    await_watching(host, LOAD)
    host.cli("run", "load", "--wait")
    assert await_triggers(host, "load", 2) == ["path", "path"]
    assert host.json("history", "load")[0]["trigger"] == "manual"
    assert len(host.started()) == 3


def test_a_job_with_retries_is_not_refused_after_some_changes(host: Host) -> None:
    """Its start limit is two within a minute, and would let the path unit fail as well."""
    host.apply(IMPORT.replace("load:", "load:\n    retries: {max: 1, delay: 1s}"))
    for count in range(1, 6):
        host.box.run(f"echo {count} >/srv/import/a")
        await_triggers(host, "load", count)
        await_watching(host, LOAD)
    assert host.started() == ["load"] * 5


def test_an_edit_of_the_path_moves_the_trigger(host: Host) -> None:
    host.apply(IMPORT)
    host.box.run("echo x >/srv/other")
    host.apply(IMPORT.replace("path_changed: /srv/import", "path_changed: /srv/other"))
    host.box.run("echo a >/srv/import/a")
    assert host.started() == []
    assert state(host, LOAD) == "waiting"

    host.box.run("echo y >/srv/other")

    await_triggers(host, "load", 1)
    assert host.started() == ["load"]


def test_a_disabled_job_is_not_watched_and_an_enabled_one_is_again(host: Host) -> None:
    host.apply(IMPORT)
    host.apply(IMPORT.replace("load:", "load:\n    enabled: false"))
    assert host.units("--state=active") == []
    host.box.run("echo a >/srv/import/a")
    host.apply(IMPORT)
    assert host.started() == []
    assert state(host, LOAD) == "waiting"


def test_the_brake_stops_triggers_and_its_release_arms_them(host: Host) -> None:
    host.apply(IMPORT)
    host.box.run(f"systemctl stop {TARGET}")
    host.box.run("echo a >/srv/import/a")
    assert host.cli("apply").stdout.startswith("0 created")
    assert state(host, LOAD) == "dead"
    host.box.run(f"systemctl start {TARGET}")
    assert host.started() == []

    host.box.run("echo b >/srv/import/b")

    await_triggers(host, "load", 1)
    assert host.started() == ["load"]


def test_apply_arms_no_trigger_whose_path_is_there_and_says_so(host: Host) -> None:
    host.box.run("touch /srv/ready")

    said = host.apply(READY + IMPORT.removeprefix("jobs:\n")).stderr

    assert said == (
        f"{READY_UNIT} was not started: /srv/ready is there, so it would start its job at once;"
        f" start it, and so the job, with: systemctl start {READY_UNIT}\n"
    )
    assert host.started() == []
    assert state(host, LOAD) == "waiting"
    assert host.plan_is_empty()
    assert host.json("list")[1]["state"] == "stopped"
    status = host.json("status", expect=10)
    [finding] = status["findings"]
    assert (finding["kind"], finding["subject"]) == ("stopped", "ready")
    assert "/srv/ready is there" in finding["message"]

    host.box.run(finding["fix"].split())

    assert await_triggers(host, "ready", 1) == ["path"]
    await_watching(host, READY_UNIT)
    assert host.json("status")["healthy"]
    host.box.run("touch /srv/ready")
    await_triggers(host, "ready", 2)
    assert host.started() == ["ready", "ready"]


def test_a_path_that_stays_stops_the_trigger_and_is_told(host: Host) -> None:
    host.apply(READY.replace("rm /srv/ready; echo done", "exec true"))
    host.box.run("touch /srv/ready")

    host.box.wait_until(lambda: state(host, READY_UNIT) == "failed", 60, "it is over its limit")

    assert host.show(READY_UNIT, "Result") == {"Result": "trigger-limit-hit"}
    assert host.started() == ["ready"] * 30
    [finding] = host.json("status", expect=10)["findings"]
    assert finding["message"].startswith("its path trigger has failed")
    host.apply("jobs: {}\n", "--allow-empty")
    assert host.units("--all") == []


def test_a_removed_job_leaves_no_trigger(host: Host) -> None:
    host.apply(IMPORT)
    host.apply("jobs: {}\n", "--allow-empty")
    assert host.units("--all") == []
    host.box.run("echo a >/srv/import/a")
    assert host.started() == []


def test_a_boot_arms_triggers_and_runs_a_job_whose_path_is_there(host: Host) -> None:
    host.box.run("touch /srv/ready")
    host.apply(READY + IMPORT.removeprefix("jobs:\n"))
    assert host.started() == []

    host.box.reboot()

    assert await_triggers(host, "ready", 1) == ["path"]
    await_watching(host, READY_UNIT)
    await_watching(host, LOAD)
    assert host.started() == ["ready"]


def test_no_order_of_the_boot_goes_round_in_a_circle(host: Host) -> None:
    """systemd would leave something out: the recovery of lost runs, or all paths of the host."""
    yaml = """\
jobs:
  all:
    schedule: "0 2 * * *"
    triggers: [{boot: 1min}, {path_changed: /srv/import}, {path_exists: /srv/ready}]
    command: [/bin/true]
"""
    host.apply(yaml)
    said = host.box.run("systemd-analyze verify --man=no multi-user.target 2>&1 || :").stdout
    assert "cycle" not in said, said

    host.box.run(
        "mkdir -p /var/lib/debvisor-timers/running; touch /var/lib/debvisor-timers/running/x"
    )
    host.box.reboot()
    recovered = "journalctl -b -u debvisor-timers-recover.service | grep -q Finished"
    host.box.wait_until(recovered, 20, "what was cut off is recovered")
    for target in ("paths.target", "timers.target", TARGET):
        assert host.show(target, "ActiveState") == {"ActiveState": "active"}, target
    began = [
        int(host.show(unit, key)[key])
        for unit, key in (
            ("debvisor-timers-recover.service", "InactiveEnterTimestampMonotonic"),
            ("debvisor-path-all.path", "ActiveEnterTimestampMonotonic"),
        )
    ]
    assert began == sorted(began), "triggers wait for the recovery"
