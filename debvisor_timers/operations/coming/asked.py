# SPDX-License-Identifier: Apache-2.0
"""Which runs to come are skipped since somebody asked for the next ones to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.calendars import calendar_answers
from debvisor_timers.operations.coming.delays import jitter_of, known_delays
from debvisor_timers.operations.holding.marks import SkipNext
from debvisor_timers.operations.host import Host

_NONE = timedelta()
_MOST = 4096
"""So many elapses of one job are looked at."""

Takes = Callable[[Job, datetime, datetime, datetime], bool]
"""Whether a run would take place: of this job, scheduled, at the earliest, at the latest."""


def asked_skips(
    host: Host, jobs: Sequence[Job], skips: Mapping[str, SkipNext], takes_place: Takes
) -> dict[str, Mapping[datetime, str]]:
    """Return why runs of `jobs` are skipped on request, by job and by their scheduled time.

    A run that would not take place anyway does not count.
    """
    now = host.clock.now()
    delays = known_delays(host, [job for job in jobs if jitter_of(job)])
    found: dict[str, Mapping[datetime, str]] = {}
    for job in jobs:
        delay, skip = delays.get(job.id), skips[job.id]
        least, most = (_NONE, jitter_of(job)) if delay is None else (delay, delay)
        count = skip.left + 8
        while True:
            answers = calendar_answers(host, [job], after=now - most, count=count)[job.id]
            elapses = sorted({elapse for answer in answers for elapse in answer.elapses})
            known = elapses[:count]  # behind them, one line may have told more than another
            runs = [
                elapse
                for elapse in known
                if elapse + least > now and takes_place(job, elapse, elapse + least, elapse + most)
            ]
            if len(runs) >= skip.left or len(known) < count or count >= _MOST:
                break
            count = min(count * 4, _MOST)
        found[job.id] = {at: skip.reason(n) for n, at in enumerate(runs[: skip.left])}
    return found
