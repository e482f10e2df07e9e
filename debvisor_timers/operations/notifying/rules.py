# SPDX-License-Identifier: Apache-2.0
"""Which events the runs of a job are, by what its `notify` says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from debvisor_timers.history.document import iso, seconds
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.history.runs import Run
from debvisor_timers.history.skip_cause import skip_cause
from debvisor_timers.jobs.notify import Notify
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.notifying.told import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is told of a run, and to which channels; more: what it says besides the run."""

    kind: EventKind
    run: Run
    channels: tuple[str, ...]
    more: Mapping[str, object] = field(default_factory=dict)


def judge(told: Told, run: Run, notify: Notify, now: datetime) -> tuple[Told, Sequence[Event]]:
    """Return what a run that is over is told as, and what was told then.

    told: up to the run before it. A stop by hand is neither a failure nor an end of a row of them.
    """
    if run.outcome in UNDER_WAY:
        return told, ()
    told = replace(told, seen=run.id, seen_start=run.start)
    if run.outcome.is_failure:
        return _failed(told, run, notify, run.end or now)
    if run.outcome is RunOutcome.SUCCEEDED:
        return _succeeded(told, run, notify)
    if run.outcome is RunOutcome.SKIPPED:
        return _skipped(told, run, notify, run.end or now)
    return told, ()


def lost_event(run: Run, notify: Notify) -> Event:
    """Return the event of a lost run on which others have followed already."""
    return Event(kind=EventKind.LOST, run=run, channels=notify.lost_channels)


def quietly(told: Told, runs: Iterable[Run], notify: Notify, now: datetime) -> Told:
    """Return what holds after `runs`, oldest first, none of which is told: nobody was there yet."""
    for run in runs:
        told, _ = judge(told, run, notify, now)
        told = without_skip(replace(told, told_at=None))
    return told


def _failed(told: Told, run: Run, notify: Notify, at: datetime) -> tuple[Told, Sequence[Event]]:
    told = replace(
        told,
        failures=told.failures + 1,
        since=told.since or run.start,
        failed_at=at,
    )
    told = _after_real_run(told, notify)
    is_lost = run.outcome is RunOutcome.LOST
    is_due = told.failures >= notify.after and _may_repeat(told.told_at, notify.repeat, at)
    if not is_lost and not is_due:
        return told, ()
    more = {"failures": told.failures, "since": iso(told.since)}
    kind = EventKind.LOST if is_lost else EventKind.FAILURE
    channels = notify.lost_channels if is_lost else notify.failure
    return replace(told, told_at=at), [Event(kind=kind, run=run, channels=channels, more=more)]


def _succeeded(told: Told, run: Run, notify: Notify) -> tuple[Told, Sequence[Event]]:
    events = []
    recovery = notify.recovery if told.told_at else ()
    if recovery:
        broken = run.end - told.since if run.end and told.since else None
        more = {
            "failures": told.failures,
            "since": iso(told.since),
            "broken_for_seconds": seconds(broken),
        }
        events.append(Event(kind=EventKind.RECOVERY, run=run, channels=recovery, more=more))
    # One message says it all.
    others = tuple(name for name in notify.success if name not in recovery)
    if others:
        events.append(Event(kind=EventKind.SUCCESS, run=run, channels=others))
    return _after_real_run(without_row(told), notify), events


def _skipped(told: Told, run: Run, notify: Notify, at: datetime) -> tuple[Told, Sequence[Event]]:
    """Tell the first of a row of skips for one cause: a pause of a week is one message."""
    cause = str(skip_cause(run.reason))
    if cause == told.skip and not (notify.repeat and _may_repeat(told.skip_at, notify.repeat, at)):
        return told, ()
    again = at + notify.repeat if notify.repeat else None
    told = replace(told, skip=cause, skip_at=at, skip_reason=run.reason, skip_again=again)
    return told, [Event(kind=EventKind.SKIPPED, run=run, channels=notify.skipped)]


def without_row(told: Told) -> Told:
    """Return `told` after a success: no run has failed since."""
    return replace(told, failures=0, since=None, failed_at=None, told_at=None)


def without_skip(told: Told) -> Told:
    """Return `told` so that the next skip is the first of a row."""
    return replace(told, skip="", skip_at=None, skip_reason="", skip_again=None)


def _after_real_run(told: Told, notify: Notify) -> Told:
    """Return `told` after a run that took place: its next skip is the first of a row.

    But where repeats are limited: a job that is often longer than its schedule allows would be told
    of at each run.
    """
    return told if notify.repeat else without_skip(told)


def _may_repeat(before: datetime | None, repeat: timedelta | None, at: datetime) -> bool:
    """Return True where it was not told within the time, or the clock was set back since."""
    return before is None or repeat is None or not timedelta() <= at - before < repeat
