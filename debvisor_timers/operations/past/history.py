# SPDX-License-Identifier: Apache-2.0
"""history: the past runs of jobs, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.runs import Run, RunOutcome, Trigger
from debvisor_timers.operations.applying.swallowed import swallowed
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import Past, open_past
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.operations.unknown import unknown_job


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which runs are wanted, and which page of them.

    wanted: its jobs are those that were named; None: all. owner, tags: of the jobs as the YAML has
    them today; a job that is gone has neither.
    """

    wanted: RunFilter = field(default_factory=RunFilter)
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Runs, newest first; has_more: older ones that are wanted follow. notes: for people."""

    runs: Sequence[Run]
    has_more: bool = False
    notes: Sequence[str] = ()


def history(
    host: Host, query: HistoryQuery, on_step: Callable[[str], None] = lambda _step: None
) -> HistoryPage:
    """Return a page of the past runs of jobs, newest first.

    A job that was removed keeps its history. Raises NotFoundError when neither the YAML nor the
    history knows a job, SystemdError when the journal is not readable.
    """
    wanted = _chosen(host, query)
    with open_past(host, jobs=wanted.jobs, on_step=on_step) as past:
        skips = _swallowed(host, past, wanted)
        runs = skips[query.offset : query.offset + query.limit + 1]
        further, older = query.limit + 1 - len(runs), max(query.offset - len(skips), 0)
        runs += past.runs(wanted, limit=further, offset=older) if further else []
        if query.wanted.jobs:
            require_known(host, past, query.wanted.jobs, runs)
        notes = past.notes
    return HistoryPage(
        runs=[as_noted(host, run) for run in runs[: query.limit]],
        has_more=len(runs) > query.limit,
        notes=notes,
    )


def _swallowed(host: Host, past: Past, wanted: RunFilter) -> list[Run]:
    """Return what the runs under way have kept off so far, where such skips are wanted."""
    if not wanted.wants(RunOutcome.SKIPPED, Trigger.TIMER):
        return []
    skips = (swallowed(host, as_noted(host, run)) for run in past.under_way(wanted.jobs))
    return [
        skip
        for skip in skips
        if skip is not None
        and skip.id.startswith(wanted.run)
        and (wanted.since is None or skip.start >= wanted.since)
        and (wanted.until is None or skip.start < wanted.until)
    ]


def require_known(host: Host, past: Past, jobs: Sequence[str], runs: Sequence[Run] = ()) -> None:
    """Raise NotFoundError for a job that neither `runs`, nor the past, nor the YAML knows."""
    unseen = set(jobs) - {run.job for run in runs}
    if unseen and (unseen := unseen - set(past.jobs())):
        # Reading all files takes longer than all the rest.
        from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415

        known = load_definitions(host.layout.config).jobs
        for job_id in jobs:
            if job_id in unseen and job_id not in known:
                now = Renamings.read(host.layout).today(job_id)
                raise unknown_job(job_id, [*known, *past.jobs()], now=now)


def _chosen(host: Host, query: HistoryQuery) -> RunFilter:
    if not (query.owner or query.tags):
        return query.wanted
    from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415

    named = query.wanted.jobs
    jobs = tuple(
        job.id
        for job in load_definitions(host.layout.config).jobs.values()
        if (named is None or job.id in named)
        and query.owner in {"", job.owner}
        and query.tags.items() <= dict(job.tags).items()
    )
    return replace(query.wanted, jobs=jobs)


def as_noted(host: Host, run: Run) -> Run:
    """Return a run that is under way with what `begin` noted of it; its record may be to come.

    Any other run comes back as it is.
    """
    if run.outcome not in UNDER_WAY:
        return run
    noted = under_way(host, run.job)
    if noted is None or noted.invocation_id not in run.invocation_ids:
        return run
    return replace(
        run,
        id=noted.id,
        generation=noted.generation,
        trigger=noted.trigger,
        trigger_runs=noted.trigger_runs,
        retry_of=noted.retry_of,
        by=noted.by,
        scheduled_for=noted.scheduled_for,
        start=noted.start,
        max_attempts=noted.max_attempts,
        ending=noted.ending,
    )
