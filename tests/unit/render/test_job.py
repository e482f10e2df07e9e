# SPDX-License-Identifier: Apache-2.0
"""From jobs to units: whole files, links, scripts, and hostile values."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given

from debvisor_timers.jobs.model import Job
from debvisor_timers.layout import Layout
from debvisor_timers.render.job import render_job
from debvisor_timers.render.ownership import digest, is_edited, read_ownership
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.source import Span
from tests.unit.render.hostile import jobs
from tests.unit.render.reading import read_command, read_plain, read_words
from tests.unit.render.settings import job, settings

SERVICE = """\
# Made by debvisor-timers. Do not edit: change the file that Source= names at the end of this one,
# then run: debvisor-timers apply
[Unit]
Description=Weekly scrub
Documentation=man:debvisor-timers-jobs(5)
StartLimitIntervalSec=0
OnFailure=debvisor-timers-notify@scrub.service
Requires=zfs-mount.service
After=zfs-mount.service
Wants=network-online.target

[Service]
Type=oneshot
Slice=debvisor-low-8.slice
SyslogIdentifier=scrub
LogExtraFields=DEBVISOR_JOB=scrub
LogExtraFields=DEBVISOR_OWNER=ops
LogExtraFields="DEBVISOR_TAG=place=rack 7"
User=backup
Group=adm
WorkingDirectory=-/srv/100%%
Environment=POOLS=tank
Environment="GREETING=Hello $USER"
EnvironmentFile=-/etc/default/scrub
UnsetEnvironment=GCONV_PATH GETCONF_DIR GLIBC_TUNABLES LD_AUDIT LD_BIND_NOT LD_BIND_NOW \
LD_DEBUG LD_DEBUG_OUTPUT LD_DYNAMIC_WEAK LD_HWCAP_MASK LD_LIBRARY_PATH LD_ORIGIN_PATH \
LD_PREFER_MAP_32BIT_EXEC LD_PRELOAD LD_PROFILE LD_PROFILE_OUTPUT LD_SHOW_AUXV \
LD_USE_LOAD_BIAS LD_VERBOSE LD_WARN LOCPATH MALLOC_TRACE NLSPATH
StandardInput=data
StandardInputData=eWVzCg==
ExecStartPre=+/usr/libexec/debvisor-timers/begin scrub
ExecStart=/usr/libexec/debvisor-timers/run scrub /usr/sbin/zpool scrub "two words" 50%% $$HOME
ExecStopPost=+/usr/libexec/debvisor-timers/end scrub
TimeoutStartSec=2h
TimeoutStopSec=10s
KillMode=control-group
IOSchedulingClass=idle
OOMScoreAdjust=500
MemoryMax=1G
CPUQuota=300%
TasksMax=256
NoNewPrivileges=yes
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectHostname=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictSUIDSGID=yes
Nice=19
ProtectHome=read-only
ReadWritePaths=/var/lib/a
ReadWritePaths=/var/lib/b

