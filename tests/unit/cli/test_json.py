# SPDX-License-Identifier: Apache-2.0
"""--json: one document, the same keys whatever there is to say, times with their offset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from debvisor_timers import __version__
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.cli.program import Program
from tests.unit.operations.kept_runs import a_run, keep
from tests.unit.operations.last_runs import FAILED_AT_TWO, fail_and_retry, note_last
from tests.unit.operations.world import NIGHTLY, TWO

PLAN = {"current_generation", "generation", "unchanged", "foreign", "warnings", "jobs"}
PLANNED = {
    *("job", "change", "next_before", "next_after", "jitter_seconds"),
    *("edited", "entries"),
}
GUIDE_JOB = {
    *("job_id", "name", "description", "cron_expression", "timezone", "task_type", "task_config"),
    *("priority", "enabled", "owner", "timeout_seconds", "max_retries", "tags", "dependencies"),
    *("execution_count", "failure_count", "last_execution", "next_execution"),
}
ROW = GUIDE_JOB | {
    *("job", "name", "owner", "schedule", "enabled", "state", "last", "next_start", "skipped"),
    *("under_way", "paused", "skip_next", "progress"),
}
LAST = {
    *("run", "status", "outcome", "reason", "start", "end", "duration_seconds", "exit_status"),
    *("attempts", "max_attempts"),
}
UNDER_WAY = {
    *("run", "start", "trigger", "by", "status", "outcome", "attempt", "max_attempts"),
    *("waiting_for", "next_attempt"),
}
TOKEN = {"name", "role", "created", "created_by", "expires", "last_used"}
GUIDE_RUN = {
    *("job_id", "execution_id", "status", "start_time", "end_time", "duration_seconds"),
    "exit_code",
}
RUN = (
    LAST
    | GUIDE_RUN
    | {
        *("job", "generation", "trigger", "by", "scheduled_for", "signal"),
        *("trigger_runs", "retry_of", "waited_seconds", "each_attempt"),
        *("count", "last_scheduled_for", "overlapped"),
        *("cpu_seconds", "memory_peak_bytes", "task_result"),
    }
)
DETAILS = ROW | {
    *("description", "source", "tags", "on_calendar", "next_starts", "units"),
    *("attempts", "depends_on", "needed_by", "conflicts_with", "pool"),
    *("sandbox", "exposure"),
}
PROBLEM = {"file", "line", "column", "severity", "key", "message", "fix"}
COMING = {"job", "start", "latest_start", "scheduled", "enabled", "skipped", "may_be_skipped"}
TIMELINE = {"start", "end", "now", "zone", "jobs", "load", "constant", "cut", "notes"}
REPORT = {
    *("host", "since", "until", "now", "zone", "jobs", "is_well", "totals", "totals_before"),
    *("failed", "flaky", "missed", "worse", "unusual", "never_ran", "collisions"),
    *("not_looked_at", "notes"),
}
REHEARSAL = {
    *("job", "job_id", "dry_run", "service", "program", "user", "timeout_seconds", "unit"),
    *("max_attempts", "asks_for", "needs_units", "locks", "paused", "refused"),
}
RESULT = {
    *("generation", "created", "updated", "removed", "unchanged"),
    *("recovery", "timers_held", "unarmed"),
}
ROLLBACK = {"restores", "of_trial", "files", "replaced", "differing", "renewed", "notes"}
WRONG = "jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d")


def scalars(document: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is no list and no mapping, with the key that it stands under."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from scalars(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from scalars(value, key)
    else:
        yield key, document


def keys(document: Any) -> set[str]:
    """Return the keys of a mapping, or those that all mappings of a list have."""
    if isinstance(document, dict):
        return set(document)
    assert document
    (same,) = {frozenset(item) for item in document}
    return set(same)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["plan"], PLAN),
        (["apply", "--dry-run"], PLAN),
        (["apply"], RESULT),
        (["try", "--no-wait"], RESULT | {"deadline", "decision"}),
        (["rollback", "1"], RESULT | ROLLBACK),
        (["rollback", "1", "--dry-run"], PLAN | {"restores", "files"}),
        (["generations"], {"current", "trial", "generations"}),
        (["diff"], {"before", "after", "units", "files"}),
        (["check"], {"files", "jobs", "problems"}),
        (["list"], ROW),
        (["show", "nightly"], DETAILS),
        (["show", "hourly"], DETAILS),
        (["next"], COMING),
        (["next", "nightly", "hourly"], COMING),
        (["next", "--cron", "0 2 * * *"], COMING),
        (["next", "--on-calendar", "Mon 02:00"], COMING),
        (["timeline"], TIMELINE),
        (["report"], REPORT),
        (["graph"], {"job", "jobs", "edges", "alone"}),
        (["graph", "nightly"], {"job", "jobs", "edges", "alone"}),
        (["run", "nightly"], {"job", "run", "task_result"}),
        (["run", "nightly", "--wait"], {"job", "run", "task_result"}),
        (["run", "nightly", "--dry-run"], REHEARSAL),
        (["retry", "nightly"], {"job", "run", "retry_of", "task_result"}),
        (["pause", "nightly"], {"job", "since", "until", "by", "reason"}),
        (["resume", "nightly"], {"resumed", "not_paused", "unarmed"}),
        (["skip-next", "nightly", "2"], {"job", "skip_next", "before", "runs"}),
        (["maintenance", "on"], {"maintenance"}),
        (["maintenance", "off"], {"maintenance", "before"}),
        (["backfill", "nightly", "--from=2026-11-24", "--dry-run"], {"from", "to", "jobs"}),
        (["token", "create", "deploy"], TOKEN | {"token"}),
        (["history", "nightly"], RUN),
        (["status"], {"jobs", "timers", "healthy", "findings", "notes"}),
        (["explain"], {"key", "below", "presets"}),
        (["explain", "schedule"], {"key", "below", "presets"}),
        (["translate", "0 2 * * *"], {"expr", "zone", "on_calendar", "words", "next_starts"}),
        (["version"], {"version"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_document_with_stable_keys_and_no_other_word(
    program: Program, arguments: list[str], expected: set[str]
) -> None:
    program.world.apply(TWO)
    program.world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    note_last(program.world, "nightly", FAILED_AT_TWO)

    answer = program(*arguments, "--json")

    assert keys(answer.json) == expected
    assert answer.err == ""
    for key, value in scalars(answer.json):
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
            assert ISO.fullmatch(value), f"{key} is {value}"
        if key.endswith("_seconds"):
            assert value is None or isinstance(value, int | float), f"{key} is {value}"


def test_an_empty_list_is_a_document_too(program: Program) -> None:
    for command in ("list", "next"):
        assert program(command, "--json").json == []
    program.world.write(NIGHTLY)
    assert program("history", "nightly", "--json").json == []


def test_times_have_the_offset_of_the_host_and_durations_are_seconds(program: Program) -> None:
    program.world.apply(NIGHTLY + "    name: Nightly of all\n")
    note_last(program.world, "nightly", FAILED_AT_TWO)

    (row,) = program("list", "--json").json

    assert row == {
        "job": "nightly",
        "name": "Nightly of all",
        "owner": "",
        "schedule": "every day at 02:00",
        "enabled": True,
        "state": "scheduled",
        "last": {
            "run": "20261123T020000Z-4f2a9c",
            "status": "failed",
            "outcome": "failed",
            "reason": "exit status 3",
            "start": "2026-11-23T03:00:00+01:00",
            "end": "2026-11-23T03:01:30.500000+01:00",
            "duration_seconds": 90.5,
            "exit_status": 3,
            "attempts": None,
            "max_attempts": None,
        },
        "next_start": "2026-11-24T03:00:00+01:00",
        "skipped": None,
        "paused": None,
        "skip_next": 0,
        "progress": None,
        "under_way": None,
        "job_id": "nightly",
        "description": "",
        "cron_expression": "0 2 * * *",
        "timezone": None,
        "task_type": "",
        "task_config": {},
        "priority": "normal",
        "timeout_seconds": 3600.0,
        "max_retries": 0,
        "tags": {},
        "dependencies": [],
        "execution_count": 0,
        "failure_count": 0,
        "last_execution": "2026-11-23T03:00:00+01:00",
        "next_execution": "2026-11-24T03:00:00+01:00",
    }


def test_the_guide_s_fields_of_a_job_and_its_runs(program: Program) -> None:
    program.world.apply(
        NIGHTLY + "    depends_on: [{job: hourly, wait: 1h}]\n    conflicts_with: [{job: other}]\n"
        "  hourly: {schedule: '0 * * * *', command: [/bin/true]}\n"
        "  other: {schedule: {on_calendar: 'Mon 02:00'}, command: [/bin/true]}\n"
    )
    keep(
        program.world,
        [
            a_run(datetime(2026, 11, 20, 2, tzinfo=UTC), 5),
            a_run(datetime(2026, 11, 21, 2, tzinfo=UTC), 5, outcome=RunOutcome.FAILED),
            a_run(datetime(2026, 11, 22, 2, tzinfo=UTC), 0, outcome=RunOutcome.SKIPPED),
        ],
    )

    document = program("job", "show", "nightly", "--format=json").json
    _skipped, newest, _oldest = program("job", "history", "nightly", "--format=json").json

    assert document["dependencies"] == [
        {"job_id": "hourly", "dependency_type": "requires", "timeout_seconds": 3600.0},
        {"job_id": "other", "dependency_type": "conflicts", "timeout_seconds": None},
    ]
    assert (document["execution_count"], document["failure_count"]) == (2, 1)
    other = program("show", "other", "--json").json
    assert other["cron_expression"] == "Mon 02:00"
    assert (other["execution_count"], other["failure_count"]) == (0, 0)
    assert {name: newest[name] for name in ("job_id", "status", "duration_seconds")} == {
        "job_id": "nightly",
        "status": "failed",
        "duration_seconds": 5.0,
    }
    assert newest["execution_id"] == "20261121T020000Z-4f2a9c"
    assert newest["start_time"] == "2026-11-21T03:00:00+01:00"
    assert newest["end_time"] == "2026-11-21T03:00:05+01:00"


def test_a_run_between_two_attempts(program: Program) -> None:
    program.world.apply(NIGHTLY)
    fail_and_retry(program.world, "nightly")

    (row,) = program("list", "--json").json

    assert row["state"] == "retrying"
    assert keys(row["under_way"]) == UNDER_WAY
    assert row["under_way"] == {
        "run": "20261123T120000Z-0d4c52",
        "start": "2026-11-23T13:00:00+01:00",
        "trigger": "manual",
        "by": "alice",
        "status": "pending",
        "outcome": "waiting",
        "attempt": 1,
        "max_attempts": 4,
        "waiting_for": "attempt 2 of 4",
        "next_attempt": "2026-11-23T13:00:52+01:00",
    }
    assert program("show", "nightly", "--json").json["under_way"] == row["under_way"]


def test_each_attempt_of_a_run_of_the_history(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.set_outcome("debvisor-job-nightly.service", Outcome.failure(3))
    program.world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))

    (run,) = program("history", "nightly", "--json").json

    assert run["each_attempt"] == [
        {
            "attempt": 1,
            "start": "2026-11-24T03:00:00+01:00",
            "end": "2026-11-24T03:00:00+01:00",
            "duration_seconds": 0.0,
            "outcome": "failed",
            "reason": "exit status 3",
            "exit_status": 3,
            "signal": None,
        }
    ]


def test_a_run_of_the_history(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))

    (run,) = program("history", "nightly", "--json").json

    assert run["job"] == "nightly"
    assert run["start"] == run["end"] == "2026-11-24T03:00:00+01:00"
    assert (run["status"], run["outcome"], run["duration_seconds"]) == (
        "completed",
        "succeeded",
        0.0,
    )


def test_a_job_without_last_run_and_next_start_has_null_there(program: Program) -> None:
    program.world.apply("jobs: {hand: {command: [/bin/true]}}\n")

    (row,) = program("list", "--json").json

    assert (row["last"], row["next_start"], row["schedule"]) == (None, None, "")


def test_an_orphaned_job_has_the_same_keys(program: Program) -> None:
    program.world.apply(TWO)
    program.world.write(NIGHTLY)

    assert keys(program("list", "--json").json) == ROW
    assert keys(program("show", "hourly", "--json").json) == DETAILS


def test_a_plan_names_every_change(program: Program) -> None:
    program.world.write(NIGHTLY)

    plan = program("plan", "--json").json

    assert keys(plan["jobs"]) == PLANNED
    assert (plan["generation"], plan["unchanged"]) == (1, 0)
    (job,) = plan["jobs"]
    assert (job["job"], job["change"]) == ("nightly", "create")
    assert (job["next_before"], job["next_after"]) == (None, "2026-11-24T03:00:00+01:00")


@pytest.mark.parametrize("command", ["check", "list"])
def test_problems_leave_stdout_one_document(program: Program, command: str) -> None:
    program.world.write(WRONG)

    answer = program(command, "--json")

    assert answer.code == 3
    assert isinstance(json.loads(answer.out), dict | list)


def test_problems_of_a_check_are_told_with_their_place(program: Program) -> None:
    program.world.write(WRONG)

    answer = program("check", "--json")

    (problem,) = answer.json["problems"]
    assert problem.keys() == PROBLEM
    assert problem["file"] == f"{program.world.layout.jobs}/a.yaml"
    assert (problem["line"], problem["column"]) == (1, 28)
    assert (problem["severity"], problem["key"]) == ("error", "schedule")


def test_a_problem_of_a_whole_file_has_neither_line_nor_column(program: Program) -> None:
    (program.world.layout.jobs / "b.yml").touch()

    (problem,) = program("check", "--json").json["problems"]

    assert (problem["line"], problem["column"]) == (None, None)


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "--config"], ["schema", "--json"]])
def test_the_schema_is_json_anyway(program: Program, arguments: list[str]) -> None:
    assert program(*arguments).json["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_version(program: Program) -> None:
    assert program("version", "--json").json == {"version": __version__}


def test_a_finding_has_what_a_monitor_needs(program: Program) -> None:
    program.world.apply(NIGHTLY)
    note_last(program.world, "nightly", FAILED_AT_TWO)

    status = program("status", "--json").json

    assert (status["jobs"], status["timers"], status["healthy"]) == (1, 1, False)
    assert status["findings"] == [
        {
            "kind": "failed",
            "subject": "nightly",
            "message": "its last run failed (exit status 3)",
            "fix": "debvisor-timers logs nightly",
        }
    ]


def test_text_of_users_is_kept_as_it_is(program: Program) -> None:
    program.world.write("jobs: {a: {name: 'Grüße \"x\" \u2713', command: [/bin/true]}}\n")

    (row,) = program("list", "--json").json

    assert row["name"] == 'Grüße "x" ✓'
    assert "Grüße" in program("list", "--json").out
