# SPDX-License-Identifier: Apache-2.0
"""Values of keys: what is taken, and what is refused, through the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from debvisor_timers.jobs.model import Job, Sandbox
from debvisor_timers.jobs.scalar import Plain
from debvisor_timers.source import Span

PLACE = Span(file=Path("a.yaml"), line=1, column=1)


def make(**keys: Any) -> Job:
    program = {} if {"command", "script"} & keys.keys() else {"command": ["/bin/true"]}
    return Job.model_validate({"id": "a", "source": PLACE, **program, **keys})


def complaint(**keys: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        make(**keys)
    (error,) = raised.value.errors()
    return error["msg"]


TAKEN: list[tuple[str, Any, Any]] = [
    ("user", "backup", "backup"),
    ("user", "1000", "1000"),
    ("user", "user@example.org", "user@example.org"),
    ("user", "machine$", "machine$"),
    ("shell", "/usr/bin/bash", "/usr/bin/bash"),
    ("working_directory", "~", "~"),
    ("environment_files", ["-/etc/default/x"], ("-/etc/default/x",)),
    ("timeout", "infinity", None),
    ("timeout", timedelta(hours=2), timedelta(hours=2)),
    ("timeout", 90, timedelta(seconds=90)),
    ("enabled", Plain("false"), False),
    ("enabled", False, False),
    ("sandbox", "strict", Sandbox.STRICT),
    ("environment", {"A": "\n\t\x7f\x1b %$\"'\\"}, {"A": "\n\t\x7f\x1b %$\"'\\"}),
    ("environment", {"_a1": "ü\U0001f600"}, {"_a1": "ü\U0001f600"}),
    ("input", "", ""),
    ("script", "x" * 1_000_000, "x" * 1_000_000),
    ("command", ["true"], ("true",)),
    ("command", ["/bin/echo", "", " ", "\n"], ("/bin/echo", "", " ", "\n")),
    ("command", ["/bin/echo", "x" * 131_071], ("/bin/echo", "x" * 131_071)),
    ("environment", {"A": "x" * 131_069}, {"A": "x" * 131_069}),
    ("name", "Ünïcode, 100% $HOME", "Ünïcode, 100% $HOME"),
]


@pytest.mark.parametrize(
    ("key", "value", "expected"), TAKEN, ids=[f"{row[0]}-{n}" for n, row in enumerate(TAKEN)]
)
def test_a_value_is_taken(key: str, value: Any, expected: Any) -> None:
    assert getattr(make(**{key: value}), key) == expected


REFUSED: list[tuple[str, Any, str]] = [
    ("user", "", "'' is not a user or group name"),
    ("user", "-x", "'-x' is not a user or group name"),
    ("user", "a b", "'a b' is not a user or group name"),
    ("user", "4294967295", "'4294967295' is not a user or group name"),
    ("user", "65535", "'65535' is not a user or group name"),
    ("user", "007", "'007' is not a user or group name"),
    ("shell", "bash", "'bash' is not an absolute path"),
    ("shell", "/bin/a\nb", "holds a line break; one line is wanted"),
    ("shell", "/" + "x" * 4095, "is 4,096 bytes long; at most 4,095 are possible"),
    ("working_directory", "~backup", "'~backup' is not an absolute path or ~"),
    ("environment_files", ["x"], "'x' is not an absolute path (a leading - says: if it is there)"),
    ("timeout", timedelta(0), "'datetime.timedelta(0)' is no time at all"),
    ("timeout", True, "'True' is not a duration"),
    ("stop_timeout", None, "infinity is not allowed here"),
    ("enabled", "false", "'false' is neither true nor false"),
    ("enabled", Plain("no"), "'no' is neither true nor false"),
    ("enabled", 1, "'1' is neither true nor false"),
    ("name", "a\x1b[31mb", "character 2 (U+001B) is a control character"),
    ("name", "a\x85b", "character 2 (U+0085) is a control character"),
    ("name", " a", "begins or ends with a space"),
    ("name", "a\\", "ends with a backslash, which in a unit file joins the next line to it"),
    ("environment", {"A": "\0"}, "holds a NUL character (number 1), which no program can be given"),
    (
        "environment",
        {"A": "\ud800"},
        "character 1 (U+D800) is not a character that systemd accepts",
    ),
    ("input", "a\ufffe", "character 2 (U+FFFE) is not a character that systemd accepts"),
    ("script", "\U0001ffff", "character 1 (U+1FFFF) is not a character that systemd accepts"),
    ("input", "x" * 700_001, "is 700,001 bytes long; at most 700,000 are possible"),
    (
        "command",
        ["/bin/echo", "x" * 131_072],
        "is 131,072 bytes long; at most 131,071 are possible",
    ),
    ("command", ["/bin/echo", "ü" * 65_536], "is 131,072 bytes long; at most 131,071 are possible"),
    (
        "environment",
        {"A": "x" * 131_070},
        "the environment variable A is 131,072 bytes long; at most 131,071 are possible",
    ),
    (
        "command",
        ["/bin/echo", *["x" * 131_000] * 8],
        "the command needs 1,048,036 bytes in a unit file; about 1,000,000 are possible",
    ),
    (
        "environment",
        {f"A{number}": "x" * 100_000 for number in range(21)},
        "command and environment are 2,100,281 bytes long; at most 2,000,000 are possible",
    ),
    ("tags", {"-a": "x"}, "'-a' is not a name of a tag"),
    ("environment", {"A B": "x"}, "'A B' is not a name of an environment variable"),
    (
        "environment",
        {"SERVICE_RESULT": "x"},
        "SERVICE_RESULT is set for each run by systemd or by us",
    ),
    ("environment", {"DEBVISOR_JOB": "x"}, "DEBVISOR_JOB is set for each run by systemd or by us"),
    ("depends_on", [{"unit": "a b.service"}], "'a b.service' is not a unit name"),
    ("depends_on", [{"unit": "x" * 248 + ".service"}], f"'{'x' * 77}...' is not a unit name"),
    (
        "depends_on",
        [{"unit": "debvisor-timers.target"}],
        "debvisor-timers.target is a unit of debvisor-timers",
    ),
]


@pytest.mark.parametrize(
    ("key", "value", "message"), REFUSED, ids=[f"{row[0]}-{n}" for n, row in enumerate(REFUSED)]
)
def test_a_value_is_refused(key: str, value: Any, message: str) -> None:
    assert complaint(**{key: value}) == message


@pytest.mark.parametrize("size", ["1", "512M", "1.5G", "50%", "12.25%", "infinity", "7E"])
def test_an_amount_of_memory_is_taken(size: str) -> None:
    assert make(resources={"memory_max": size}).resources.memory_max == size


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("1GB", "'1GB' is not an amount of memory"),
        ("1g", "'1g' is not an amount of memory"),
        ("-1", "'-1' is not an amount of memory"),
        ("0", "0 is out of range"),
        ("8E", "8E is out of range"),
        ("0%", "0% is outside 0%-100%"),
        ("101%", "101% is outside 0%-100%"),
        ("", "'' is not an amount of memory"),
    ],
)
def test_an_amount_of_memory_is_refused(size: str, message: str) -> None:
    assert complaint(resources={"memory_max": size}) == message


@pytest.mark.parametrize(("quota", "fits"), [("300%", True), ("0.5%", True), ("3", False)])
def test_a_quota_is_a_percentage(quota: str, fits: bool) -> None:
    if fits:
        assert make(resources={"cpu_quota": quota}).resources.cpu_quota == quota
    else:
        assert complaint(resources={"cpu_quota": quota}) == "'3' is not a percentage"


def test_a_quota_of_nothing_is_refused() -> None:
    assert complaint(resources={"cpu_quota": "0%"}) == "0% is outside 0%-100000%"


@pytest.mark.parametrize("job_id", ["a", "0", "a-b", "a--b", "x" * 64])
def test_a_job_id_is_taken(job_id: str) -> None:
    assert make(id=job_id).id == job_id


@pytest.mark.parametrize("job_id", ["", "A", "-a", "a-", "a_b", "a.b", "x" * 65, "ü", "a\n"])
def test_a_job_id_is_refused(job_id: str) -> None:
    assert complaint(id=job_id).endswith("is not a job id")


def test_values_of_directives_are_text_in_the_order_of_the_list() -> None:
    unit: Mapping[str, Any] = {
        "Service": {
            "ReadWritePaths": ["", "/a", "/b"],
            "Nice": 5,
            "PrivateTmp": True,
            "CPUWeight": ["1"],
        }
    }

    assert make(unit=unit).unit.Service == {
        "ReadWritePaths": ("", "/a", "/b"),
        "Nice": ("5",),
        "PrivateTmp": ("yes",),
        "CPUWeight": ("1",),
    }


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("Service", "Nice", "5\nType=forking", "holds a line break; one line is wanted"),
        ("Service", "Nice", "5\r", "holds a line break; one line is wanted"),
        (
            "Service",
            "Nice",
            "5\\",
            "ends with a backslash, which in a unit file joins the next line to it",
        ),
        ("Service", "Nice", [], "is an empty list"),
        ("Service", "Nice", {"a": "b"}, "a mapping is no value of a directive"),
        ("Service", "A=b\nType", "x", "'A=b\\nType' is not a name of a directive"),
        ("Service", "ExecStart", "x", "ExecStart= is set by debvisor-timers"),
        ("Unit", "Description", "x", "Description= is set by debvisor-timers"),
        ("Timer", "OnCalendar", "x", "OnCalendar= is set by debvisor-timers"),
    ],
)
def test_the_escape_hatch_refuses(section: str, name: str, value: Any, message: str) -> None:
    assert complaint(unit={section: {name: value}}) == message


def test_a_bare_text_as_schedule_is_cron() -> None:
    job = make(schedule="0 2 * * *")

    assert job.schedule is not None
    assert job.schedule.cron == "0 2 * * *"
    assert job.schedule.expression is not None
    assert job.schedule.expression.text == "0 2 * * *"


def test_calendar_lines_are_kept_as_they_are() -> None:
    job = make(schedule={"on_calendar": ["Mon..Fri 03:00", "Sat *-*-* 05:30:00 UTC"]})

    assert job.schedule is not None
    assert job.schedule.on_calendar == ("Mon..Fri 03:00", "Sat *-*-* 05:30:00 UTC")
    assert job.schedule.expression is None


@pytest.mark.parametrize("line", ["", "%H:00", "02:00;", "02:00 # x", "$x"])
def test_a_calendar_line_cannot_hold_other_characters(line: str) -> None:
    with pytest.raises(ValidationError):
        make(schedule={"on_calendar": line})


def test_defaults_of_a_job() -> None:
    job = make()

    assert job.title == "a"
    assert job.timeout == timedelta(hours=1)
    assert job.stop_timeout == timedelta(seconds=90)
    assert (job.user, job.group, job.shell, job.enabled) == ("root", "", "/bin/sh", True)
    assert (job.schedule, job.triggers, job.depends_on) == (None, (), ())


def test_a_job_is_frozen() -> None:
    with pytest.raises(ValidationError):
        make().name = "x"  # type: ignore[misc]


def test_an_unknown_key_of_catch_up_is_named_with_the_nearest() -> None:
    schedule = {"cron": "0 2 * * *", "catch_up": {"witin": "6h"}}

    assert complaint(schedule=schedule) == "unknown key 'witin'; did you mean 'within'?"