[X-Debvisor]
Job=scrub
Source=/etc/debvisor/timers/jobs.d/a.yaml:2
Generation=7
"""

SCRUB = job(
    "scrub",
    name="Weekly scrub",
    command=["/usr/sbin/zpool", "scrub", "two words", "50%", "$HOME"],
    input="yes\n",
    owner="ops",
    tags={"place": "rack 7"},
    priority="low",
    user="backup",
    group="adm",
    timeout="2h",
    stop_timeout="10s",
    environment={"POOLS": "tank", "GREETING": "Hello $USER"},
    environment_files=["-/etc/default/scrub"],
    working_directory="/srv/100%",
    sandbox="standard",
    resources={"memory_max": "1G", "cpu_quota": "300%", "tasks_max": 256},
    depends_on=[{"unit": "zfs-mount.service"}],
    unit={
        "Unit": {"Wants": "network-online.target"},
        "Service": {
            "Nice": "19",
            "ProtectHome": "read-only",
            "ReadWritePaths": ["/var/lib/a", "/var/lib/b"],
        },
    },
)


def unit(of: Job, kind: str = "debvisor-job-a.service", **host: str) -> UnitFile:
    return UnitFile.parse(render_job(of, settings(**host), generation=1).files[kind])  # type: ignore[arg-type]


def test_a_service_with_everything() -> None:
    text = render_job(SCRUB, settings(), generation=7).files["debvisor-job-scrub.service"]
    body, _, written = text.rpartition("Digest=")
    assert body == SERVICE
    assert written == f"{digest(text)}\n"


def test_a_job_with_schedule_and_boot_trigger_has_three_units_and_two_links() -> None:
    found = render_job(job(triggers=[{"boot": "5min"}]), settings(), generation=1)
    assert found.job_id == "a"
    assert list(found.files) == [
        "debvisor-job-a.service",
        "debvisor-job-a.timer",
        "debvisor-boot-a.timer",
    ]
    assert found.links == {
        "debvisor-timers.target.wants/debvisor-job-a.timer": "../debvisor-job-a.timer",
        "debvisor-timers-boot.target.wants/debvisor-boot-a.timer": "../debvisor-boot-a.timer",
    }
    assert found.scripts == {}


def test_a_job_that_is_not_enabled_keeps_its_files_and_has_no_links() -> None:
    off = job(enabled=False, triggers=[{"boot": "5min"}])
    found = render_job(off, settings(), generation=1)
    assert len(found.files) == 3
    assert found.links == {}


def test_a_job_that_nothing_starts_is_a_service_alone() -> None:
    found = render_job(job(schedule=None), settings(), generation=1)
    assert (list(found.files), found.links) == (["debvisor-job-a.service"], {})


def test_a_script_is_run_from_a_file_named_by_its_digest() -> None:
    text = "#!/bin/bash\necho 100% $HOME\n"
    with_script = job(command=None, script=text, shell="/bin/bash")
    # by sha256sum
    name = "8ca463feb8bf73dc339bd18545bfb366"
    found = render_job(with_script, settings(), generation=1)
    assert found.scripts == {name: text}
    assert unit(with_script).get("Service", "ExecStart") == (
        f"/usr/libexec/debvisor-timers/run a /bin/bash /var/lib/debvisor-timers/scripts/{name}",
    )


@pytest.mark.parametrize(
    ("timezone", "line"),
    [
        (None, "*-*-* 04:00:00"),
        ("Europe/Berlin", "*-*-* 04:00:00 Europe/Berlin"),
        ("UTC", "*-*-* 04:00:00 UTC"),
        ("America/New_York", "*-*-* 04:00:00 America/New_York"),
    ],
)
def test_a_zone_is_named_where_the_job_names_one(timezone: str | None, line: str) -> None:
    """Also the host's own: that can change."""
    schedule = {"cron": "0 4 * * *", "timezone": timezone}
    of = job(schedule={key: value for key, value in schedule.items() if value})
    assert unit(of, "debvisor-job-a.timer").get("Timer", "OnCalendar") == (line,)


def test_each_line_of_a_schedule_has_its_zone() -> None:
    of = job(schedule={"cron": "0 2 1 * mon", "timezone": "UTC"})
    lines = unit(of, "debvisor-job-a.timer").get("Timer", "OnCalendar")
    assert lines == ("*-*-01 02:00:00 UTC", "Mon *-*-* 02:00:00 UTC")


def test_a_timer_never_fires_late_or_behind_a_run() -> None:
    timer = unit(job(schedule="0 4 * * *"), "debvisor-job-a.timer")
    assert timer.items("Timer") == (
        ("OnCalendar", "*-*-* 04:00:00"),
        ("AccuracySec", "1s"),
        ("Persistent", "yes"),
        ("X-CatchUp", "skip"),
        ("DeferReactivation", "yes"),
    )
    assert timer.get("Unit", "PartOf") == ("debvisor-timers.target",)
    assert timer.get("Unit", "After") == (
        "debvisor-timers-recover.service debvisor-timers-stamps.service",
    )
    assert timer.get("Unit", "Wants") == ("debvisor-timers-stamps.service",)
    assert timer.get("Install", "WantedBy") == ("debvisor-timers.target",)


NIGHTLY_IN_BERLIN = (
    "*-01..09,11,12-* 02:30:00",
    "*-10-01..24 02:30:00",
    "Mon..Sat *-10-25..31 02:30:00",
    "Sun *-03-25..31 01:00:00 UTC",
    "Sun *-10-25..31 00:30:00 UTC",
)


