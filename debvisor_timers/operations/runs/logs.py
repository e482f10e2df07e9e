# SPDX-License-Identifier: Apache-2.0
"""logs: how to ask journalctl for what jobs said, and what systemd said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.records import MessageId
from debvisor_timers.history.runs import Run, matches
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.past.history import require_known
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.operations.runs.output import STDERR_FACILITY
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.render.names import service_unit
from debvisor_timers.render.service import job_slices

_LINES = 200
_AFTER = timedelta(seconds=5)
"""How long after the end of a run its last records may come: on CPU time, of a start limit."""
_STDERR = {"_TRANSPORT": "stdout", "SYSLOG_FACILITY": STDERR_FACILITY}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_Group = Mapping[str, str | Iterable[str]]
"""Fields that must all match; several values mean any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuestion:
    """What of the journal is wanted.

    job_id: empty for all jobs. choice: one run of it; None: whatever there is. lines: how many;
    None: all of a run, else the last 200.
    """

    job_id: str = ""
    choice: Choice | None = None
    stderr: bool = False
    follow: bool = False
    lines: int | None = None
    as_json: bool = False


def journalctl_command(host: Host, question: LogQuestion) -> list[str]:
    """Return the argv of journalctl that shows what is wanted.

    A job that was removed keeps its log as long as the journal does. Raises NotFoundError for a
    job that neither the units, nor its history, nor the YAML knows, and for a run that is not
    there; UsageError where nothing can follow.
    """
    shown = ["journalctl", f"--output={_format(question)}"]
    shown += ["--follow"] if question.follow else []
    if question.choice is not None:
        run = find_run(host, question.job_id, question.choice)
        lines = "all" if question.lines is None else question.lines
        return [*shown, f"--lines={lines}", *_of_run(host, run, question)]
    shown.append(f"--lines={question.lines or _LINES}")
    if not question.job_id:
        return [*shown, *_of_all(host, stderr=question.stderr)]
    _refuse_unknown(host, question.job_id)
    units = _units(host, question.job_id)
    if question.stderr:
        return [*shown, *_terms({"_SYSTEMD_UNIT": units, **_STDERR})]
    return [*shown, *(f"--unit={unit}" for unit in units)]


def _format(question: LogQuestion) -> str:
    if question.as_json:
        return "json"
    # Among several jobs the names of units: what a line is otherwise named by, programs choose.
    return "short-iso" if question.job_id else "with-unit"


def _of_run(host: Host, run: Run, question: LogQuestion) -> list[str]:
    if question.follow:
        units = _units(host, run.job)
        # Which invocations its further attempts will have, nobody knows.
        _refuse_ended(run)
        begun = f"--since={_instant(_first_record(run))}"
        if question.stderr:
            return [begun, *_terms({"_SYSTEMD_UNIT": units, **_STDERR})]
        return [begun, *_terms({"_SYSTEMD_UNIT": units}, {"_PID": "1", "UNIT": units})]
    if question.stderr:
        # A run without an invocation has never printed anything, and nothing has this one.
        invocations = run.invocation_ids or ("none",)
        return _terms({"_SYSTEMD_INVOCATION_ID": invocations, **_STDERR})
    ours: _Group = {"_UID": "0", "DEBVISOR_RUN_ID": run.id}
    if not run.invocation_ids:
        had = Renamings.read(host.layout).ids(run.job)
        left_out: _Group = {"_UID": "0", "MESSAGE_ID": MessageId.RUN_SKIPPED, "DEBVISOR_JOB": had}
        span = [f"--since={_instant(run.start)}", f"--until={_instant(run.end or run.start)}"]
        return [*span, *_terms({"_PID": "1", "UNIT": map(service_unit, had)}, ours, left_out)]
    # A start that a limit refuses later carries the invocation of this run (systemd 257).
    is_over = run.end is not None and run.end >= run.start
    until = [f"--until={_instant(run.end + _AFTER)}"] if run.end and is_over else []
    of_systemd: _Group = {"_PID": "1", "INVOCATION_ID": run.invocation_ids}
    return [*until, *_terms({"_SYSTEMD_INVOCATION_ID": run.invocation_ids}, of_systemd, ours)]


def _of_all(host: Host, *, stderr: bool) -> list[str]:
    """Return terms for all jobs: by their slices, which jobs to come will be in as well."""
    slices = job_slices()
    if stderr:
        return _terms({"_SYSTEMD_SLICE": slices, **_STDERR})
    units = sorted(map(service_unit, owned_by_job(host.units.read())))
    of_systemd: list[_Group] = [{"_PID": "1", "UNIT": units}] if units else []
    ours: _Group = {"_UID": "0", "SYSLOG_IDENTIFIER": "debvisor-timers"}
    return _terms({"_SYSTEMD_SLICE": slices}, *of_systemd, ours)


def _terms(*groups: _Group) -> list[str]:
    """Return the matches of journalctl: the records of any of the groups."""
    written = [
        [
            f"{field}={value}"
            for field, values in group.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        for group in groups
    ]
    return [*chain.from_iterable(["+", *terms] for terms in written)][1:]


def _units(host: Host, job_id: str) -> list[str]:
    """Return the services that the job has had, but for those that another job has now."""
    # journalctl cannot be told that a unit counts up to a time.
    now, *before = map(service_unit, Renamings.read(host.layout).ids(job_id))
    taken = host.units.read() if before else {}
    return [now, *(unit for unit in before if unit not in taken)]


def _refuse_unknown(host: Host, job_id: str) -> None:
    if service_unit(job_id) in host.units.read() or _has_run(host, job_id):
        return
    with open_past(host, jobs=[job_id]) as past:
        require_known(host, past, (job_id,))


def _refuse_ended(run: Run) -> None:
    if run.outcome not in UNDER_WAY:
        raise UsageError(
            f"run {run.id} is over, nothing more will come of it",
            fix=f"leave out -f; to follow the job: debvisor-timers logs -f {run.job}",
        )


def _has_run(host: Host, job_id: str) -> bool:
    return next(iter(host.journal.records(matches(job_id))), None) is not None


def _first_record(run: Run) -> datetime:
    return min([run.start, *(each.start for each in run.each_attempt)])


def _instant(moment: datetime) -> str:
    usec = (moment - _EPOCH) // _MICROSECOND
    return f"@{usec // 1_000_000}.{usec % 1_000_000:06d}"
