# SPDX-License-Identifier: Apache-2.0
"""The steps of an apply: each is in the apply record before it is taken, so all can be undone."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from debvisor_timers.errors import (
    DebvisorTimersError,
    InterruptedByUserError,
    PartWayError,
    SystemdError,
)
from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.edits import write_edits
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import finish, generations, record_file, undo
from debvisor_timers.operations.applying.shadows import shadow_running
from debvisor_timers.operations.applying.swallowed import skip_fields, swallowed_elapses
from debvisor_timers.operations.applying.target import TargetState, target_state
from debvisor_timers.operations.applying.timers import TimerMoves, Unarmed, links, timer_moves
from debvisor_timers.operations.coming.calendars import first_elapse
from debvisor_timers.operations.holding.arming import stop_paths
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.operations.safety.trial import prune_generations
from debvisor_timers.operations.signals import uninterrupted
from debvisor_timers.render.names import (
    OWN_PATTERNS,
    TRIGGER_PATTERNS,
    is_boot_timer,
    is_timer,
    job_of,
    timer_unit,
)
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import ActiveState, FileEntry, UnitState

_JUST_NOW = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was written but not started.

    timers: all of them, while debvisor-timers.target is stopped: the emergency brake stays on.
    unarmed: path units that would start their jobs at once.
    """

    timers: bool
    unarmed: tuple[Unarmed, ...]


def execute(host: Host, plan: Plan, on_step: Callable[[str], None]) -> Held:
    """Take every step of `plan`; return what was not started."""
    moves = timer_moves(plan, host.manager.units(*TRIGGER_PATTERNS), host.manager.exists)
    record = _record(host, plan, moves)
    step = "writing the apply record"
    on_step(step)
    record_file(host).write(record)  # until it stands nothing has changed: no failure to undo
    try:
        for step, take in _steps(host, plan, record):
            on_step(step)
            take()
    except BaseException as error:
        with uninterrupted():
            _clean_up(host, record, step, error)
        raise
    with uninterrupted():
        _tidy_up(host, plan, record)
    is_braked = target_state(host) is TargetState.STOPPED
    return Held(timers=is_braked, unarmed=() if is_braked else moves.unarmed)


def _tidy_up(host: Host, plan: Plan, record: ApplyRecord) -> None:
    try:
        finish(host, record)
        prune_generations(host, plan.definitions.config.keep_generations)
    except DebvisorTimersError as error:
        raise PartWayError(
            f"generation {record.generation} is applied, but tidying up failed: {error.message}",
            fix="mend the cause, then run `debvisor-timers recover`",
        ) from error


def _steps(
    host: Host, plan: Plan, record: ApplyRecord
) -> Iterator[tuple[str, Callable[[], object]]]:
    if plan.held:
        yield "holding path units", lambda: stop_paths(host, plan.held)
    yield "writing job files", lambda: write_edits(record.edits)
    yield "stopping changed timers", lambda: host.manager.stop(record.stopped)
    yield "writing scripts", lambda: _write_scripts(host, plan)
    yield "writing units", lambda: host.units.write(record.after)
    yield "keeping runs as they began", lambda: shadow_running(host, record)
    yield "reloading systemd", lambda: _reload(host, record)
    yield "setting stamps", lambda: _touch_stamps(host, record)
    yield "starting timers", lambda: _start(host, plan, record)
    yield "checking timers", lambda: _check(host, record)
    yield "keeping the generation", lambda: _commit(host, plan)


def _record(host: Host, plan: Plan, moves: TimerMoves) -> ApplyRecord:
    changes = [change for job in plan.jobs for change in job.entries]
    waiting = dict(_waiting(host, plan, set(moves.stopped)))
    return ApplyRecord(
        generation=plan.generation,
        before={change.name: change.before for change in changes},
        after={change.name: change.after for change in changes},
        scripts=tuple(plan.new_scripts.keys() - host.scripts.read().keys()),
        obsolete_scripts=plan.old_scripts,
        stopped=tuple(dict.fromkeys((*moves.stopped, *plan.held))),
        started=moves.started,
        forgotten=tuple(
            change.name for change in changes if change.after is None and "/" not in change.name
        ),
        due=_due(plan, set(moves.stopped), waiting) | _due_after_boot(host, moves.stopped),
        waiting=waiting,
        swallowed=dict(_swallowed(host, moves.stopped)),
        edits=plan.edits,
    )


