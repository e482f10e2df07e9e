# SPDX-License-Identifier: Apache-2.0
"""doctor: each thing that can be amiss on a host is told, with the command that mends it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers import __version__
from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.safety.doctor import CHECKS, doctor
from debvisor_timers.operations.safety.examined import Verdict
from debvisor_timers.systemd.ports import FileStatus, Space
from tests.unit.operations.world import NIGHTLY, World

RECOVER = "debvisor-timers-recover.service"
AGAIN = "apt-get install --reinstall debvisor-timers"
TIMERS = ("debvisor-timers-maintain.timer", "debvisor-timers-renew.timer")


@pytest.fixture
def healthy(world: World) -> World:
    """Return a host as the package leaves it, with what a real one has beside jobs."""
    twin = world.systemd
    twin.ship("dbus.socket", "[Socket]\nListenStream=/run/dbus/system_bus_socket\n")
    twin.ship(RECOVER, "[Service]\nExecStart=/bin/true\n[Install]\n", enabled=True)
    for name in TIMERS:
        twin.ship(name, "[Timer]\nOnCalendar=*:0/5\nUnit=debvisor-timers-recover.service\n")
    twin.manager.start(["dbus.socket", *TIMERS])
    twin.journal.send({"_PID": "1", "MESSAGE": "Startup finished"})
    return world


def amiss(world: World) -> list[tuple[str, str, str, str]]:
    """Return what is not well: the check, its verdict, what it says, and the fix."""
    return [
        (check.name, str(check.verdict), check.message, check.fix)
        for check in doctor(world.host).checks
        if check.verdict != "ok"
    ]


def test_a_host_in_order(healthy: World) -> None:
    diagnosis = doctor(healthy.host)

    assert amiss(healthy) == []
    assert diagnosis.is_healthy
    assert [check.name for check in diagnosis.checks] == list(CHECKS)


def test_looking_changes_nothing(healthy: World) -> None:
    healthy.apply(NIGHTLY)
    healthy.systemd.steps.clear()
    before = sorted(healthy.layout.state.rglob("*"))

    doctor(healthy.host)

    assert healthy.systemd.steps.done == []
    assert sorted(healthy.layout.state.rglob("*")) == before


def old_systemd(world: World) -> None:
    world.systemd.state.version = 252


def library_too_old(world: World) -> None:
    world.systemd.machine.libraries["click"] = "8.1.3"


def no_library(world: World) -> None:
    del world.systemd.machine.libraries["click"]


def broken_program(world: World) -> None:
    world.systemd.machine.faults["begin"] = "SyntaxError: invalid syntax"


def other_programs(world: World) -> None:
    world.systemd.machine.other_modules = ["end.py"]


def not_enabled(world: World) -> None:
    world.systemd.state.enabled.discard(RECOVER)


def stopped_timer(world: World) -> None:
    world.systemd.manager.stop([TIMERS[0]])


def no_group(world: World) -> None:
    world.systemd.machine.groups.discard("debvisor-timers")


def open_folder(world: World) -> None:
    status = FileStatus(uid=0, group="staff", mode=0o2770)
    world.systemd.machine.files[world.layout.state] = status


def missing_folder(world: World) -> None:
    world.systemd.machine.files[world.layout.runtime] = None


def volatile_journal(world: World) -> None:
    world.systemd.machine.settings["Storage"] = "volatile"


def no_journal_folder(world: World) -> None:
    world.systemd.machine.files[Path("/var/log/journal")] = None


def small_journal(world: World) -> None:
    world.systemd.machine.settings["SystemMaxUse"] = "50M"
    world.systemd.advance(timedelta(days=3))


def slow_journal(world: World) -> None:
    world.systemd.machine.settings["RateLimitBurst"] = "100"


def no_clock(world: World) -> None:
    world.systemd.machine.error_of_clock = timedelta(seconds=16)


def full_disk(world: World) -> None:
    space = Space(free_bytes=10**9, bytes=0.02, inodes=0.9)
    world.systemd.machine.spaces[Path("/var/log")] = space


def no_inodes(world: World) -> None:
    space = Space(free_bytes=10**9, bytes=0.5, inodes=0.01)
    world.systemd.machine.spaces[Path("/var/log")] = space


def cut_off(world: World) -> None:
    record_file(world.host).write(ApplyRecord(generation=2, before={}, after={}))


def setting(name: str, value: str) -> str:
    folder = "/etc/systemd/journald.conf.d"
    return (
        f"mkdir -p {folder} && printf '[Journal]\\n{name}={value}\\n'"
        f" >{folder}/90-debvisor-timers-{name.lower()}.conf && systemctl restart systemd-journald"
    )


KEEP_JOURNAL = (
    "mkdir -p /var/log/journal && systemd-tmpfiles --create --prefix /var/log/journal"
    " && journalctl --flush"
)
AMISS: dict[Callable[[World], None], tuple[str, str, str, str]] = {
    old_systemd: (
        "systemd",
        "problem",
        "systemd is 252; jobs need 257 or later",
        "apt-get install -t stable systemd",
    ),
    library_too_old: (
        "libraries",
        "problem",
        "the library click is 8.1.3; 8.1.7 or later is needed",
        AGAIN,
    ),
    no_library: (
        "libraries",
        "problem",
        "the library click is missing; 8.1.7 or later is needed",
        AGAIN,
    ),
    broken_program: (
        "programs",
        "problem",
        "/usr/libexec/debvisor-timers/begin cannot run, and so no job: SyntaxError: invalid syntax",
        AGAIN,
    ),
    other_programs: (
        "programs",
        "problem",
        f"in /usr/libexec/debvisor-timers are not of version {__version__}: end.py",
        AGAIN,
    ),
    not_enabled: ("units", "problem", f"{RECOVER} is disabled", f"systemctl enable {RECOVER}"),
    stopped_timer: (
        "units",
        "problem",
        f"{TIMERS[0]} does not run",
        f"systemctl start {TIMERS[0]}",
    ),
    no_group: (
        "group",
        "problem",
        "there is no group debvisor-timers: only root can look at jobs",
        "systemd-sysusers",
    ),
    open_folder: (
        "permissions",
        "problem",
        "STATE can be changed by others than root (owner 0, group staff, mode 2770)",
        "chown root STATE && chmod go-w STATE",
    ),
    missing_folder: (
        "permissions",
        "problem",
        "RUN is missing",
        "systemd-tmpfiles --create /usr/lib/tmpfiles.d/debvisor-timers.conf",
    ),
    volatile_journal: (
        "journal",
        "problem",
        "Storage=volatile in journald.conf: the output and the history of jobs are lost",
        setting("Storage", "persistent"),
    ),
    no_journal_folder: (
        "journal",
        "problem",
        "there is no /var/log/journal: the output and the history of jobs are lost at each reboot",
        KEEP_JOURNAL,
    ),
    small_journal: (
        "journal size",
        "warning",
        "50 MB of at most 50 MB: it holds only 3 days of what jobs and others print",
        setting("SystemMaxUse", "1G"),
    ),
    slow_journal: (
        "journal rate",
        "warning",
        "RateLimitBurst=100 in journald.conf: lines of jobs that print more are dropped",
        setting("RateLimitBurst", "10000"),
    ),
    no_clock: (
        "clock",
        "warning",
        "nothing synchronizes it: jobs start when a clock says so that may be wrong",
        "apt-get install systemd-timesyncd",
    ),
    full_disk: (
        "disk",
        "problem",
        "/var/log has 0.9 GB free: soon neither runs nor applies can be noted",
        "du -xh --max-depth=2 /var/log | sort -h | tail",
    ),
    no_inodes: (
        "disk",
        "problem",
        "/var/log has no room for more files (df -i /var/log)",
        "du -xh --max-depth=2 /var/log | sort -h | tail",
    ),
    cut_off: (
        "apply",
        "problem",
        "one was cut off, and not recovered yet",
        "debvisor-timers recover",
    ),
}


@pytest.mark.parametrize("break_", AMISS, ids=lambda each: each.__name__)
def test_what_is_amiss_is_told_alone(healthy: World, break_: Callable[[World], None]) -> None:
    break_(healthy)

    places = {"STATE": str(healthy.layout.state), "RUN": str(healthy.layout.runtime)}
    check, verdict, message, fix = AMISS[break_]
    for name, path in places.items():
        message, fix = message.replace(name, path), fix.replace(name, path)
    found = [each for each in amiss(healthy) if each[0] != "audit"]
    assert found == [(check, verdict, message, fix)]
    assert not doctor(healthy.host).is_healthy


def test_the_brake_is_a_problem_of_its_own(healthy: World) -> None:
    healthy.systemd.manager.stop([TARGET])

    problems = [(check, fix) for check, _, _, fix in amiss(healthy)]

    assert ("units", f"systemctl start {TARGET}") in problems


def test_folders_that_all_may_read(healthy: World) -> None:
    jobs = healthy.layout.jobs
    healthy.systemd.machine.files[jobs] = FileStatus(uid=0, group="root", mode=0o755)

    assert amiss(healthy) == [
        (
            "permissions",
            "warning",
            f"{jobs} can be read by everybody (owner 0, group root, mode 0755)",
            f"chgrp debvisor-timers {jobs} && chmod 2750 {jobs}",
        )
    ]


def test_an_index_that_is_damaged(healthy: World) -> None:
    healthy.apply(NIGHTLY)
    path = healthy.layout.index
    path.write_bytes(b"no database at all" * 100)

    (found,) = amiss(healthy)

    assert found[:2] == ("index", "problem")
    assert "file is not a database" in found[2]
    assert found[3] == f"mv {path} {path}.damaged && debvisor-timers maintain"


def test_an_index_of_another_version(healthy: World) -> None:
    healthy.apply(NIGHTLY)
    with sqlite3.connect(healthy.layout.index) as connection:
        connection.execute("PRAGMA user_version = 99")

    (found,) = amiss(healthy)

    assert "its tables are of version 99, not 1" in found[2]


def test_an_audit_whose_head_is_broken(healthy: World) -> None:
    healthy.layout.audit_head.parent.mkdir(parents=True, exist_ok=True)
    healthy.layout.audit_head.write_text("{}")

    (found,) = amiss(healthy)

    assert found[:2] == ("audit", "problem")
    assert found[3] == f"mv {healthy.layout.audit_head} {healthy.layout.audit_head}.broken"


def test_a_channel_whose_program_is_missing(healthy: World) -> None:
    config = healthy.layout.config / "config.yaml"
    config.write_text("channels: {ops: {exec: [/nowhere/mail, ops@example.org]}}\n")
    healthy.apply(NIGHTLY)

    assert amiss(healthy) == [
        (
            "channels",
            "problem",
            "the channel ops tells nobody: /nowhere/mail is not there, or may not be executed",
            f"sensible-editor {config} && debvisor-timers apply",
        )
    ]


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (PermissionRefusedError("only root may look", fix="run the command with sudo"), "unknown"),
        (SystemdError("systemd does not answer", fix="reboot"), "problem"),
    ],
)
def test_a_systemd_that_does_not_answer_is_told_by_each_check_that_asks_it(
    healthy: World, monkeypatch: pytest.MonkeyPatch, error: SystemdError, verdict: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    for name in "version", "units":
        monkeypatch.setattr(healthy.systemd.manager, name, fail)

    assert amiss(healthy) == [
        (name, verdict, error.message, error.fix) for name in ("systemd", "dbus", "units")
    ]


def test_an_empty_journal_tells_nothing_of_its_reach(world: World) -> None:
    found = {name: (verdict, message) for name, verdict, message, _ in amiss(world)}

    assert found["journal size"] == (
        "unknown",
        "there is no record in it yet that tells how far it reaches",
    )


def test_who_may_not_look_at_what_was_applied_is_told_so(
    healthy: World, others: Callable[[], AbstractContextManager[None]]
) -> None:
    config = "channels:\n  ops: {exec: [/nowhere]}\n"
    (healthy.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    healthy.apply(NIGHTLY)
    doctor(healthy.host)

    with others():
        found = {check.name: check for check in doctor(healthy.host).checks}

    assert found["channels"].verdict == "unknown"
    assert "generations/1" in found["channels"].message


def test_a_check_that_cannot_look_is_told_and_stops_no_other(
    healthy: World, others: Callable[[], AbstractContextManager[None]]
) -> None:
    healthy.apply(NIGHTLY)
    doctor(healthy.host)
    healthy.layout.state.chmod(0o700)

    with others():
        diagnosis = doctor(healthy.host)

    assert {check.name for check in diagnosis.checks} == set(CHECKS)
    assert diagnosis.is_healthy
    assert diagnosis.count(Verdict.UNKNOWN) > 0
