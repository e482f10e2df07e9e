# SPDX-License-Identifier: Apache-2.0
"""Runs over HTTP: asked for, awaited, repeated, ended, looked back at."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.memory import Outcome
from debvisor_timers.web import runs
from debvisor_timers.web.backend import Backend
from tests.unit.operations.world import TWO
from tests.unit.web.served import Served

SERVICE = "debvisor-job-nightly.service"


def test_a_run_is_answered_when_it_is_over_as_the_guide_has_it(served: Served) -> None:
    served.world.apply(TWO)

    answer = served.as_role("operator").post("/api/v1/jobs/nightly/run")

    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["job_id"], data["status"], data["exit_code"]) == ("nightly", "completed", 0)
    assert data["execution_id"]
    assert data["start_time"] <= data["end_time"]
    assert data["duration_seconds"] >= 0


def test_who_does_not_wait_is_told_where_the_run_is(served: Served) -> None:
    served.world.apply(TWO)
    served.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(minutes=5)))

    answer = served.as_role("operator").post("/api/v1/jobs/nightly/run?wait=false")

    assert answer.status_code == 202
    data = answer.json()["data"]
    assert answer.headers["location"] == data["location"]


def test_a_run_that_fails_is_no_failure_of_the_request(served: Served) -> None:
    served.world.apply(TWO)
    served.world.systemd.set_outcome(SERVICE, Outcome.failure(3))

    data = served.as_role("operator").post("/api/v1/jobs/nightly/run").json()["data"]

    assert (data["status"], data["exit_code"]) == ("failed", 3)


def test_a_rehearsal_starts_nothing(served: Served) -> None:
    served.world.apply(TWO)

    data = served.as_role("operator").post("/api/v1/jobs/nightly/run?dry_run=true").json()["data"]

    assert (data["dry_run"], data["service"]) == (True, SERVICE)
    assert served.world.ran() == []


def test_a_failed_run_is_repeated_by_its_id(served: Served) -> None:
    served.world.apply(TWO)
    operator = served.as_role("operator")
    served.world.systemd.set_outcome(SERVICE, Outcome.failure(3))
    failed = operator.post("/api/v1/jobs/nightly/run").json()["data"]["execution_id"]
    served.world.systemd.advance(timedelta(minutes=1))
    served.world.systemd.set_outcome(SERVICE, Outcome())

    answer = operator.post(f"/api/v1/jobs/nightly/executions/{failed}/retry")

    assert answer.status_code == 200
    assert answer.json()["data"]["execution_id"] != failed
    assert served.world.ran() == [SERVICE, SERVICE]


def test_a_run_that_did_not_fail_is_not_repeated(served: Served) -> None:
    served.world.apply(TWO)
    operator = served.as_role("operator")
    run = operator.post("/api/v1/jobs/nightly/run").json()["data"]["execution_id"]

    assert operator.post(f"/api/v1/jobs/nightly/executions/{run}/retry").status_code == 409


def test_the_same_key_starts_one_run(served: Served) -> None:
    served.world.apply(TWO)
    operator, headers = served.as_role("operator"), {"Idempotency-Key": "k"}

    first = operator.post("/api/v1/jobs/nightly/run", headers=headers)
    again = operator.post("/api/v1/jobs/nightly/run", headers=headers)

    assert again.content == first.content
    assert served.world.ran() == [SERVICE]


@pytest.mark.parametrize("broken", [SystemdError("the journal is away"), asyncio.CancelledError()])
def test_a_run_whose_answer_was_lost_is_not_started_again(
    served: Served, monkeypatch: pytest.MonkeyPatch, broken: BaseException
) -> None:
    served.world.apply(TWO)
    operator, headers = served.as_role("operator"), {"Idempotency-Key": "k"}

    async def fail(_backend: Backend, _asked: runs.Asked) -> runs.Seen:
        raise broken

    with monkeypatch.context() as patched:
        patched.setattr(runs, "ended", fail)
        with suppress(asyncio.CancelledError, CancelledError):
            operator.post("/api/v1/jobs/nightly/run", headers=headers)
    again = operator.post("/api/v1/jobs/nightly/run", headers=headers)

    assert again.status_code == 409
    assert "was cut off" in again.json()["error"]["detail"]
    assert served.world.ran() == [SERVICE]


def test_a_job_that_is_not_applied_is_refused(served: Served) -> None:
    served.world.write(TWO)

    assert served.as_role("operator").post("/api/v1/jobs/nightly/run").status_code == 409


def test_nothing_is_stopped_where_nothing_runs(served: Served) -> None:
    served.world.apply(TWO)

    data = served.as_role("operator").post("/api/v1/jobs/nightly/stop").json()["data"]

    assert data == {"job_id": "nightly", "stopped": False}


@pytest.mark.parametrize(
    "path", ["jobs/nightly/run", "jobs/nightly/stop", "jobs/nightly/executions/x/retry"]
)
def test_who_only_looks_starts_and_stops_nothing(served: Served, path: str) -> None:
    served.world.apply(TWO)

    assert served.as_role("viewer").post(f"/api/v1/{path}").status_code == 403


def test_history_comes_page_by_page_newest_first(served: Served) -> None:
    served.world.apply(TWO)
    operator = served.as_role("operator")
    runs = []
    for _ in range(3):
        runs.append(operator.post("/api/v1/jobs/nightly/run").json()["data"]["execution_id"])
        served.world.systemd.advance(timedelta(minutes=1))

    first = operator.get("/api/v1/jobs/nightly/history?limit=2").json()["data"]
    operator.post("/api/v1/jobs/nightly/run")
    second = operator.get(first["next"]).json()["data"]

    ids = [run["execution_id"] for page in (first, second) for run in page["executions"]]
    assert sorted(ids) == sorted(runs)
    assert second["next"] is None


def test_statistics_have_the_fields_of_the_guide(served: Served) -> None:
    served.world.apply(TWO)
    served.as_role("operator").post("/api/v1/jobs/nightly/run")

    data = served.as_role("viewer").get("/api/v1/jobs/nightly/stats").json()["data"]

    assert (data["job_id"], data["name"], data["total_executions"]) == ("nightly", "nightly", 1)
    assert (data["successful_executions"], data["failed_executions"]) == (1, 0)
    assert data["success_rate"] == 1.0
    assert data["last_execution"]
    assert data["next_execution"].startswith("2026-11-24T02:00:00")


def test_a_run_is_found_by_its_id(served: Served) -> None:
    served.world.apply(TWO)
    run = served.as_role("operator").post("/api/v1/jobs/nightly/run").json()["data"]
    viewer = served.as_role("viewer")

    answer = viewer.get(f"/api/v1/jobs/nightly/runs/{run['execution_id']}")

    assert answer.json()["data"]["execution_id"] == run["execution_id"]
    assert viewer.get("/api/v1/jobs/nightly/runs/nope").status_code == 404


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-11-23T12:00:00+00:00", 1),
        ("2026-11-23T14:00:00%2B01:00", 0),
        ("2026-11-23 12:00:00", 1),
        ("tomorrow", 0),
    ],
)
def test_times_are_read_as_systemd_and_iso_have_them(
    served: Served, since: str, count: int
) -> None:
    served.world.apply(TWO)
    served.as_role("operator").post("/api/v1/jobs/nightly/run")

    answer = served.as_role("viewer").get(f"/api/v1/runs?since={since}")

    assert answer.json()["data"]["count"] == count


def test_what_is_no_time_is_refused(served: Served) -> None:
    assert served.as_role("viewer").get("/api/v1/runs?since=soonish").status_code == 400
