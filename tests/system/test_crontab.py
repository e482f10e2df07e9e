# SPDX-License-Identifier: Apache-2.0
"""Crontabs brought over on a real host: the same commands, in the same surroundings, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.beside import CRONTAB, NAMES, SEE, beside, calm, of, seen, strike
from tests.system.host import JOBS, Host

FILE = "/etc/cron.d/beside"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    yield from beside()


def import_all(host: Host) -> list[str]:
    """Import what cron has, and apply it; return the ids of the jobs."""
    host.cli("import", "crontab", "--system", "--write")
    host.apply()
    files = host.json("import", "crontab", "--system")["files"]
    return [job["job_id"] for file in files for job in file["jobs"]]


def test_a_job_runs_what_cron_runs_in_the_same_surroundings(host: Host) -> None:
    host.box.write(FILE, CRONTAB)
    jobs = import_all(host)

    strike(host.box)
    for job in jobs:
        host.cli("run", job, "--wait")
    host.box.wait_until(
        lambda: set(of(seen(host.box), "cron")) == set(NAMES), 75, "cron has run all lines"
    )
    calm(host.box)

    runs = seen(host.box)
    assert of(runs, "job") == of(runs, "cron")
    assert set(of(runs, "job")) == set(NAMES)


def test_a_second_import_changes_nothing(host: Host) -> None:
    before = host.box.run(f"sha256sum {JOBS}/*").stdout

    said = host.cli("import", "crontab", "--system", "--write").stdout

    assert said.endswith(", unchanged\n")
    assert host.box.run(f"sha256sum {JOBS}/*").stdout == before
    assert host.plan_is_empty()


def test_cron_does_not_run_what_was_disabled(host: Host) -> None:
    host.cli("import", "crontab", "--system", "--disable-original")
    host.box.write("/etc/cron.d/marker", f"* * * * * root {SEE} marker\n")
    before = len([run for run in seen(host.box) if run.by == "cron"])

    strike(host.box)
    host.box.wait_until(lambda: "marker" in of(seen(host.box), "cron"), 75, "cron runs the marker")
    calm(host.box)

    assert len([run for run in seen(host.box) if run.by == "cron"]) == before + 1
    assert host.plan_is_empty()
    host.box.run("rm /etc/cron.d/marker")
    assert host.cli("import", "crontab", "--system", "--write").stdout.endswith(", unchanged\n")
    kept = "/var/lib/debvisor-timers/crontab-backup/etc/cron.d/beside"
    assert host.box.read(kept) == CRONTAB


def test_a_users_crontab_and_the_scripts_of_the_package_come_over(host: Host) -> None:
    host.box.write("/tmp/table", "@hourly date +\\%F >out\n")
    host.box.run("crontab -u alice /tmp/table")

    documents = host.json("import", "crontab")["files"]

    found = {document["source"]: document["yaml"] for document in documents}
    assert "user: alice" in found["/var/spool/cron/crontabs/alice"]
    assert 'command: [/bin/sh, -c, "date +%F >out"]' in found["/var/spool/cron/crontabs/alice"]
    said = host.cli("import", "crontab", "--system").stderr
    assert "/etc/cron.daily/dpkg: warning: does nothing where systemd runs" in said
    host.cli("import", "crontab", expect=4, user="nobody")


def test_a_timer_comes_over_with_its_drop_in(host: Host) -> None:
    host.box.write("/etc/systemd/system/old.timer", "[Timer]\nOnCalendar=*-*-* 02:00:00\n")
    host.box.write("/etc/systemd/system/old.service", "[Service]\nExecStart=/usr/bin/env one\n")
    host.box.write(
        "/etc/systemd/system/old.timer.d/later.conf",
        "[Timer]\nOnCalendar=\nOnCalendar=*-*-* 03:00:00\nPersistent=yes\n",
    )
    host.box.run("systemctl daemon-reload")

    answer = host.json("import", "timer", "old.timer")

    assert answer["files"] == [
        "/etc/systemd/system/old.timer",
        "/etc/systemd/system/old.timer.d/later.conf",
        "/etc/systemd/system/old.service",
    ]
    assert 'on_calendar: "*-*-* 03:00:00"' in answer["yaml"]
    assert "catch_up: once" in answer["yaml"]
    assert answer["left_out"] == []
    host.cli("check")
    host.write(answer["yaml"], "old.yaml")
    host.cli("check")


def test_what_was_imported_can_be_given_back(host: Host) -> None:
    text = host.cli("export", "crontab", expect=3).stdout

    entries = [line for line in CRONTAB.splitlines() if line.startswith("*")]
    assert len(entries) == len(NAMES) - 1
    assert all(f"\n{entry}\n" in text for entry in entries)
    assert "# not exported: schedule.on_calendar: not a cron expression" in text
