# SPDX-License-Identifier: Apache-2.0
"""The runs of the past, as an index has them: what readers ask for."""

from __future__ import annotations

from collections.abc import Sequence

from debvisor_timers.history import sums
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.index import Index, Page
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.rows import FIGURES, RUN_COLUMNS, figures_of, run_of, usec
from debvisor_timers.history.runs import Run
from debvisor_timers.history.totals import Totals

_ALL = ", ".join(f'"{name}"' for name in RUN_COLUMNS)
_FIGURES = ", ".join(f'"{name}"' for name in FIGURES)


class Past:
    """The runs that the index and the journal have; those under way are among them.

    notes: what people should know of it, such as that the index could not be read.
    """

    def __init__(self, index: Index, notes: Sequence[str] = ()) -> None:
        """Read from `index`."""
        self._index = index
        self.notes = tuple(notes)

    def runs(self, wanted: RunFilter, *, limit: int | None = None, offset: int = 0) -> list[Run]:
        """Return at most `limit` of the wanted runs, newest first, after the first `offset`.

        In the order in which the journal has them: clocks may have been set.
        """
        page = Page(newest_first=True, limit=limit, offset=offset)
        return [run_of(row) for row in self._index.select(_ALL, page, *_where(wanted))]

    def under_way(self, jobs: Sequence[str] | None = None) -> list[Run]:
        """Return the runs that are under way, newest first; of these jobs, or of all."""
        where, values = _where(RunFilter(jobs=None if jobs is None else tuple(jobs)))
        asked = " AND ".join(
            filter(None, [where, "settled = 0 AND outcome IN ('running', 'waiting')"])
        )
        page = Page(newest_first=True)
        return [run_of(row) for row in self._index.select(_ALL, page, asked, values)]

    def figures(self, wanted: RunFilter) -> list[RunFigures]:
        """Return the wanted runs in figures, oldest first."""
        rows = self._index.select(_FIGURES, Page(), *_where(wanted))
        return [figures_of(row) for row in rows]

    def newest_of(self, job: str, count: int) -> list[RunFigures]:
        """Return the newest `count` runs of a job in figures, oldest first; skips too."""
        page = Page(newest_first=True, limit=count)
        rows = self._index.select(_FIGURES, page, "job = ?", [job])
        return [figures_of(row) for row in rows][::-1]

    def newest(self) -> dict[str, RunFigures]:
        """Return the newest run of each job that is over and was no skip."""
        over = "job = ? AND outcome NOT IN ('skipped', 'running', 'waiting')"
        page = Page(newest_first=True, limit=1)
        rows = [
            row for job in self.jobs() for row in self._index.select(_FIGURES, page, over, [job])
        ]
        return {row[0]: figures_of(row) for row in rows}

    def jobs(self) -> list[str]:
        """Return the ids of all jobs that have runs, in order."""
        return sorted(self._index.jobs())

    def totals(self) -> Totals:
        """Return sums over all runs that there ever were."""
        fresh = "settled = 0 AND outcome NOT IN ('running', 'waiting')"
        over = [run_of(row) for row in self._index.select(_ALL, Page(), fresh)]
        connection = self._index.connection
        return sums.totals(connection, more=over, synced=self._index.synced())


def _where(wanted: RunFilter) -> tuple[str, list[object]]:
    """Return what SQL is to ask for, and the values in it."""
    asked: list[str] = []
    values: list[object] = []

    def one_of(column: str, several: Sequence[str]) -> None:
        asked.append(f'"{column}" IN ({", ".join("?" * len(several))})')
        values.extend(several)

    if wanted.jobs is not None:
        one_of("job", wanted.jobs)
    if wanted.outcomes:
        one_of("outcome", [str(each) for each in RunOutcome if each in wanted.outcomes])
    if wanted.triggers:
        one_of("trigger", sorted(map(str, wanted.triggers)))
    for moment, comparison in (wanted.since, ">="), (wanted.until, "<"):
        if moment is not None:
            asked.append(f"start {comparison} ?")
            values.append(usec(moment))
    if wanted.run:
        asked.append("substr(id, 1, ?) = ?")
        values += [len(wanted.run), wanted.run]
    return " AND ".join(asked), values
