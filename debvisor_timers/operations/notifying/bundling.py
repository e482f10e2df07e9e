# SPDX-License-Identifier: Apache-2.0
"""What of a channel's queue is sent now: quiet hours and storms. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from debvisor_timers.jobs.channels import Channel, Digest, QuietHours
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.notifying.queue import Queued


@dataclass(frozen=True, slots=True)
class Batch:
    """What becomes of messages: sent one by one, sent as one, or held until then."""

    single: tuple[Queued, ...] = ()
    together: tuple[Queued, ...] = ()
    held: tuple[Queued, ...] = ()
    until: datetime | None = None


def batch(
    due: Sequence[Queued], channel: Channel, *, sent: Sequence[datetime], now: datetime, zone: str
) -> Batch:
    """Return what to do with the messages of a channel that are due.

    sent: when messages were sent before. zone: of the host.
    """
    quiet = channel.quiet_hours
    end = quiet_until(quiet, now, zone) if quiet else None
    if quiet and end is not None:
        loud = tuple(each for each in due if _passes(each, quiet))
        return Batch(single=loud, held=tuple(each for each in due if each not in loud), until=end)
    if channel.digest is None:
        return Batch(single=tuple(due))
    return _bundled(due, channel.digest, sent=sent, now=now)


def quiet_until(quiet: QuietHours, now: datetime, zone: str) -> datetime | None:
    """Return when the quiet hours end in which `now` is, None outside of them."""
    local = now.astimezone(ZoneInfo(quiet.timezone or zone))
    clock = local.time()
    begin, until = quiet.from_, quiet.until
    if begin == until:
        return None
    is_night = clock >= begin or clock < until if begin > until else begin <= clock < until
    if not is_night:
        return None
    day = local.date() + timedelta(days=clock >= until)
    end = datetime.combine(day, until, tzinfo=local.tzinfo)
    return max(end.astimezone(now.tzinfo), now + timedelta(minutes=1))


def _passes(message: Queued, quiet: QuietHours) -> bool:
    """Return True for what is told in quiet hours too: trouble of such a job, and a test."""
    if message.event == EventKind.TEST:
        return True
    kind = EventKind.of(message.event)
    is_trouble = kind is not None and kind.is_trouble
    return is_trouble and message.document.get("priority") in quiet.except_priority


def _bundled(
    due: Sequence[Queued], digest: Digest, *, sent: Sequence[datetime], now: datetime
) -> Batch:
    """Return all, one by one, where there is room; else all together, now or when there is.

    A storm that comes at once is told at once, in one message.
    """
    recent = sorted(at for at in sent if now - digest.within < at <= now)
    alone = tuple(each for each in due if each.event == EventKind.TEST or each.only)
    rest = tuple(each for each in due if each not in alone)
    were_held = any(each.due > each.queued and not each.attempts for each in rest)
    if len(rest) <= digest.more_than - len(recent) and not were_held:
        return Batch(single=(*alone, *rest))
    if were_held or not recent:
        return Batch(single=alone, together=rest)
    return Batch(single=alone, held=rest, until=recent[0] + digest.within)
