# SPDX-License-Identifier: Apache-2.0
"""recover: undo an apply that was cut off, or finish the tidying up of one that was committed."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.outcome import moment
from debvisor_timers.history.records import MessageId
from debvisor_timers.operations.applying.edits import undo_edits
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.applying.record import ApplyRecord, RecordFile
from debvisor_timers.operations.applying.shadows import scripts_in_use
from debvisor_timers.operations.applying.target import TargetState, target_state
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.operations.signals import uninterrupted
from debvisor_timers.render.names import TRIGGER_PATTERNS, is_boot_timer, is_timer, job_of
from debvisor_timers.systemd.ports import JobResult

_LOCK_WAIT = timedelta(seconds=30)
_SAME = timedelta(seconds=2)


class Recovery(StrEnum):
    """What had to be recovered."""

    NOTHING = "nothing"
    UNDONE = "undone"
    FINISHED = "finished"


def recover(host: Host) -> Recovery:
    """Bring the host to a whole state after an apply that was killed, or a power cut.

    Runs at boot before any timer starts, and at the start of every apply. Raises LockedError while
    an apply is alive, SystemdError when it fails; then nothing is lost and it can be run again.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers recover", wait=_LOCK_WAIT):
        return recover_locked(host)


def recover_locked(host: Host) -> Recovery:
    """Do the same under a lock that the caller holds."""
    record = record_file(host).read()
    if record is None:
        return Recovery.NOTHING
    with uninterrupted():
        if generations(host).exists(record.generation):
            finish(host, record)
            return Recovery.FINISHED
        undo(host, record)
        return Recovery.UNDONE


def record_file(host: Host) -> RecordFile:
    """Return where the apply record of `host` lies."""
    return RecordFile(host.layout.state / "apply.json")


def generations(host: Host) -> Generations:
    """Return the generations of `host`."""
    return Generations(host.layout.state / "generations")


def undo(host: Host, record: ApplyRecord) -> None:
    """Bring back every byte that `record` says, and every timer that it stopped.

    Can be repeated from any point. No timer fires by it: stamps are touched before timers start. A
    path unit that was active looks at its paths again: what came meanwhile starts its job, as it
    would have without the apply.
    """
    loaded = {unit.name for unit in host.manager.units(*TRIGGER_PATTERNS)}
    host.manager.stop([name for name in record.started if name in loaded])
    _restore(host, record)
    undo_edits(record.edits)
    host.manager.reload()
    _forget_failures(host, _created(record))
    for name in record.stopped:
        if is_timer(name) and not is_boot_timer(name):
            host.manager.touch_stamp(name)
    for name in filter(is_timer, set(record.started) - set(record.stopped)):
        host.manager.remove_stamp(name)
    match target_state(host):
        case TargetState.RUNNING:
            _start(host, list(_without_past_boots(host, record)), wait=True)
        case TargetState.STARTING:
            # During boot our own unit comes before the timers: waiting for them would never end.
            _start(host, record.stopped, wait=False)
        case TargetState.STOPPED:
            pass
    note_missed(host, record)
    host.scripts.write(dict.fromkeys(record.scripts))
    record_file(host).remove()


def _forget_failures(host: Host, names: Iterable[str]) -> None:
    """Let units be as if they had never failed; those of runs under way count attempts still."""
    busy = running_jobs(host.manager.units("debvisor-job-*.service"))
    for name in names:
        if job_of(name) not in busy:
            host.manager.reset_failed(name)


def finish(host: Host, record: ApplyRecord) -> None:
    """Tidy up after a committed apply: forget what is gone, then the record itself."""
    _forget_failures(host, record.forgotten)
    for name in filter(is_timer, record.forgotten):
        host.manager.remove_stamp(name)
    note_missed(host, record)
    unused = set(record.obsolete_scripts) - scripts_in_use(host, record.obsolete_scripts)
    host.scripts.write(dict.fromkeys(sorted(unused)))
    record_file(host).remove()


def note_missed(host: Host, record: ApplyRecord) -> None:
    """Record as skipped every elapse that came while its timer was stopped by the apply.

    And those that waited for their jitter when it was stopped: they come no more.
    """
    _note_swallowed(host, record)
    now = host.clock.now()
    for timer, text in record.due.items():
        due = datetime.fromisoformat(text)
        job_id = job_of(timer) or timer
        waiting = record.waiting.get(timer)
        scheduled = datetime.fromisoformat(waiting) if waiting else due
        if (waiting or due <= now) and not _is_told(host, job_id, {due, scheduled}):
            _note_skipped(host, job_id, scheduled)


def _note_swallowed(host: Host, record: ApplyRecord) -> None:
    """Record what runs under way had kept off of timers that the apply stopped."""
    for fields in record.swallowed.values():
        runs = newest_runs(host, fields["DEBVISOR_JOB"], limit=5)
        first, run = moment(fields["DEBVISOR_SCHEDULED_USEC"]), fields["DEBVISOR_OVERLAPPED"]
        if not any((each.overlapped, each.scheduled_for) == (run, first) for each in runs):
            host.journal.send(fields)


def _is_told(host: Host, job_id: str, moments: Collection[datetime]) -> bool:
    """Return True when the history has that run: fired just before the stop, or noted already."""
    runs = newest_runs(host, job_id, limit=5)
    return any(abs(run.start - moment) < _SAME for run in runs for moment in moments)


def _note_skipped(host: Host, job_id: str, due: datetime) -> None:
    usec = str(round(due.timestamp() * 1_000_000))
    host.journal.send(
        {
            "MESSAGE": f"Skipped the run of {job_id} due at {due}: an apply held its timer",
            "MESSAGE_ID": MessageId.RUN_SKIPPED,
            "PRIORITY": "5",
            "DEBVISOR_JOB": job_id,
            "DEBVISOR_RUN_ID": f"{due:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            "DEBVISOR_TRIGGER": "timer",
            "DEBVISOR_REASON": "an apply held its timer",
            "DEBVISOR_SCHEDULED_USEC": usec,
            "DEBVISOR_START_USEC": usec,
            "DEBVISOR_END_USEC": usec,
        }
    )


def _restore(host: Host, record: ApplyRecord) -> None:
    """Write back what was there, but over nobody's change that came after the apply died."""
    on_disk = host.units.read()
    changes = {
        name: entry
        for name, entry in record.before.items()
        if on_disk.get(name) == record.after[name] != entry
    }
    host.units.write(changes)  # none as well: then what the dead apply had staged goes


def _without_past_boots(host: Host, record: ApplyRecord) -> Iterator[str]:
    """Yield the timers that were stopped, but for boot triggers that starting would fire."""
    now = host.clock.now()
    for name in record.stopped:
        due = record.due.get(name)
        if not is_boot_timer(name) or (due and datetime.fromisoformat(due) > now):
            yield name


def _start(host: Host, timers: Sequence[str], *, wait: bool) -> None:
    results = host.manager.start(timers, wait=wait)
    dead = [name for name, result in results.items() if result is not JobResult.DONE]
    if dead:
        raise SystemdError(f"systemd did not start {', '.join(dead[:5])} again")


def _created(record: ApplyRecord) -> list[str]:
    return [name for name, entry in record.before.items() if entry is None and "/" not in name]