def test_the_days_of_clock_changes_have_lines_of_their_own() -> None:
    """In UTC; the others name no zone where the job names none, which would cost a fork each."""
    timer = unit(job(schedule="30 2 * * *"), "debvisor-job-a.timer")
    assert timer.get("Timer", "OnCalendar") == NIGHTLY_IN_BERLIN
    law = "Europe/Berlin, CET-1CEST,M3.5.0,M10.5.0/3"
    assert timer.get("Unit", "X-ClockChanges") == (law,)


def test_clock_changes_as_systemd_has_them_need_no_further_line() -> None:
    of = job(schedule={"cron": "30 2 * * *", "dst": "systemd"})
    timer = unit(of, "debvisor-job-a.timer")
    assert timer.get("Timer", "OnCalendar") == ("*-*-* 02:30:00",)
    assert timer.get("Unit", "X-ClockChanges") == ()


def test_a_calendar_of_systemd_stays_as_it_was_written() -> None:
    of = job(schedule={"on_calendar": "Sun 02:30"})
    timer = unit(of, "debvisor-job-a.timer")
    assert timer.get("Timer", "OnCalendar") == ("Sun 02:30",)
    assert timer.get("Unit", "X-ClockChanges") == ()


def test_jitter_is_fixed() -> None:
    of = job(schedule={"cron": "0 4 * * *", "jitter": "10min"})
    timer = unit(of, "debvisor-job-a.timer")
    assert timer.get("Timer", "RandomizedDelaySec") == ("10min",)
    assert timer.get("Timer", "FixedRandomDelay") == ("yes",)


@pytest.mark.parametrize(
    ("catch_up", "told"), [("skip", "skip"), ("once", "once"), ({"within": "6h"}, "21600s")]
)
def test_how_late_a_run_may_be_is_told_to_the_service_that_sets_stamps(
    catch_up: object, told: str
) -> None:
    of = job(schedule={"cron": "0 4 * * *", "catch_up": catch_up})
    assert unit(of, "debvisor-job-a.timer").get("Timer", "X-CatchUp") == (told,)


def test_every_timer_is_persistent() -> None:
    """One without a stamp fires for what it missed (systemd 257)."""
    of = job(schedule={"cron": "0 4 * * *", "catch_up": "once"})
    assert unit(of, "debvisor-job-a.timer").get("Timer", "Persistent") == ("yes",)


def test_boot_triggers_have_a_timer_that_apply_need_not_start() -> None:
    of = job(schedule=None, triggers=[{"boot": "5min"}, {"boot": "0"}])
    boot = unit(of, "debvisor-boot-a.timer")
    assert boot.items("Timer") == (
        ("OnBootSec", "5min"),
        ("OnBootSec", "0"),
        ("AccuracySec", "1s"),
        ("Unit", "debvisor-job-a.service"),
    )
    assert boot.get("Install", "WantedBy") == ("debvisor-timers-boot.target",)
    assert boot.get("Unit", "StopPropagatedFrom") == ("debvisor-timers.target",)
    assert boot.get("Unit", "PartOf") == ()


def test_no_time_limit_is_infinity() -> None:
    assert unit(job(timeout="infinity")).get("Service", "TimeoutStartSec") == ("infinity",)


def test_a_directive_of_the_user_takes_the_place_of_a_preset() -> None:
    strict = job(sandbox="strict", unit={"Service": {"ProtectSystem": "no", "PrivateTmp": ""}})
    service = unit(strict)
    assert service.get("Service", "ProtectSystem") == ("no",)
    assert service.get("Service", "PrivateTmp") == ("",)
    assert service.get("Service", "PrivateDevices") == ("yes",)


@pytest.mark.parametrize(
    ("priority", "nice"),
    [("critical", ("-5",)), ("high", ()), ("normal", ("5",)), ("low", ("15",))],
)
def test_a_priority_is_a_slice_and_a_niceness(priority: str, nice: tuple[str, ...]) -> None:
    service = unit(job(priority=priority))
    # by sha256sum: ca for "a"
    assert service.get("Service", "Slice") == (f"debvisor-{priority}-a.slice",)
    assert service.get("Service", "Nice") == nice


def test_a_long_input_is_split_over_lines() -> None:
    text = "Ünïcode\n" * 20_000
    lines = unit(job(input=text)).get("Service", "StandardInputData")
    assert max(map(len, lines)) <= 4096
    assert b"".join(map(base64.b64decode, lines)) == text.encode()


