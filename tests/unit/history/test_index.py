# SPDX-License-Identifier: Apache-2.0
"""The index: what was written is what is read, in a file, in memory, and in one upon the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.history.index import VERSION, Index, Page
from debvisor_timers.history.outcome import Ending, RunOutcome
from debvisor_timers.history.reading import News, Place, ReadRun
from debvisor_timers.history.rows import IndexFileError
from debvisor_timers.history.runs import Run
from tests.unit.history.journals import runs_in, runs_of
from tests.unit.operations.kept_runs import a_run

FIRST = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
BOOT = "0" * 32


def night(number: int, **changes: Any) -> Run:
    return a_run(FIRST + timedelta(days=number), 60.0, **changes)


def news(*runs: Run, settled: bool = True, boot: str = BOOT, more: bool = False) -> News:
    return News(
        boot=boot,
        place=Place(cursor="s=0;i=1", written=FIRST, pins={} if settled else {"nightly": "pin"}),
        runs=[ReadRun(run=run, is_settled=settled) for run in runs],
        jobs=frozenset(run.job for run in runs),
        more=more,
    )


def under_way(run: Run) -> Run:
    return replace(run, end=None, ending=Ending(outcome=RunOutcome.RUNNING))


def counted(index: Index) -> dict[str, int]:
    query = "SELECT outcome, sum(runs) FROM main.sums GROUP BY outcome"
    return dict(index.connection.execute(query))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def write(path: Path, *several: News) -> None:
    with closing(Index.of_file(path)) as index:
        for each in several:
            index.add(each)
        index.commit()


def test_what_is_not_committed_has_never_been(path: Path) -> None:
    write(path, news(night(1)))
    with closing(Index.of_file(path)) as index:
        index.add(news(night(2)))
    assert runs_in(path) == [night(1)]


def test_a_run_that_is_told_again_stays_at_its_place(path: Path) -> None:
    write(path, news(under_way(night(1)), settled=False), news(night(2)), news(night(1)))
    assert runs_in(path) == [night(1), night(2)]


def test_a_run_is_counted_once_however_often_it_is_told(path: Path) -> None:
    write(path, news(under_way(night(1)), settled=False), *[news(night(1))] * 3)
    with closing(Index.upon(path)) as index:
        assert counted(index) == {"succeeded": 1}


def test_of_two_runs_of_one_name_the_later_is_kept(path: Path) -> None:
    failed = night(1, outcome=RunOutcome.FAILED)
    write(path, news(failed, night(1)))
    assert runs_in(path) == [night(1)]


def test_a_name_that_becomes_known_replaces_what_was_made_up(path: Path) -> None:
    before = replace(under_way(night(1)), id="made-up", invocation_ids=("a" * 32,))
    after = replace(night(1), invocation_ids=("a" * 32,))
    write(path, news(before, settled=False), news(night(2)), news(after))
    assert runs_in(path) == [after, night(2)]


def test_jobs_and_the_newest_runs(path: Path) -> None:
    write(path, news(*[night(number) for number in range(5)], night(9, job="another")))
    with closing(Index.upon(path)) as index:
        assert index.jobs() == {"another", "nightly"}
        assert index.newest("nightly") == [night(4), night(3), night(2)]
        assert index.newest("none") == []
        assert index.synced() == FIRST


@pytest.mark.parametrize("order", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 3, 99, 10**30])
@pytest.mark.parametrize("limit", [None, 0, 1, 2, 10**30])
def test_a_page_of_a_layer_is_that_of_the_whole(
    path: Path, limit: int | None, offset: int, order: bool
) -> None:
    write(path, news(night(0), night(1)), news(under_way(night(2)), settled=False))
    page = Page(newest_first=order, limit=limit, offset=offset)
    newer = news(night(2), night(3), night(4, job="another"))
    with closing(Index.upon(path)) as layer:
        layer.add(newer)
        found = [start for (start,) in layer.select("start", page)]
        counts = counted(layer)
    write(path, newer)
    with closing(Index.upon(path)) as whole:
        assert found == [start for (start,) in whole.select("start", page)]
        assert counts == counted(whole) == {"succeeded": 5}


def test_a_layer_writes_nothing_into_the_file_below(path: Path) -> None:
    write(path, news(under_way(night(1)), settled=False))
    before = path.read_bytes()
    with closing(Index.upon(path)) as layer:
        layer.add(news(night(1), night(2)))
        assert runs_of(layer) == [night(1), night(2)]
    assert path.read_bytes() == before


def test_what_a_boot_left_under_way_is_lost_once_the_next_is_read(path: Path) -> None:
    write(path, news(under_way(night(1)), settled=False, boot=BOOT))
    write(path, news(night(2), boot="1" * 32, more=True))
    assert [run.outcome for run in runs_in(path)] == [RunOutcome.RUNNING, RunOutcome.SUCCEEDED]
    write(path, news(boot="1" * 32))
    assert [run.outcome for run in runs_in(path)] == [RunOutcome.LOST, RunOutcome.SUCCEEDED]
    with closing(Index.upon(path)) as index:
        assert counted(index) == {"lost": 1, "succeeded": 1}


def test_a_place_is_what_was_written(path: Path) -> None:
    write(path, news(night(1), settled=False))
    with closing(Index.upon(path)) as index:
        assert index.place(BOOT) == Place(
            cursor="s=0;i=1", written=FIRST, pins={"nightly": "pin"}, is_over=False
        )
        assert index.place("another") == Place()
        assert index.known_boots() == set()


@pytest.mark.parametrize("name", ["a b", "50%", "a?mode=rw", "a#b", "é", "a%41"])
def test_the_file_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    write(folder / name, news(night(1)))
    assert runs_in(folder / name) == [night(1)]
    assert [each.name for each in folder.iterdir()] == [name]


def test_tables_of_another_version_are_none_of_ours(path: Path) -> None:
    write(path, news(night(1)))
    with closing(Index.of_file(path)) as index:
        index.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        index.commit()
    for opened in Index.of_file, Index.upon:
        with pytest.raises(IndexFileError, match=f"version {VERSION + 1}, not {VERSION}"):
            opened(path)


def names(runs: Sequence[Run]) -> list[str]:
    return [run.job for run in runs]


def test_renaming_takes_what_began_before(path: Path) -> None:
    write(path, news(night(1), night(2), night(3, job="other")))
    with closing(Index.of_file(path)) as index:
        index.rename("nightly", "new", before=night(2).start)
        index.commit()
    assert names(runs_in(path)) == ["new", "nightly", "other"]


def test_renaming_loses_no_run_that_is_there_twice(path: Path) -> None:
    write(path, news(night(1), night(1, job="new")))
    with closing(Index.of_file(path)) as index:
        index.rename("nightly", "new", before=night(9).start)
        index.commit()
    assert sorted(names(runs_in(path))) == ["new", "nightly"]
