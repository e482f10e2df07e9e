# SPDX-License-Identifier: Apache-2.0
"""Jobs as lines of a crontab, and why some are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.jobs.crontab.export import crontab_text, export_job
from debvisor_timers.jobs.crontab.parse import parse_crontab
from debvisor_timers.jobs.crontab.percent import split_percent
from debvisor_timers.jobs.crontab.translate import environment
from debvisor_timers.jobs.model import Job
from debvisor_timers.source import Span


def job(**keys: object) -> Job:
    body = {"schedule": "0 2 * * *", "command": ("/usr/bin/run", "it"), **keys}
    return Job.model_validate({"id": "a", "source": Span(file=Path("/a.yaml"), line=1), **body})


def lines(*jobs: Job) -> list[str]:
    """Return the crontab of jobs without its first lines."""
    return crontab_text([export_job(each, home="/root") for each in jobs]).splitlines()[3:]


def test_a_plain_job_is_a_line_with_the_settings_that_it_needs() -> None:
    assert lines(job(description="Does it.", working_directory="/root")) == [
        "# a: Does it.",
        "# lost: timeout",
        "SHELL=/bin/sh",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "HOME=/root",
        "0 2 * * * root /usr/bin/run it",
    ]


def test_what_was_imported_goes_back_as_it_was() -> None:
    imported = job(
        schedule="*/5 * * * mon-fri",
        command=("/bin/bash", "-c", r"date +%F | sed 's/\d/x/'"),
        input="one\ntwo\n",
        user="alice",
        environment={
            "SHELL": "/bin/bash",
            "PATH": "/usr/bin:/bin",
            "HOME": "/h",
            "LOGNAME": "alice",
        },
        working_directory="/h",
        timeout="infinity",
    )

    assert lines(imported) == [
        "# a",
        "SHELL=/bin/bash",
        "PATH=/usr/bin:/bin",
        "HOME=/h",
        r"*/5 * * * mon-fri alice date +\%F | sed 's/\\d/x/'%one%two",
    ]


def test_arguments_are_quoted_and_the_folder_is_entered() -> None:
    assert lines(job(command=("/usr/bin/run", "it's 5%", "")))[-1] == (
        r"""0 2 * * * root cd / && /usr/bin/run 'it'"'"'s 5\%' ''"""
    )


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a; b", "{ a; b; }"),
        ("a && b", "{ a && b; }"),
        ("a # c", "eval 'a # c'"),
        ("a &", "eval 'a &'"),
        ("a; b; ", "eval 'a; b; '"),
        ("a \\", r"eval 'a \\'"),
    ],
)
def test_a_command_line_runs_whole_in_its_folder(text: str, column: str) -> None:
    assert lines(job(command=("/bin/sh", "-c", text)))[-1] == f"0 2 * * * root cd / && {column}"


def test_the_home_of_the_user_is_entered_where_home_says_another_folder() -> None:
    text = lines(job(working_directory="~", environment={"HOME": "/h"}))

    assert text[-1] == "0 2 * * * root cd /root && /usr/bin/run it"


def test_a_program_of_the_path_is_not_the_shells_own() -> None:
    assert lines(job(command=("echo", "-e", "a")))[-1] == "0 2 * * * root cd / && exec echo -e a"


def test_names_in_capitals_are_those_of_cron() -> None:
    assert lines(job(schedule="0 2 * JUL WED"))[-1].startswith("0 2 * JUL WED root ")


def test_a_boot_trigger_is_at_reboot() -> None:
    assert lines(job(schedule=None, triggers=[{"boot": "0s"}]))[-1] == (
        "@reboot root cd / && /usr/bin/run it"
    )


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"schedule": {"on_calendar": "daily"}}, "schedule.on_calendar: not a cron expression"),
        (
            {"schedule": {"cron": "0 2 * * *", "timezone": "UTC"}},
            "schedule.timezone: Debian's cron",
        ),
        ({"schedule": {"cron": "0 2 * * *", "catch_up": "once"}}, "schedule.catch_up: cron makes"),
        ({"schedule": {"cron": "0 2 * * *", "jitter": "5min"}}, "schedule.jitter: cron has"),
        ({"schedule": "0 2 L * *"}, "schedule: Debian's cron does not read '0 2 L * *'"),
        ({"schedule": "0 2 * * fri-sun"}, "schedule: Debian's cron does not read"),
        ({"schedule": None}, "schedule: it has none"),
        ({"triggers": [{"path_exists": "/x"}]}, "triggers: besides a schedule"),
        ({"schedule": None, "triggers": [{"boot": "5min"}]}, "triggers: @reboot has no delay"),
        ({"command": None, "script": "a\nb\n"}, "script: cron takes one line"),
        ({"command": ("/bin/sh", "-c", "a\nb")}, "command or input: a line of a crontab"),
        ({"input": "no end"}, "command or input: a line of a crontab"),
        ({"enabled": False}, "enabled: it is switched off"),
        ({"sandbox": "strict"}, "sandbox: cron has nothing like it"),
        ({"group": "adm"}, "group: cron has nothing like it"),
        ({"retries": {"max": 2}}, "retries: cron has nothing like it"),
        ({"depends_on": [{"job": "b"}]}, "depends_on: cron has nothing like it"),
        ({"conflicts_with": ["b"]}, "conflicts_with: cron has nothing like it"),
        ({"command": ("/bin/x", "é" * 495)}, "command: cron takes at most 998 bytes"),
        ({"environment": {"A": "a" * 1000}}, "environment: cron's line A=... cannot hold"),
        ({"environment": {"A": "a\nb"}}, "environment: cron's line A=... cannot hold the value"),
    ],
)
def test_what_cron_cannot_do_is_refused_with_the_reason(
    keys: dict[str, object], reason: str
) -> None:
    exported = export_job(job(**keys), home="/root")

    assert exported.line == ""
    assert any(each.startswith(reason) for each in exported.refused), exported.refused
    text = crontab_text([exported])
    assert all(line.startswith("#") or not line for line in text.splitlines())


def test_the_settings_of_one_job_do_not_reach_another() -> None:
    assert lines(job(environment={"A": "1", "PATH": "/x"}), job()) == [
        "# a",
        "# lost: timeout",
        "SHELL=/bin/sh",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "HOME=/root",
        "0 2 * * * root cd / && /usr/bin/run it",
        "",
        "# a",
        "# lost: timeout",
        "PATH=/x",
        "A=1",
        "0 2 * * * root cd / && /usr/bin/run it",
    ]


def test_a_setting_that_cannot_be_taken_away_is_empty_and_said() -> None:
    text = lines(job(environment={"A": "1"}), job(environment={"B": "2"}))

    assert text[-4:] == [
        "# lost: A is not set; here it is empty",
        'A=""',
        "B=2",
        "0 2 * * * root cd / && /usr/bin/run it",
    ]


TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=60)


@given(
    command=TEXT.filter(str.strip),
    values=st.dictionaries(st.from_regex("[A-Z]{1,5}", fullmatch=True), TEXT, max_size=4),
)
def test_cron_reads_what_the_job_runs(command: str, values: dict[str, str]) -> None:
    own = {"SHELL": "/bin/sh", "PATH": "/bin", "HOME": "/h", "LOGNAME": "alice"}
    a_job = job(
        command=("/bin/sh", "-c", command),
        environment={**values, **own},
        user="alice",
        working_directory="/h",
    )
    exported = export_job(a_job, home="/home/alice")
    if exported.refused:
        return

    (entry,) = parse_crontab(crontab_text([exported]), path=Path("/x")).entries

    assert split_percent(entry.raw)[0] == command.lstrip(" ")
    assert environment(entry, "/home/alice") == dict(a_job.environment)
