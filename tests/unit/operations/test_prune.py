# SPDX-License-Identifier: Apache-2.0
"""Forgetting runs: which, how many, and what stays known of them."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.index import Index
from debvisor_timers.history.totals import Totals
from debvisor_timers.operations.past.maintain import maintain
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.operations.past.prune import Limits, Pruned, prune_history
from tests.unit.operations.kept_runs import a_run, keep, nightly_runs
from tests.unit.operations.ran import Ran, days, ran
from tests.unit.operations.world import NIGHTLY, World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)


def ids(world: World) -> list[tuple[str, str]]:
    """Return the days of all runs, newest first, with their jobs."""
    with open_past(world.host) as past:
        return [(run.job, f"{run.start:%m-%d}") for run in past.runs(RunFilter())]


def totals(world: World) -> Totals:
    with open_past(world.host) as past:
        return past.totals()


def prune(world: World, **limits: object) -> Pruned:
    return prune_history(world.host, Limits(**limits))  # type: ignore[arg-type]


def test_runs_that_began_too_long_ago_are_forgotten(world: World) -> None:
    keep(world, nightly_runs([60.0] * 4, first=NOW - timedelta(days=13)))
    keep(world, nightly_runs([60.0] * 2, job="other", first=NOW - timedelta(days=10)))

    done = prune(world, keep=timedelta(days=11))

    assert (done.runs, done.keep, done.notes) == (2, timedelta(days=11), ())
    assert ids(world) == [
        ("other", "11-14"), ("other", "11-13"), ("nightly", "11-13"), ("nightly", "11-12")
    ]  # fmt: skip


def test_so_many_runs_of_each_job_are_kept_the_newest(world: World) -> None:
    keep(world, nightly_runs([60.0] * 4, first=NOW - timedelta(days=13)))
    keep(world, nightly_runs([60.0], job="other", first=NOW - timedelta(days=10)))

    assert prune(world, keep_runs=2).runs == 2

    assert ids(world) == [("other", "11-13"), ("nightly", "11-13"), ("nightly", "11-12")]


def test_the_newest_are_those_at_the_end_of_the_journal(world: World) -> None:
    """The clock was once a year ahead."""
    ahead = nightly_runs([60.0], first=NOW + timedelta(days=365))
    keep(world, [*ahead, *nightly_runs([60.0] * 2, first=NOW - timedelta(days=3))])

    prune(world, keep_runs=2)

    assert ids(world) == [("nightly", "11-21"), ("nightly", "11-20")]


def test_what_is_counted_at_first_is_forgotten_then(world: World) -> None:
    keep(world, nightly_runs([60.0] * 5, first=NOW - timedelta(days=13)))

    counted = prune_history(world.host, Limits(keep_runs=2), dry_run=True)

    assert counted.runs == 3
    assert len(ids(world)) == 5
    assert prune(world, keep_runs=2).runs == 3
    assert prune(world, keep_runs=2).runs == 0
    assert len(ids(world)) == 2


def test_a_run_under_way_is_kept_however_old_it_is(world: World) -> None:
    ran(world, "nightly", Ran(start=NOW - timedelta(days=400), took=None))
    days(world, "other", "success", "success", start=NOW - timedelta(days=300))

    assert prune(world, keep=timedelta(days=1), keep_runs=1).runs == 2
    assert ids(world) == [("nightly", "10-19")]


def test_what_was_forgotten_is_not_read_again(world: World) -> None:
    days(world, "nightly", *["success"] * 5, start=NOW - timedelta(days=8))
    prune(world, keep=timedelta(days=6))
    found = ids(world)
    assert len(found) == 3

    assert ids(world) == found
    # Nor where the record is gone that was read last.
    state = world.systemd.state
    state.records.pop()
    days(world, "nightly", "success", start=NOW - timedelta(days=1))
    assert ids(world)[1:] == found


def test_a_clock_that_was_ahead_keeps_no_later_run_from_being_kept(world: World) -> None:
    days(world, "nightly", "success", start=NOW + timedelta(days=365))
    prune(world, keep_runs=1)
    state = world.systemd.state
    state.records.clear()
    days(world, "nightly", "success", start=NOW - timedelta(days=2))
    prune(world, keep_runs=1)
    world.systemd.reboot()
    days(world, "nightly", "success", "success", start=NOW - timedelta(days=1))

    assert ids(world)[:2] == [("nightly", "11-23"), ("nightly", "11-22")]


def test_what_comes_back_with_the_journal_is_forgotten_at_the_next_maintenance(
    world: World,
) -> None:
    world.write("history: {keep: 6d}\n", "../config.yaml")
    world.apply(NIGHTLY)
    days(world, "nightly", *["success"] * 5, start=NOW - timedelta(days=8))
    assert maintain(world.host).pruned.runs == 2

    world.layout.index.unlink()
    assert len(ids(world)) == 5
    assert maintain(world.host).pruned.runs == 2
    assert len(ids(world)) == 3


def test_totals_do_not_fall_when_runs_are_forgotten(world: World) -> None:
    days(world, "nightly", "success", "exit-code", "success", start=NOW - timedelta(days=8))
    keep(world, [a_run(NOW - timedelta(days=3), 5.0)])
    before = totals(world)

    assert prune(world, keep=timedelta(hours=1)).runs == 4
    after = totals(world)

    assert sum(before.runs.values()) == 4
    assert (after.runs, after.attempts, after.durations) == (
        before.runs, before.attempts, before.durations,
    )  # fmt: skip
    days(world, "nightly", "success", start=NOW - timedelta(hours=3))
    assert sum(totals(world).runs.values()) == 5
    assert sum(totals(world).runs.values()) == 5


def test_the_limits_are_those_that_were_applied(world: World) -> None:
    world.write("history: {keep: 30d, keep_runs: 3}\n", "../config.yaml")
    world.apply(NIGHTLY)
    world.write("history: {keep: 1d, keep_runs: 1}\n", "../config.yaml")
    keep(world, nightly_runs([60.0] * 5, first=NOW - timedelta(days=8)))

    done = prune(world)

    assert (done.runs, done.keep, done.keep_runs) == (2, timedelta(days=30), 3)


@pytest.mark.parametrize("keep_runs", [1 << 62, 1 << 63, 10**40])
def test_any_number_of_runs_may_be_kept(world: World, keep_runs: int) -> None:
    keep(world, nightly_runs([60.0]))
    assert prune(world, keep_runs=keep_runs).runs == 0


def test_any_time_may_be_kept(world: World) -> None:
    keep(world, nightly_runs([60.0]))
    assert prune(world, keep=timedelta(days=999_999_999)).runs == 0


def test_an_index_that_cannot_be_written_is_an_error(world: World) -> None:
    world.layout.index.mkdir(parents=True)
    with pytest.raises(SystemdError, match="unable to open"):
        prune(world)


def test_nothing_is_forgotten_where_the_rest_fails(world: World) -> None:
    keep(world, nightly_runs([60.0] * 5))
    world.systemd.steps.fail_on("journal.records", SystemdError("the journal is not readable"))
    with pytest.raises(SystemdError, match="not readable"):
        prune(world, keep_runs=1)
    with closing(Index.upon(world.layout.index)) as index:
        assert index.connection.execute("SELECT count(*) FROM runs").fetchone() == (5,)
