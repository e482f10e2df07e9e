# SPDX-License-Identifier: Apache-2.0
"""import timer: directives as keys, and what is named because it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.operations.check import check
from debvisor_timers.operations.crontab.timers import ImportedTimer, import_timer
from debvisor_timers.operations.crontab.words import WordError, split_words
from tests.unit.operations.world import World

TIMER = """\
[Unit]
Description=Nightly backup
[Timer]
OnCalendar=*-*-* 02:00:00
OnCalendar=Sun 12:00
Persistent=true
RandomizedDelaySec=10min
FixedRandomDelay=yes
OnBootSec=15min
WakeSystem=yes
[Install]
WantedBy=timers.target
"""
SERVICE = """\
[Unit]
Description=Backup of /srv
Documentation=man:backup(8)
After=network-online.target postgresql.service
Requires=postgresql.service
Wants=network-online.target
ConditionPathExists=!/run/maintenance
ConditionACPower=true
[Service]
Type=oneshot
User=backup
Environment="A=one two" B=2
EnvironmentFile=-/etc/default/backup
WorkingDirectory=/srv
ExecStart=/usr/bin/backup --to "/mnt/the disk" --at=100%% $$HOME
TimeoutStartSec=2h
Nice=10
MemoryMax=1G
ReadWritePaths=/srv
UMask=0027
PrivateNetwork=yes
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def imported(world: World, timer: str, service: str = SERVICE) -> ImportedTimer:
    world.systemd.ship("backup.timer", timer)
    world.systemd.ship("backup.service", service)
    return import_timer(world.host, "backup")


def test_a_timer_and_its_service_become_a_job(world: World) -> None:
    world.systemd.ship("postgresql.service", "[Service]\nExecStart=/bin/true\n")
    found = imported(world, TIMER)

    assert (
        found.text.partition("jobs:\n")[2]
        == """\
  backup:
    name: Backup of /srv
    schedule:
      on_calendar: ["*-*-* 02:00:00", Sun 12:00]
      catch_up: once
      jitter: 10min
    overlap: queue
    triggers: [{boot: 15min}]
    command: [/usr/bin/backup, "--to", /mnt/the disk, "--at=100%", "$HOME"]
    timeout: 2h
    user: backup
    environment: {A: one two, B: "2"}
    environment_files: ["-/etc/default/backup"]
    working_directory: /srv
    resources: {memory_max: "1G"}
    umask: "0027"
    private_network: true
    depends_on: [{unit: postgresql.service}]
    conditions:
      path_exists: "!/run/maintenance"
      ac_power: true
    unit:
      Timer: {WakeSystem: yes}
      Service: {Nice: "10", ReadWritePaths: /srv}
      Unit: {After: network-online.target, Wants: network-online.target}
""".replace("WakeSystem: yes", 'WakeSystem: "yes"')
    )
    assert found.left == ()
    world.write(found.text)
    assert not check(world.host).has_errors


@pytest.mark.parametrize(
    ("timer", "service", "left"),
    [
        ("OnUnitActiveSec=1h", "", "[Timer] OnUnitActiveSec=: it would start the job by `apply`"),
        ("OnStartupSec=1h", "", "[Timer] OnStartupSec=: use the key `triggers`"),
        ("RandomizedDelaySec=5m", "", "[Timer] RandomizedDelaySec=: each run had a delay"),
        ("", "ExecStart=/bin/two", "[Service] ExecStart=: 2 of them; a job has one"),
        ("", "ExecStartPre=/bin/two", "[Service] ExecStartPre=: a job is one command"),
        ("", "StandardOutput=null", "[Service] StandardOutput=: "),
        ("", "Type=forking", "[Service] Type=: forking: a job is a oneshot"),
        ("", "User=%i", "[Service] User=: has the specifier %i"),
    ],
)
def test_what_a_job_does_not_have_is_named(
    world: World, timer: str, service: str, left: str
) -> None:
    found = imported(
        world,
        f"[Timer]\nOnCalendar=daily\n{timer}\n",
        f"[Service]\nExecStart=/bin/one\n{service}\n",
    )

    assert [line for line in found.left if line.startswith(left)], found.left


@pytest.mark.parametrize(
    "command", ["-/bin/one", "+/bin/one", "/bin/one $HOME", "/bin/one ; /bin/two", "/bin/one 'x"]
)
def test_a_command_that_only_systemd_can_read_is_named(world: World, command: str) -> None:
    found = imported(world, "[Timer]\nOnCalendar=daily\n", f"[Service]\nExecStart={command}\n")

    assert found.left[0].startswith("[Service] ExecStart=: has ")


def test_a_condition_of_the_timer_itself_is_named(world: World) -> None:
    found = imported(
        world,
        "[Unit]\nDescription=x\nConditionVirtualization=!container\n[Timer]\nOnCalendar=daily\n",
        "[Service]\nExecStart=/bin/one\n",
    )

    assert [line.partition("=")[0] for line in found.left] == ["[Unit] ConditionVirtualization"]


def test_the_limit_of_a_oneshot_may_be_that_of_its_stop_as_well(world: World) -> None:
    found = imported(
        world,
        "[Timer]\nOnCalendar=daily\n",
        "[Service]\nType=oneshot\nExecStart=/bin/one\nTimeoutSec=5min\n",
    )

    assert "\n    timeout: 5min\n" in found.text
    assert "stop_timeout: 5min\n" in found.text


def test_an_empty_value_resets_what_came_before(world: World) -> None:
    found = imported(
        world,
        "[Timer]\nOnCalendar=daily\nOnCalendar=\nOnCalendar=weekly\n",
        "[Service]\nExecStart=/bin/one\nExecStart=\nExecStart=/bin/two\n",
    )

    assert "schedule: {on_calendar: weekly}" in found.text
    assert "command: [/bin/two]" in found.text


def test_no_timer_no_service_and_ours_are_refused(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"there is no timer x\.timer"):
        import_timer(world.host, "x.timer")
    world.systemd.ship("x.timer", "[Timer]\nOnCalendar=daily\nUnit=y.service\n")
    with pytest.raises(NotFoundError, match=r"x\.timer starts y\.service"):
        import_timer(world.host, "x")
    world.systemd.ship("masked.timer", "")
    with pytest.raises(RefusedError, match=r"masked\.timer is masked or empty"):
        import_timer(world.host, "masked")
    world.apply("jobs: {a: {schedule: '@daily', command: [/bin/true]}}\n")
    with pytest.raises(RefusedError, match="is a unit of debvisor-timers"):
        import_timer(world.host, "debvisor-job-a.timer")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        (r'"a b" \'', ["a b", "'"]),
        (r"a\x20b \n \101", ["a b", "\n", "A"]),
        ("a'b c'd ''", ["ab cd", ""]),
        ("", []),
    ],
)
def test_words_are_those_of_systemd(line: str, words: list[str]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize("line", ["'a", r"\q", r"\x00", "a\\"])
def test_a_line_that_systemd_refuses_is_refused(line: str) -> None:
    with pytest.raises(WordError):
        split_words(line)
