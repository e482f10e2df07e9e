# SPDX-License-Identifier: Apache-2.0
"""Counting runs: what metrics tell must not fall when old runs are forgotten."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import accumulate

from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.runs import Run
from debvisor_timers.history.totals import BOUNDS, Durations, Totals

_MICROSECOND = timedelta(microseconds=1)


def count(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    """Add `runs`, each of which is over, to the sums; none may have been counted before."""
    plain, skips, durations = _sums(runs)
    connection.executemany(
        """INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        runs = runs + excluded.runs, attempts = attempts + excluded.attempts,
        cpu = cpu + excluded.cpu""",
        [(*key, *values) for key, values in plain.items()],
    )
    connection.executemany(
        """INSERT INTO sums_of_skips VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET elapses = elapses + excluded.elapses""",
        [(*key, elapses) for key, elapses in skips.items()],
    )
    connection.executemany(
        """INSERT INTO sums_of_durations VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, usec = usec + excluded.usec""",
        [(*key, *values) for key, values in durations.items()],
    )


def totals(
    connection: sqlite3.Connection, *, more: Iterable[Run], synced: datetime | None
) -> Totals:
    """Return the sums, with those over `more` runs, which are over and not counted yet."""
    plain, skips, durations = _sums(more)
    for *key, runs, attempts, cpu in connection.execute("SELECT * FROM main.sums"):
        _add(plain[tuple(key)], runs, attempts, cpu)
    for job, reason, elapses in connection.execute("SELECT * FROM main.sums_of_skips"):
        skips[job, reason] += elapses
    for job, class_, runs, usec in connection.execute("SELECT * FROM main.sums_of_durations"):
        _add(durations[job, class_], runs, usec)
    attempts_of, cpu_of = Counter[str](), defaultdict[str, float](float)
    for (job, _, _), (_, attempts, cpu) in plain.items():
        attempts_of[job] += attempts
        cpu_of[job] += cpu / 1e6
    return Totals(
        runs={
            (job, RunOutcome(outcome), Trigger.read(trigger)): values[0]
            for (job, outcome, trigger), values in plain.items()
        },
        attempts=attempts_of,
        skips=skips,
        cpu_seconds=cpu_of,
        durations=_durations(durations),
        synced=synced,
    )


_Plain = defaultdict[tuple[str, ...], list[int]]
_Skips = Counter[tuple[str, str]]
_Classes = defaultdict[tuple[str, int], list[int]]


def _sums(runs: Iterable[Run]) -> tuple[_Plain, _Skips, _Classes]:
    plain: _Plain = defaultdict(lambda: [0, 0, 0])
    skips: _Skips = Counter()
    durations: _Classes = defaultdict(lambda: [0, 0])
    for run in runs:
        cpu = run.cpu // _MICROSECOND if run.cpu else 0
        _add(plain[run.job, str(run.outcome), str(run.trigger)], 1, run.attempts, cpu)
        if run.outcome is RunOutcome.SKIPPED:
            skips[run.job, run.reason] += run.count
        elif run.duration is not None:
            length = max(run.duration // _MICROSECOND, 0)
            _add(durations[run.job, bisect_left(BOUNDS, length / 1e6)], 1, length)
    return plain, skips, durations


def _add(sums: list[int], *values: int) -> None:
    sums[:] = [a + b for a, b in zip(sums, values, strict=True)]


def _durations(classes: Mapping[tuple[str, int], list[int]]) -> dict[str, Durations]:
    jobs: dict[str, list[list[int]]] = {}
    for (job, class_), values in classes.items():
        jobs.setdefault(job, [[0, 0] for _ in range(len(BOUNDS) + 1)])[class_] = values
    return {
        job: Durations(
            counts=tuple(accumulate(runs for runs, _ in several)),
            sum=sum(usec for _, usec in several) / 1e6,
        )
        for job, several in jobs.items()
    }
