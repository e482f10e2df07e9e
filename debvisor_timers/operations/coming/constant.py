# SPDX-License-Identifier: Apache-2.0
"""Jobs that run in every quarter of an hour: told by their elapses, without a value for each run.

There may be millions of these runs, and nobody wants to see each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.coming.upcoming import Calendars

QUARTER = timedelta(minutes=15)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that is looked at: aware, UTC, `end` not included."""

    start: datetime
    end: datetime

    @property
    def quarters(self) -> int:
        """Return how many quarters of an hour there are, the last one perhaps shorter."""
        return -(-(self.end - self.start) // QUARTER)


_ByQuarter = Mapping[int, Sequence[datetime]]


def constant_jobs(
    calendars: Calendars, skips: Skips, jobs: Iterable[Job], span: Span, *, counted_from: datetime
) -> dict[str, int]:
    """Return those of `jobs` of which a run takes place in each quarter of an hour of `span`.

    With how many runs the calendar of each has from `counted_from` on, such as are skipped
    included.
    """
    # Jobs that run so often mostly share their lines.
    known: dict[object, tuple[_ByQuarter, int]] = {}
    found = {}
    for job in jobs:
        if not job.enabled or sum(len(each.elapses) for each in calendars.answers(job)) < (
            span.quarters
        ):
            continue
        delay = calendars.delay(job)
        key = (calendars.lines[job.id], delay)
        if key not in known:
            known[key] = _by_quarter(calendars.elapses(job), delay, span, counted_from)
        elapses, count = known[key]
        if len(elapses) == span.quarters and _takes_place(job, elapses, delay, skips):
            found[job.id] = count
    return found


def _by_quarter(
    elapses: Collection[datetime],
    delay: tuple[timedelta, timedelta],
    span: Span,
    counted_from: datetime,
) -> tuple[_ByQuarter, int]:
    """Return the elapses of whose runs it is certain in which quarter they start.

    And how many elapse from `counted_from` on.
    """
    least, most = delay
    quarters = defaultdict[int, list[datetime]](list)
    count = 0
    for elapse in elapses:
        start = elapse + least
        if span.start <= start < span.end:
            count += start >= counted_from
            number = (start - span.start) // QUARTER
            # A delay is always shorter than the jitter.
            if least == most or (elapse + most - _INSTANT - span.start) // QUARTER == number:
                quarters[number].append(elapse)
    return quarters, count


def _takes_place(
    job: Job, elapses: _ByQuarter, delay: tuple[timedelta, timedelta], skips: Skips
) -> bool:
    """Return True when in each quarter one run at least is certain not to be skipped."""
    if not skips.concern(job.id):
        return True
    least, most = delay
    return all(
        any(
            not skips.of(job, scheduled=elapse, start=elapse + least, latest=elapse + most)
            for elapse in some
        )
        for some in elapses.values()
    )
