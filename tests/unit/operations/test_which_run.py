# SPDX-License-Identifier: Apache-2.0
"""Which run is meant: by its id, by how that begins, the newest, the newest that failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.history.fields import format_fields
from debvisor_timers.history.records import MessageId
from debvisor_timers.history.runs import RunOutcome
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.run_records import Recorder
from tests.unit.operations.world import NIGHTLY, TWO, World

RUNS = {
    "20261123T010000Z-aaaaaa": 3,
    "20261123T020000Z-bbbbbb": 0,
    "20261123T020000Z-bbcccc": 4,
    "20261123T030000Z-dddddd": 0,
}


@pytest.fixture
def past(world: World) -> World:
    """A host where `nightly` has four runs; after them an elapse was skipped."""
    world.write(NIGHTLY)
    for number, (run, status) in enumerate(RUNS.items()):
        job = Recorder(world=world, run=run, invocation=f"{number:032x}")
        job.begin()
        job.end(exit_status=status)
    skip = Recorder(world=world, run="", invocation="", fields={"DEBVISOR_REASON": "paused"})
    skip.ours(MessageId.RUN_SKIPPED, DEBVISOR_OVERLAPPED="20261123T030000Z-dddddd")
    return world


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(id="20261123T020000Z-bbbbbb"), "20261123T020000Z-bbbbbb"),
        (Choice(id="20261123T020000Z-bbb"), "20261123T020000Z-bbbbbb"),
        (Choice(id="20261123T01"), "20261123T010000Z-aaaaaa"),
        (Choice(), "20261123T030000Z-dddddd"),
        (Choice(failed=True), "20261123T020000Z-bbcccc"),
    ],
)
def test_one_run_is_meant(past: World, choice: Choice, expected: str) -> None:
    assert find_run(past.host, "nightly", choice).id == expected


def test_the_beginning_of_several_ids_names_them_all(past: World) -> None:
    with pytest.raises(NotFoundError, match="the beginning of 2 runs of job 'nightly': ") as caught:
        find_run(past.host, "nightly", Choice(id="20261123T02"))

    assert "20261123T020000Z-bbbbbb" in caught.value.message
    assert "20261123T020000Z-bbcccc" in caught.value.message
    assert caught.value.fix == "write more of the id"


def test_the_id_that_a_run_had_before_it_was_named(past: World) -> None:
    run = Recorder(world=past, run="20261123T040001Z-eeeeee", invocation="feedc0ffee" + "0" * 22)
    run.begin()
    run.end(exit_status=0)

    found = find_run(past.host, "nightly", Choice(id="20261123T040000Z-feedc0"))

    assert found.id == "20261123T040001Z-eeeeee"


def test_a_run_that_nobody_knows(past: World) -> None:
    with pytest.raises(NotFoundError, match="there is no run '2027' of job 'nightly'"):
        find_run(past.host, "nightly", Choice(id="2027"))


def test_a_job_that_nobody_knows(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'hourley'") as caught:
        find_run(world.host, "hourley", Choice())

    assert caught.value.fix == "did you mean 'hourly'?"


def test_a_job_that_has_not_run_yet_and_one_that_never_failed(world: World) -> None:
    world.write(NIGHTLY)
    with pytest.raises(NotFoundError, match="job 'nightly' has not run yet"):
        find_run(world.host, "nightly", Choice())

    job = Recorder(world=world)
    job.begin()
    job.end()
    with pytest.raises(NotFoundError, match="no run of job 'nightly' failed"):
        find_run(world.host, "nightly", Choice(failed=True))


def test_where_all_runs_were_skipped_the_newest_skip_is_meant(world: World) -> None:
    world.write(NIGHTLY)
    job = Recorder(world=world, fields={"DEBVISOR_SKIPPED": "paused"})
    job.begin()
    job.end()

    assert find_run(world.host, "nightly", Choice()).outcome is RunOutcome.SKIPPED


def test_a_run_under_way_is_known_by_what_begin_noted(world: World) -> None:
    world.apply(NIGHTLY)
    service = "debvisor-job-nightly.service"
    world.systemd.set_outcome(service, Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start([service], wait=False)
    fields = {
        "DEBVISOR_RUN_ID": "20261123T120007Z-noted0",
        "DEBVISOR_INVOCATION_ID": world.host.manager.service(service).invocation_id,
        "DEBVISOR_START_USEC": "1795435207000000",
        "DEBVISOR_TRIGGER": "manual",
    }
    world.layout.runs.mkdir(parents=True)
    (world.layout.runs / "nightly").write_bytes(format_fields(fields))

    for choice in (Choice(), Choice(id="20261123T120007Z-no")):
        run = find_run(world.host, "nightly", choice)
        assert (run.id, run.outcome) == ("20261123T120007Z-noted0", RunOutcome.RUNNING)
