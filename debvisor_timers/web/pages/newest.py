# SPDX-License-Identifier: Apache-2.0
"""The newest runs of the jobs that the overview shows, kept while nothing has run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.operations.list import JobRow
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.pages.strip import SLOTS

_FRESH = 60.0
"""Skips leave no trace in a row: after that time runs are read anew."""
_MOST = 20_000

Runs = Mapping[str, Sequence[RunFigures]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    runs: Sequence[RunFigures]
    key: tuple[str, str]
    at: float


class NewestRuns:
    """Reads the runs of those jobs alone that have run since they were read last."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._kept: dict[str, _Kept] = {}

    async def runs(self, backend: Backend, rows: Iterable[JobRow]) -> tuple[Runs, datetime]:
        """Return the newest runs of jobs, oldest first, and the time on the host."""
        now = time.monotonic()
        keys = {row.job_id: _key(row) for row in rows}
        asked = sorted(name for name, key in keys.items() if not self._holds(name, key, now))
        found, clock = await backend.read(read_newest, asked)
        if len(self._kept) > _MOST:
            self._kept.clear()
        for name, several in found.items():
            self._kept[name] = _Kept(runs=several, key=keys[name], at=now)
        known = {name: self._kept[name].runs for name in keys if name in self._kept}
        return known, clock

    def _holds(self, name: str, key: tuple[str, str], now: float) -> bool:
        kept = self._kept.get(name)
        return kept is not None and kept.key == key and now - kept.at < _FRESH


def read_newest(scheduler: JobScheduler, jobs: Sequence[str]) -> tuple[Runs, datetime]:
    """Return the newest runs of jobs, none where they may not be read; and the time."""
    if not jobs:
        return {}, scheduler.now()
    try:
        return scheduler.newest_runs(jobs, SLOTS), scheduler.now()
    except DebvisorTimersError:
        return {}, scheduler.now()


def newest_of(request: Request) -> NewestRuns:
    """Return the one of the server that a request came to."""
    state = request.app.state
    if not hasattr(state, "newest"):
        state.newest = NewestRuns()
    found: NewestRuns = state.newest
    return found


def _key(row: JobRow) -> tuple[str, str]:
    """Return what changes when a job has begun or ended a run."""
    return row.last.id if row.last else "", row.under_way.id if row.under_way else ""