def test_an_empty_input_is_no_input() -> None:
    assert unit(job(input="")).get("Service", "StandardInput") == ()


def test_moving_a_job_changes_no_digest() -> None:
    moved = SCRUB.model_copy(update={"source": Span(file=Path("/elsewhere.yaml"), line=99)})
    for name, text in render_job(SCRUB, settings(), generation=1).files.items():
        other = render_job(moved, settings(), generation=2).files[name]
        assert other != text
        assert digest(other) == digest(text)


def test_the_folders_are_those_of_the_layout() -> None:
    layout = Layout(libexec=Path("/opt/our libexec"), state=Path("/data"))
    found = render_job(job(command=None, script="x"), settings(layout=layout), generation=1)
    start = UnitFile.parse(found.files["debvisor-job-a.service"])
    assert read_command(start.get("Service", "ExecStart")[0])[0] == "/opt/our libexec/run"
    assert read_command(start.get("Service", "ExecStart")[0])[3].startswith("/data/scripts/")


ALLOWED = {
    "Unit": {"Description", "Documentation", "StartLimitIntervalSec", "OnFailure"},
    "Service": {
        "Type", "Slice", "SyslogIdentifier", "LogExtraFields", "WorkingDirectory", "Environment",
        "EnvironmentFile", "UnsetEnvironment", "StandardInput", "StandardInputData", "ExecStartPre",
        "ExecStart", "ExecStopPost", "TimeoutStartSec", "TimeoutStopSec", "KillMode", "Nice",
        "OOMScoreAdjust",
    },
    "X-Debvisor": {"Job", "Source", "Generation", "Digest"},
}  # fmt: skip


@given(jobs())
def test_hostile_text_never_becomes_a_directive(hostile: Job) -> None:
    first = render_job(hostile, settings(), generation=1)
    text = first.files["debvisor-job-hostile.service"]
    service = UnitFile.parse(text)

    assert {s: {k for k, _ in service.items(s)} - ALLOWED[s] for s in service.sections()} == {
        "Unit": set(),
        "Service": set(),
        "X-Debvisor": set(),
    }
    for key in ("ExecStartPre", "ExecStart", "ExecStopPost"):
        assert len(service.get("Service", key)) == 1
    assert service.format() == text
    assert not is_edited(text)
    assert read_ownership(text) is not None
    assert render_job(hostile, settings(), generation=1) == first


@given(jobs())
def test_hostile_text_comes_back_from_the_unit(hostile: Job) -> None:
    rendered = render_job(hostile, settings(), generation=1)
    service = UnitFile.parse(rendered.files["debvisor-job-hostile.service"])

    argv = read_command(service.get("Service", "ExecStart")[0])
    assert argv[:2] == ["/usr/libexec/debvisor-timers/run", "hostile"]
    if hostile.command:
        assert tuple(argv[2:]) == hostile.command
    else:
        assert argv[2] == hostile.shell
        assert rendered.scripts == {Path(argv[3]).name: hostile.script}
    environment = [read_words(line) for line in service.get("Service", "Environment")]
    assert environment == [[f"{name}={value}"] for name, value in hostile.environment.items()]
    files = [read_plain(line) for line in service.get("Service", "EnvironmentFile")]
    assert [_without_glob(path) for path in files] == list(hostile.environment_files)
    folder = service.get("Service", "WorkingDirectory")
    folders = [read_plain(line).removeprefix("-") for line in folder]
    assert folders == [hostile.working_directory] * len(folder)
    data = b"".join(map(base64.b64decode, service.get("Service", "StandardInputData")))
    assert data.decode() == (hostile.input or "")
    fields = [read_words(line) for line in service.get("Service", "LogExtraFields")]
    wanted = [["DEBVISOR_JOB=hostile"]]
    wanted += [[f"DEBVISOR_OWNER={hostile.owner}"]] if hostile.owner else []
    wanted += [[f"DEBVISOR_TAG={name}={value}"] for name, value in hostile.tags.items()]
    assert fields == wanted


def _without_glob(path: str) -> str:
    text = ""
    characters = iter(path)
    for character in characters:
        assert character not in "*?[]"
        text += next(characters) if character == "\\" else character
    return text
