# SPDX-License-Identifier: Apache-2.0
"""run: start a job now, tell `begin` who asked, and say how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.history.caller import Caller
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.runs.run import RunResult, Wish, retry_job, run_job
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import JobResult
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    STOPPED_AT_TWO,
    SUCCEEDED_AT_TWO,
    WAITING,
    fail_and_retry,
    note_last,
    note_under_way,
    set_start_limit,
)
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"
TIMER = "debvisor-job-nightly.timer"
ALICE = Caller(uid=0, user="root", login_uid=1000)


def run(world: World, job: str = "nightly", *, wait: bool = False) -> RunResult:
    return run_job(world.host, job, caller=ALICE, wish=Wish(wait=wait))


def requests(world: World) -> list[str]:
    folder = world.layout.runtime / "requests"
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def leave_at_the_end(world: World, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let each run leave `text` as its last-run file, as `end` does on a host."""
    start = world.systemd.manager.start

    def start_and_leave(
        units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> Mapping[str, JobResult]:
        results = start(units, wait=wait, timeout=timeout)
        note_last(world, "nightly", text)
        return results

    monkeypatch.setattr(world.systemd.manager, "start", start_and_leave)


def test_a_job_is_started_and_its_schedule_is_as_before(world: World) -> None:
    world.apply(TWO)
    next_elapse = world.systemd.manager.timer(TIMER).next_elapse

    result = run(world)

    assert result.run is None
    assert world.ran() == [SERVICE]
    assert world.systemd.executions[0].trigger == ""
    assert world.systemd.manager.timer(TIMER).next_elapse == next_elapse


def test_begin_is_told_who_asked_and_when(world: World) -> None:
    world.apply(NIGHTLY)

    run(world)

    request = world.layout.runtime / "requests" / "nightly.json"
    assert json.loads(request.read_text(encoding="utf-8")) == {
        "uid": 0,
        "user": "root",
        "login_uid": 1000,
        "requested_usec": 1795435207000000,
    }
    assert request.stat().st_mode & 0o777 == 0o644


def test_who_waits_gets_the_run_that_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(NIGHTLY)
    leave_at_the_end(world, monkeypatch, FAILED_AT_TWO)

    ended = run(world, wait=True).run

    assert ended is not None
    assert (ended.id, ended.outcome) == ("20261123T020000Z-4f2a9c", RunOutcome.FAILED)


def test_a_run_before_this_one_is_not_taken_for_it(world: World) -> None:
    """None of our programs ran (a missing user, say): the journal tells, not the old file."""
    world.apply(NIGHTLY)
    note_last(world, "nightly", SUCCEEDED_AT_TWO)
    world.systemd.set_outcome(SERVICE, Outcome.failure(217, duration=timedelta(seconds=2)))

    ended = run(world, wait=True).run

    assert isinstance(ended, Run)
    assert ended.outcome_words == "failed (exit status 217: its user)"
    assert ended.start == datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
    assert ended.duration == timedelta(seconds=2)


def test_the_first_run_of_all_without_programs_of_ours(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome.failure(203))

    ended = run(world, wait=True).run

    assert ended is not None
    assert ended.outcome_words == "failed (exit status 203: its program cannot be executed)"


def test_a_running_job_is_not_started_twice(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))

    with pytest.raises(RefusedError, match="job 'nightly' is running already") as caught:
        run(world)

    assert "debvisor-timers logs -f nightly" in caught.value.fix
    assert world.ran() == [SERVICE]
    assert requests(world) == []


def test_a_job_that_is_not_applied_is_refused(world: World) -> None:
    world.write(NIGHTLY)

    with pytest.raises(RefusedError, match="job 'nightly' is not applied yet") as caught:
        run(world)

    assert caught.value.fix == "run `debvisor-timers apply` first"
    assert (world.ran(), requests(world)) == ([], [])


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("nighly", "did you mean 'nightly'?"),
        ("zzz", "`debvisor-timers list` shows all jobs"),
        ("../../etc/passwd", "`debvisor-timers list` shows all jobs"),
    ],
)
def test_a_job_that_nobody_knows_is_told_with_the_nearest(
    world: World, typed: str, fix: str
) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError) as caught:
        run(world, typed)

    assert caught.value.message == f"there is no job {typed!r}"
    assert caught.value.fix == fix
    assert (world.ran(), requests(world)) == ([], [])