def _swallowed(host: Host, stopped: Iterable[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the timers that are stopped while a run keeps them off, with what it has kept off.

    When the run ends, its timer has another calendar, or is gone.
    """
    timers = {job_id: timer for timer in stopped if (job_id := job_of(timer)) and is_timer(timer)}
    if not timers:
        return
    for job_id in running_jobs(host.manager.units("debvisor-job-*.service")) & timers.keys():
        noted = under_way(host, job_id)
        elapses = noted and swallowed_elapses(host, job_id, noted.start, is_last_to_come=False)
        if noted and elapses:
            yield timers[job_id], skip_fields(job_id, noted, elapses)


def _due(plan: Plan, stopped: set[str], waiting: Container[str]) -> dict[str, str]:
    """Return when each timer that is stopped would next have fired, by its old and new schedule."""
    due = {}
    for job in plan.jobs:
        timer = timer_unit(job.job_id)
        next_after = None if timer in waiting else job.next_after
        elapses = [at for at in (job.next_before, next_after) if at is not None]
        if elapses and timer in stopped:
            due[timer] = min(elapses).isoformat()
    return due


def _waiting(host: Host, plan: Plan, stopped: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the timers whose time has come, but not the end of their jitter, with that time.

    An apply in between takes them that run.
    """
    now = host.clock.now()
    for job in plan.jobs:
        timer = timer_unit(job.job_id)
        entry = plan.entries.get(timer)
        if timer in stopped and isinstance(entry, FileEntry) and job.next_before is not None:
            unit = UnitFile.parse(entry.text)
            jitter = "".join(unit.get("Timer", "RandomizedDelaySec"))
            delay = parse_timespan(jitter) if jitter else None
            if delay and now < job.next_before < now + delay:
                lines = unit.get("Timer", "OnCalendar")
                answers = host.analyzer.calendar(lines, after=job.next_before - delay, count=1)
                elapse = first_elapse(answers)
                if elapse is not None and elapse <= now:
                    yield timer, elapse.isoformat()


def _due_after_boot(host: Host, stopped: Iterable[str]) -> dict[str, str]:
    """Return when each boot trigger that is stopped would have fired; none that has."""
    timers = host.manager.timers([name for name in stopped if is_boot_timer(name)])
    now = host.clock.now()
    return {
        name: timer.next_elapse.isoformat()
        for name, timer in timers.items()
        if timer.next_elapse is not None and timer.next_elapse > now
    }


def _write_scripts(host: Host, plan: Plan) -> None:
    if plan.new_scripts:
        host.scripts.write({name: FileEntry(text) for name, text in plan.new_scripts.items()})


def _reload(host: Host, record: ApplyRecord) -> None:
    if record.after:
        host.manager.reload()


def _touch_stamps(host: Host, record: ApplyRecord) -> None:
    """Let no timer that is new or changed catch up: an edit never starts a job.

    Without a stamp systemd 257 would count from when a timer last was started or triggered, and
    fire for what its new calendar had before now; that is why every timer has Persistent=yes.
    """
    changed = {name for name, entry in record.after.items() if isinstance(entry, FileEntry)}
    for name in sorted(changed | set(record.started)):
        if is_timer(name) and not is_boot_timer(name):
            host.manager.touch_stamp(name)


def _start(host: Host, plan: Plan, record: ApplyRecord) -> None:
    """Start the timers, unless the brake is on: it can have been pulled a moment ago."""
    match target_state(host):
        case TargetState.RUNNING:
            if record.started and _all_others_run(host, plan, record):
                host.manager.start([TARGET])  # one job of systemd's for thousands of timers
            host.manager.start(_not_running(host, record.started))
        case TargetState.STARTING:
            # At boot: the timers may have to wait for what waits for us.
            host.manager.start(record.started, wait=False)
        case TargetState.STOPPED:
            pass


def _all_others_run(host: Host, plan: Plan, record: ApplyRecord) -> bool:
    """Return True when starting the target would start nothing but what this apply starts."""
    others = links(plan.entries_after, TARGET) - set(record.started)
    return not _not_running(host, tuple(others))


def _not_running(host: Host, timers: tuple[str, ...]) -> list[str]:
    if not timers:
        return []
    running = {unit.name for unit in host.manager.units(*TRIGGER_PATTERNS) if _runs(unit)}
    return [name for name in timers if name not in running]


def _check(host: Host, record: ApplyRecord) -> None:
    """Make sure that systemd has the new units, and that each timer waits for what is to come."""
    masked = [
        unit.name
        for unit in host.manager.units(*OWN_PATTERNS)
        if record.after.get(unit.name) is not None and unit.load_state != "loaded"
    ]
    if masked:
        raise SystemdError(
            f"systemd does not load {', '.join(masked[:5])} from {host.layout.units}",
            fix=f"see `systemctl status {masked[0]}` for the file that comes before it",
        )
    if target_state(host) is TargetState.RUNNING:
        _check_timers(host, record)


def _check_timers(host: Host, record: ApplyRecord) -> None:
    dead = _not_running(host, record.started)
    if dead:
        raise SystemdError(f"systemd did not start {', '.join(dead[:5])}")
    now = host.clock.now()
    for name, timer in host.manager.timers(filter(is_timer, record.started)).items():
        if timer.next_elapse is not None and timer.next_elapse < now - _JUST_NOW:
            raise SystemdError(f"{name} would fire at once: it is due since {timer.next_elapse}")


def _commit(host: Host, plan: Plan) -> None:
    generations(host).write(
        plan.about(host.clock.now()),
        config=plan.config,
        sources=plan.definitions.sources,
        units=plan.entries_after,
    )


def _runs(unit: UnitState) -> bool:
    return unit.active_state is ActiveState.ACTIVE


def _clean_up(host: Host, record: ApplyRecord, step: str, error: BaseException) -> None:
    """Undo, unless the generation was committed: then only the tidying up is left."""
    if generations(host).exists(record.generation):
        finish(host, record)
        return
    try:
        undo(host, record)
    except DebvisorTimersError as second:
        raise PartWayError(
            f"apply stopped while {step} ({_reason(error)}), and undoing it failed as well"
            f" ({second.message}); the apply record is kept",
            fix="mend the cause, then run `debvisor-timers recover`",
        ) from error
    if isinstance(error, KeyboardInterrupt):
        raise InterruptedByUserError(
            f"interrupted while {step}; it was undone, everything is as it was before"
        ) from error
    if isinstance(error, DebvisorTimersError):
        raise SystemdError(
            f"apply failed while {step}: {error.message};"
            " it was undone, everything is as it was before",
            fix=error.fix,
        ) from error


def _reason(error: BaseException) -> str:
    return error.message if isinstance(error, DebvisorTimersError) else type(error).__name__
