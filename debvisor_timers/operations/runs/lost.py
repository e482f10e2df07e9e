# SPDX-License-Identifier: Apache-2.0
"""lost: runs that a crash has cut off, from the notes that `begin` keeps on the disk.

The journal alone cannot tell of them: journald brings what it has to the disk minutes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import DebvisorTimersError, SystemdError
from debvisor_timers.history.fields import format_fields, read_fields
from debvisor_timers.history.last import read_last
from debvisor_timers.history.outcome import moment
from debvisor_timers.history.records import LOST, MessageId
from debvisor_timers.history.runs import Run
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.results import note_last
from debvisor_timers.operations.runs.running import is_running
from debvisor_timers.render.names import service_unit

_LOCK_WAIT = timedelta(seconds=30)
_LOOK_BACK = 50
_OF_AN_ATTEMPT = {"DEBVISOR_WAITING", "DEBVISOR_RETRY_USEC"}

Fields = Mapping[str, str]
"""What `begin` has noted of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRuns:
    """The runs that were found, each as job and run id, and what could not be done for them."""

    runs: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def note_lost(host: Host) -> LostRuns:
    """Let the history and the channels know of each run that a crash has cut off.

    Each is told by debvisor-timers-notify@, which is started and not waited for; it forgets the run
    then. All steps may be taken again: until then the note stays. Raises LockedError while an apply
    is alive.
    """
    if not any(_files(host.layout.running)) and not any(_files(host.layout.lost)):
        return LostRuns()
    found: list[tuple[str, str]] = []
    problems: list[str] = []
    with exclusive(host.layout.runtime, purpose="debvisor-timers recover", wait=_LOCK_WAIT):
        for step, folder in (_set_aside, host.layout.running), (_record, host.layout.lost):
            for path in _files(folder):
                try:
                    found += filter(None, [step(host, path)])
                except DebvisorTimersError as error:
                    problems.append(str(error))
    return LostRuns(runs=tuple(found), problems=tuple(problems))


def lost_runs(host: Host, job_id: str) -> dict[str, Fields]:
    """Return those lost runs of the job that are recorded and still to be told, by run id."""
    noted = {path: read_fields(path) for path in _files(host.layout.lost, f"{job_id}:*")}
    return {path.name.partition(":")[2]: each for path, each in noted.items() if _is_noted(each)}


def forget_lost(host: Host, job_id: str, run_id: str) -> None:
    """Forget that a lost run is to be told. Raises SystemdError."""
    durable.remove(host.layout.lost / f"{job_id}:{run_id}")


def _files(folder: Path, pattern: str = "*") -> list[Path]:
    # A name that begins with a dot is of a file that a crash has left half written.
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _is_noted(fields: Fields) -> bool:
    return fields.get("DEBVISOR_RESULT") == LOST


def _set_aside(host: Host, path: Path) -> None:
    """Move the note of a run that was cut off to where those are."""
    fields = read_fields(path)
    run_id = fields.get("DEBVISOR_RUN_ID")
    if run_id and _may_go_on(host, path.name, fields):
        return
    if not run_id or _is_followed(host, path.name, fields):
        durable.remove(path)
        return
    folder = host.layout.lost
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        path.rename(folder / f"{path.name}:{run_id}")
        sync_folder(folder)
        sync_folder(path.parent)
    except OSError as error:
        raise SystemdError(f"cannot move {path} to {folder}: {error.strerror}") from error


def _may_go_on(host: Host, job_id: str, fields: Fields) -> bool:
    """Return True when the run is of this boot: `end`, or the handler of failures, forgets it."""
    noted = read_fields(host.layout.runs / job_id).get("DEBVISOR_RUN_ID")
    if noted:
        return noted == fields["DEBVISOR_RUN_ID"]
    service = host.manager.service(service_unit(job_id))
    is_it = service.invocation_id == fields.get("DEBVISOR_INVOCATION_ID")
    return is_it and is_running(host, job_id)


def _is_followed(host: Host, job_id: str, fields: Fields) -> bool:
    """Return True when the end of that run, or of a later one, is noted.

    `end` forgets a run after that, without waiting for the disk.
    """
    last = read_last(host.layout.last, job_id)
    start = moment(fields.get("DEBVISOR_START_USEC", ""))
    return last is not None and (
        last.id == fields["DEBVISOR_RUN_ID"] or bool(last.start and start and last.start > start)
    )


def _record(host: Host, path: Path) -> tuple[str, str] | None:
    """Record that a run is lost, and have it told; return it, None for one that did end."""
    job_id, _, run_id = path.name.partition(":")
    fields = read_fields(path)
    handler = f"debvisor-timers-notify@{job_id}.service"
    ended = None if _is_noted(fields) else _ended(host, job_id, fields)
    if ended is not None:
        durable.remove(path)
        if ended.outcome.is_failure:  # the handler notes what `end` could not
            host.manager.start([handler], wait=False)
        return None
    fields = _as_lost(host, fields)
    if not _is_followed(host, job_id, fields):
        note_last(host, job_id, fields)
    host.journal.send(_message(fields))
    durable.write_bytes(path, format_fields(fields), mode=0o644)
    host.manager.start([handler], wait=False)
    return job_id, run_id


def _ended(host: Host, job_id: str, fields: Fields) -> Run | None:
    """Return the run if the journal tells of its end: `end` itself was broken, or killed."""
    name, invocation = fields.get("DEBVISOR_RUN_ID"), fields.get("DEBVISOR_INVOCATION_ID")
    runs = newest_runs(host, job_id, _LOOK_BACK)
    return next(
        (run for run in runs if run.end and (run.id == name or invocation in run.invocation_ids)),
        None,
    )


def _as_lost(host: Host, fields: Fields) -> Fields:
    """Return what is known of a lost run in the manner of `end`."""
    noted = {
        name: value
        for name, value in fields.items()
        if name.startswith("DEBVISOR_") and name not in _OF_AN_ATTEMPT
    }
    # When it was found: it ended before that, but nobody can say when.
    found = f"{host.clock.now().timestamp() * 1e6:.0f}"
    lost = {"DEBVISOR_RESULT": LOST, "DEBVISOR_FINAL": "1", "DEBVISOR_END_USEC": found}
    return {**lost, **noted}


def _message(fields: Fields) -> Fields:
    known = {name: value for name, value in fields.items() if name != "DEBVISOR_END_USEC"}
    return {
        "MESSAGE": f"Run {fields['DEBVISOR_RUN_ID']} is lost: it was cut off by a crash",
        "MESSAGE_ID": MessageId.RUN_END,
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        **known,
    }
