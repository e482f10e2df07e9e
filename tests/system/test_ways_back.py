# SPDX-License-Identifier: Apache-2.0
"""try and rollback on a real host: what nobody confirms is taken back, and nothing is started."""

from __future__ import annotations

import pytest

from tests.box import Box
from tests.system.great_change import AFTER, BEFORE, JOBS_BEFORE, assert_after, prepared, timers
from tests.system.host import STATE, Host
from tests.system.waiting import Waiting

TIMER = "debvisor-timers-undo-try.timer"
CATCHING_UP = ["same", "scripted"]
"""After a reboot: the change does not touch their timers, and they have missed days."""


@pytest.fixture
def host(box: Box) -> Host:
    """A host with much to be changed; nothing is looked at that came before."""
    host = prepared(box)
    host.watch()
    return host


def trying(host: Host, timeout: str) -> Waiting:
    """Return a `try` that waits for an answer."""
    return Waiting(host, "try", "--yes", "--timeout", timeout)


def units(host: Host) -> str:
    """Return all files and links of ours, and all scripts; not the generations."""
    return host.files().split("\nstate\n")[0]


def assert_as_before(host: Host, before: str, started: list[str]) -> None:
    assert units(host) == before
    assert_at_rest(host, started)


def assert_at_rest(host: Host, started: list[str]) -> None:
    assert host.running_timers() == timers(JOBS_BEFORE)
    assert sorted(host.started()) == started
    host.box.run(f"test ! -e {STATE}/try.json -a ! -e {STATE}/apply.json")
    assert host.units("--failed") == []
    assert not host.plan_is_empty(), "the YAML is as it was edited"


def test_a_session_that_dies_leaves_nothing_unconfirmed(host: Host) -> None:
    before = units(host)
    waiting = trying(host, "20")
    assert host.show(TIMER, "ActiveState", "Transient") == {
        "ActiveState": "active",
        "Transient": "yes",
    }
    waiting.signal("KILL")
    waiting.process.wait(timeout=60)
    assert units(host) != before
    host.box.run("systemctl daemon-reload")

    host.box.wait_until(f"test ! -e {STATE}/try.json", 30, "it is taken back")

    host.box.wait_until(
        "systemctl show debvisor-timers-undo-try.service -p ActiveState | grep -q =inactive",
        10,
        "its service has ended",
    )
    assert_as_before(host, before, started=[])
    shown = host.json("generations")
    assert [(each["how"], each["by"]) for each in shown["generations"]] == [
        ("rollback", "root"),
        ("try", "root"),
        ("apply", "root"),
    ]


def test_signals_confirm_and_take_back(host: Host) -> None:
    before = units(host)
    for name in ("INT", "HUP"):
        waiting = trying(host, "10min")
        waiting.signal(name)
        status, said = waiting.end()
        assert (status, "it was taken back" in said) == (130, True), said
        assert_as_before(host, before, started=[])

    waiting = trying(host, "10min")
    assert "is not confirmed yet" in host.cli("apply", "--yes", expect=4).stderr
    waiting.signal("USR1")
    status, said = waiting.end()
    assert (status, "confirmed: it stays" in said) == (0, True), said
    assert_after(host, "after SIGUSR1")
    assert host.show(TIMER, "LoadState") == {"LoadState": "not-found"}

    host.write(BEFORE)
    waiting = trying(host, "10min")
    host.cli("confirm")
    assert waiting.end()[0] == 0
    assert host.plan_is_empty()
    assert units(host).count(".timer.wants") == before.count(".timer.wants")
    assert host.started() == []


def test_a_reboot_takes_it_back_before_the_timers_start(host: Host) -> None:
    before = units(host)
    trying(host, "10min")

    host.box.power_cut()
    host.box.start()

    shown = host.show("debvisor-timers-recover.service", "Result", "ConditionResult")
    assert shown == {"Result": "success", "ConditionResult": "yes"}
    assert_as_before(host, before, started=CATCHING_UP)
    stamp = "ActiveEnterTimestampMonotonic"
    done = host.show("debvisor-timers-recover.service", "InactiveEnterTimestampMonotonic")
    for timer in timers(JOBS_BEFORE):
        assert int(host.show(timer, stamp)[stamp]) >= int(*done.values()), timer


TEXTS = """
cd /etc/systemd/system
for file in debvisor-job-*; do echo $file; grep -v ^Generation= $file; done
ls *.wants /var/lib/debvisor-timers/scripts
"""
"""All but which generation has written a unit: that is the new one."""


def test_a_rollback_goes_back_two_generations_and_starts_nothing(host: Host) -> None:
    before = host.box.run(TEXTS).stdout
    host.apply()
    host.apply(AFTER.replace("enabled: false", "owner: bob"))
    host.box.run("systemctl disable debvisor-job-same.timer")

    done = host.cli("rollback", "1", "--yes")

    assert "generation 1 is in force again" in done.stdout
    assert host.box.run(TEXTS).stdout == before
    assert_at_rest(host, started=[])
    host.cli("rollback", "1", "--yaml")
    assert host.plan_is_empty()
    assert host.box.read("/etc/debvisor/timers/jobs.d/jobs.yaml") == BEFORE
    assert host.cli("diff").stdout.endswith("nothing differs\n")
