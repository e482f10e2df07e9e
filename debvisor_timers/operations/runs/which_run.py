# SPDX-License-Identifier: Apache-2.0
"""Finding the run that a user means: by its id, the newest one, or the newest that failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from debvisor_timers.errors import NotFoundError
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.runs import Run, RunOutcome
from debvisor_timers.operations.applying.swallowed import swallowed
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.history import as_noted, require_known
from debvisor_timers.operations.past.past import Past, open_past

_FAILED = frozenset(outcome for outcome in RunOutcome if outcome.is_failure)
_REAL = frozenset(RunOutcome) - {RunOutcome.SKIPPED}
_SHOWN = 5
_LOOKED_AT = 20
_FIRST_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-(?P<invocation>[0-9a-f]{6})")
"""What a run is called after its invocation, until `begin` has named it some moments later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which run is meant.

    id: of the run, or how its id begins; empty: the newest one. failed: the newest that failed.
    """

    id: str = ""
    failed: bool = False


def find_run(host: Host, job_id: str, choice: Choice) -> Run:
    """Return the run of the job that is meant.

    The newest run is one that was not skipped, unless all were. Raises NotFoundError for a job or
    a run that nobody knows, and where several runs could be meant; SystemdError when the journal
    is not readable.
    """
    with open_past(host, jobs=[job_id]) as past:
        require_known(host, past, (job_id,))
        return _found(host, past, job_id, choice)


def _found(host: Host, past: Past, job_id: str, choice: Choice) -> Run:
    if choice.id:
        return _named(host, past, job_id, choice.id)
    jobs = (job_id,)
    if choice.failed:
        failed = past.runs(RunFilter(jobs=jobs, outcomes=_FAILED), limit=1)
        return _first(failed, f"no run of job {job_id!r} failed")
    newest = past.runs(RunFilter(jobs=jobs, outcomes=_REAL), limit=1)
    newest = newest or past.runs(RunFilter(jobs=jobs), limit=1)
    return as_noted(host, _first(newest, f"job {job_id!r} has not run yet"))


def _named(host: Host, past: Past, job_id: str, wanted: str) -> Run:
    # The run under way may have a name that no record has yet.
    jobs = (job_id,)
    newest = past.runs(RunFilter(jobs=jobs), limit=1)
    found = {run.id: run for run in past.runs(RunFilter(jobs=jobs, run=wanted))}
    under_way = [as_noted(host, each) for each in newest]
    skips = (swallowed(host, as_noted(host, each)) for each in past.under_way(jobs))
    for run in (*under_way, *filter(None, skips)):
        if run.id.startswith(wanted):
            found[run.id] = run
    if wanted in found:
        return found[wanted]
    if len(found) > 1:
        names = ", ".join(list(found)[:_SHOWN]) + ", ..." * (len(found) > _SHOWN)
        raise NotFoundError(
            f"{wanted!r} is the beginning of {len(found)} runs of job {job_id!r}: {names}",
            fix="write more of the id",
        )
    runs = found.values() or _named_first(host, past, job_id, wanted)
    return _first(runs, f"there is no run {wanted!r} of job {job_id!r}")


def _named_first(host: Host, past: Past, job_id: str, wanted: str) -> Iterator[Run]:
    """Yield the new run that was told by this id before it had its own: a page may link to it."""
    if named := _FIRST_NAME.fullmatch(wanted):
        for run in past.runs(RunFilter(jobs=(job_id,)), limit=_LOOKED_AT):
            if run.invocation_ids and run.invocation_ids[0].startswith(named["invocation"]):
                yield as_noted(host, run)


def _first(runs: Iterable[Run], otherwise: str) -> Run:
    for run in runs:
        return run
    raise NotFoundError(otherwise, fix="`debvisor-timers history JOB` shows the runs of a job")
