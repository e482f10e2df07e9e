# SPDX-License-Identifier: Apache-2.0
"""The page of a job as its template wants it: facts, keys, neighbours, rows of runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.last import LastRun
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.redact import redact_words
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.holding.words import long_words, skip_words
from debvisor_timers.operations.past.trend_words import size
from debvisor_timers.operations.runs.words import result_words, trigger_words
from debvisor_timers.operations.times import delay, span
from debvisor_timers.web.pages.cards import LOOKS
from debvisor_timers.web.pages.job_read import JobFacts

_LEADS_TO = {
    EdgeKind.REQUIRES: "required",
    EdgeKind.AFTER: "waited for",
    EdgeKind.OPTIONAL: "waited for, if it runs",
    EdgeKind.SUCCESS_OF: "starts it by success",
    EdgeKind.ANY_SUCCESS_OF: "starts it by success",
    EdgeKind.FAILURE_OF: "starts it by failure",
}
_COMES_FROM = {
    EdgeKind.REQUIRES: "requires it",
    EdgeKind.AFTER: "waits for it",
    EdgeKind.OPTIONAL: "waits for it, if it runs",
    EdgeKind.SUCCESS_OF: "started by its success",
    EdgeKind.ANY_SUCCESS_OF: "started by its success",
    EdgeKind.FAILURE_OF: "started by its failure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A job that this one has to do with: how, and how it ended last."""

    id: str
    words: str
    tone: str
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the job needs, what needs it, and what never runs beside it."""

    needs: tuple[Neighbour, ...]
    needed_by: tuple[Neighbour, ...]
    conflicts: tuple[Neighbour, ...]

    @property
    def is_empty(self) -> bool:
        """Return True for a job that stands alone."""
        return not (self.needs or self.needed_by or self.conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run in the table."""

    id: str
    job: str
    tone: str
    sign: str
    words: str
    start: datetime
    took: str
    is_running: bool
    trigger: str
    attempts: str
    waited: str
    cpu: str
    memory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A run to come; later: what jitter may add."""

    at: datetime
    later: str
    skip: str


def around(facts: JobFacts) -> Around:
    """Return the neighbours of the job."""
    name, edges = facts.details.row.job_id, facts.edges
    directed = [edge for edge in edges if edge.kind is not EdgeKind.CONFLICTS]
    conflicts = [edge for edge in edges if edge.kind is EdgeKind.CONFLICTS]
    needs = [edge for edge in directed if edge.job == name]
    needed_by = [edge for edge in directed if edge.needs == name]
    return Around(
        needs=tuple(_neighbour(facts, edge.needs, _LEADS_TO[edge.kind]) for edge in needs),
        needed_by=tuple(_neighbour(facts, edge.job, _COMES_FROM[edge.kind]) for edge in needed_by),
        conflicts=tuple(
            _neighbour(facts, _other(edge, name), "never runs beside it") for edge in conflicts
        ),
    )


def run_row(run: Run) -> RunRow:
    """Return a run as the table has it."""
    tone, sign = LOOKS[run.outcome]
    return RunRow(
        id=run.id,
        job=run.job,
        tone=tone,
        sign=sign,
        words=result_words(run),
        start=run.start,
        took=span(run.duration) if run.duration is not None else "",
        is_running=run.outcome in UNDER_WAY,
        trigger=trigger_words(run),
        attempts=_attempts(run),
        waited=span(run.waited) if run.waited else "",
        cpu=span(run.cpu) if run.cpu is not None else "",
        memory=size(run.memory_peak) if run.memory_peak else "",
    )


def coming(facts: JobFacts) -> list[Coming]:
    """Return the next runs."""
    return [
        Coming(at=run.at, later=delay(run.latest - run.at), skip=run.skip_words)
        for run in facts.details.upcoming
    ]


def keys(facts: JobFacts) -> Iterator[tuple[str, str]]:
    """Yield what is worth knowing of the definition, each with its title."""
    row, job = facts.details.row, facts.details.row.job
    if row.pause is not None:
        yield "Paused", long_words(row.pause)
    if row.skip_next is not None:
        yield "Skip next", skip_words(row.skip_next)
    if job is None:
        yield "Definition", "no file has it any more; the next apply removes its units"
        return
    yield "Schedule", schedule_words(job) or "on demand"
    if job.schedule is not None and job.schedule.cron is not None:
        yield "Cron", str(job.schedule.cron)
    yield from _program(job)
    if job.owner:
        yield "Owner", job.owner
    yield "Runs as", job.user
    yield "Priority", str(job.priority)
    yield "Time-out", span(job.timeout) if job.timeout else "none"
    if job.retries.max:
        delays = ", ".join(map(span, job.retries.delays))
        yield "Attempts", f"up to {job.retries.max + 1}, after {delays}"
    if job.schedule is not None and job.schedule.jitter:
        yield "Jitter", span(job.schedule.jitter)
    exposure = facts.details.exposure
    yield "Sandbox", f"{job.sandbox}{f', exposure {exposure}' if exposure else ''}"
    if facts.details.waits and facts.details.waits.pool:
        pool, slots = facts.details.waits.pool
        yield "Pool", f"{pool.name}, {pool.slots} of {slots}"


def length(seconds: float | None) -> str:
    """Return a time in words; a dash for None."""
    return "–" if seconds is None else span(timedelta(seconds=seconds))


def _program(job: Job) -> Iterator[tuple[str, str]]:
    if job.task is not None:
        yield "Task", job.task.type
    elif job.command is not None:
        yield "Command", shlex.join(redact_words(list(job.command)))
    else:
        yield "Script", f"run by {job.shell}"


def _neighbour(facts: JobFacts, name: str, words: str) -> Neighbour:
    last = facts.last.get(name)
    return Neighbour(
        id=name, words=words, tone=LOOKS[last.outcome][0] if last else "", ended=_ended(last)
    )


def _ended(last: LastRun | None) -> str:
    return last.outcome_words if last else "never ran"


def _other(edge: Edge, name: str) -> str:
    return edge.needs if edge.job == name else edge.job


def _attempts(run: Run) -> str:
    if run.attempts <= 1 and (run.max_attempts or 1) <= 1:
        return ""
    return f"{run.attempts} of {run.max_attempts}" if run.max_attempts else str(run.attempts)


def signs(rows: Sequence[RunRow]) -> bool:
    """Return whether any of the rows waited: else the column is left out."""
    return any(row.waited for row in rows)