def test_a_disabled_job_can_be_run_by_hand(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")

    run(world)

    assert world.ran() == [SERVICE]
    assert world.running() == set()


def test_a_job_can_be_run_while_the_emergency_brake_is_on(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.manager.stop(["debvisor-timers.target"])

    run(world)

    assert world.ran() == [SERVICE]
    assert world.running() == set()


def test_a_job_whose_yaml_is_gone_can_be_run_until_the_apply(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n" + TWO.removeprefix(NIGHTLY))

    run(world)

    assert world.ran() == [SERVICE]


def test_a_job_that_waits_is_refused_with_what_it_waits_for(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(world, "nightly", WAITING)

    with pytest.raises(RefusedError) as caught:
        run(world)

    assert caught.value.message == (
        "a run of job 'nightly' is under way: it waits for pool backup (5 of 5 taken)"
    )
    assert "debvisor-timers stop nightly" in caught.value.fix
    assert requests(world) == []


def test_a_job_between_two_attempts_is_refused(world: World) -> None:
    world.apply(NIGHTLY)
    fail_and_retry(world, "nightly")

    with pytest.raises(RefusedError, match="it waits for attempt 2 of 4"):
        run(world)


def test_begin_is_told_to_pass_over_dependencies(world: World) -> None:
    world.apply(NIGHTLY)

    run_job(world.host, "nightly", caller=ALICE, wish=Wish(force=True))

    assert request(world)["force"] is True


def test_a_start_limit_never_refuses_a_run_by_hand(world: World) -> None:
    """Attempts that fail before any program of ours leave it used up (a missing user, say)."""
    world.apply(NIGHTLY)
    set_start_limit(world, "nightly", burst=1)
    world.systemd.set_outcome(SERVICE, Outcome.failure(217))
    run(world)
    run(world)

    assert world.ran() == [SERVICE, SERVICE]


def request(world: World) -> dict[str, object]:
    path = world.layout.runtime / "requests" / "nightly.json"
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found


def retry(world: World, run_id: str | None = None) -> RunResult:
    return retry_job(world.host, "nightly", run_id, caller=ALICE, wait=False)


def failed_run(world: World, status: int = 3) -> str:
    """Let the job fail once, without programs of ours, and return the id of that run."""
    world.systemd.advance(timedelta(seconds=10))
    world.systemd.set_outcome(SERVICE, Outcome.failure(status))
    world.systemd.manager.start([SERVICE])
    return history(world.host, "nightly", limit=1)[0].id


def test_the_last_run_is_run_again_if_it_failed(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", FAILED_AT_TWO)

    result = retry(world)

    assert result.retry_of == "20261123T020000Z-4f2a9c"
    assert request(world)["retry_of"] == "20261123T020000Z-4f2a9c"
    assert request(world)["user"] == "root"
    assert world.ran() == [SERVICE]


def test_the_newest_failed_run_is_run_again_though_later_ones_succeeded(world: World) -> None:
    world.apply(NIGHTLY)
    older, newer = failed_run(world), failed_run(world)
    world.systemd.advance(timedelta(seconds=10))
    world.systemd.set_outcome(SERVICE, Outcome())
    world.systemd.manager.start([SERVICE])
    note_last(world, "nightly", SUCCEEDED_AT_TWO)

    assert retry(world).retry_of == newer
    assert retry(world, older).retry_of == older


@pytest.mark.parametrize("text", [FAILED_AT_TWO, STOPPED_AT_TWO])
def test_a_run_that_is_named_can_be_one_that_only_the_file_knows(world: World, text: str) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", text)

    assert retry(world, "20261123T020000Z-4f2a9c").retry_of == "20261123T020000Z-4f2a9c"


def test_no_failed_run_is_refused(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", STOPPED_AT_TWO)

    with pytest.raises(RefusedError, match="no run of job 'nightly' has failed"):
        retry(world)

    assert (world.ran(), requests(world)) == ([], [])


def test_an_unknown_run_is_told(world: World) -> None:
    world.apply(NIGHTLY)
    failed_run(world)

    with pytest.raises(NotFoundError, match="there is no run 'x' of job 'nightly'") as caught:
        retry(world, "x")

    assert "debvisor-timers history nightly" in caught.value.fix


def test_a_run_that_did_not_fail_is_refused(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", SUCCEEDED_AT_TWO)

    with pytest.raises(RefusedError, match=r"did not fail: it succeeded") as caught:
        retry(world, "20261123T020000Z-4f2a9c")

    assert "debvisor-timers run nightly" in caught.value.fix


def test_a_running_job_is_not_run_again(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", FAILED_AT_TWO)
    fail_and_retry(world, "nightly")

    with pytest.raises(RefusedError, match="is under way"):
        retry(world)
