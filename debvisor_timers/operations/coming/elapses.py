# SPDX-License-Identifier: Apache-2.0
"""All elapses of an interval: few are asked for, and more only of the lines that need them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from debvisor_timers.operations.host import Host
from debvisor_timers.systemd.ports import CalendarAnswer

MOST = 86_401
"""So many elapses of one line are looked at, no more: one more than a day has seconds."""

_FEW = 8
_FACTOR = 8
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Which runs are meant: after `after`, before `until`, the first `count` of all together.

    after: aware; None is now. A run at `after` itself is past. until, count: None sets no end.
    """

    after: datetime | None = None
    until: datetime | None = None
    count: int | None = None


def elapses_until(
    host: Host,
    lines: Iterable[str],
    *,
    after: datetime,
    until: datetime | Mapping[str, datetime],
    most: int = MOST,
) -> dict[str, CalendarAnswer]:
    """Return the answer to each of the distinct `lines`, with all elapses before `until`.

    until: aware, one for all or one for each line; an answer may go on behind it. No more than
    about `most` elapses of a line.
    """
    ends = until if isinstance(until, Mapping) else dict.fromkeys(lines, until)
    search = _Search(host=host, after=after, most=most)
    # Most lines elapse once a day: these are answered at once.
    days = (max(ends.values(), default=after) - after).days
    few = min(max(days + 2, _FEW), _FEW * _FACTOR)
    return search.ask(list(ends), few, lambda _answers: ends)


def first_elapses(
    host: Host, lines: Iterable[str], *, after: datetime, within: Interval, slack: timedelta
) -> dict[str, CalendarAnswer]:
    """Return the answer to each of the distinct `lines`, far enough for all runs `within`.

    after: where the search begins. slack: how much later than its elapse a run may come.
    """
    distinct = list(dict.fromkeys(lines))
    count = within.count or MOST
    end = within.until or _FAR

    def ends_of(answers: Collection[CalendarAnswer]) -> Mapping[str, datetime]:
        first = {e for one in answers for e in one.elapses if e > (within.after or after)}
        enough = sorted(first)[count - 1] + slack if len(first) >= count else _FAR
        return dict.fromkeys(distinct, min(end, enough))

    few = 1 if len(distinct) > count else min(count, _FEW)
    return _Search(host=host, after=after, most=MOST).ask(distinct, few, ends_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """Asks for the elapses of lines from `after` on, again and again, until all reach their end."""

    host: Host
    after: datetime
    most: int

    def ask(
        self,
        lines: Collection[str],
        count: int,
        ends_of: Callable[[Collection[CalendarAnswer]], Mapping[str, datetime]],
    ) -> dict[str, CalendarAnswer]:
        """Return the last answer to each line; `ends_of` all answers says how far each must go."""
        answers: dict[str, CalendarAnswer] = {}
        while lines:
            found = self.host.analyzer.calendar(list(lines), after=self.after, count=count)
            answers.update((answer.spec, answer) for answer in found)
            ends = ends_of(answers.values())
            lines = [
                answer.spec
                for answer in found
                if len(answer.elapses) == count < self.most
                and answer.elapses[-1] < ends[answer.spec]
            ]
            wanted = [self._wanted(answers[line], ends[line]) for line in lines]
            count = min(count * _FACTOR, max(wanted, default=0), self.most)
        return answers

    def _wanted(self, answer: CalendarAnswer, end: datetime) -> int:
        """Return how many elapses there are up to `end`, going by those that are known."""
        share = (end - self.after) / (answer.elapses[-1] - self.after)
        return max(ceil(len(answer.elapses) * share * 1.1), len(answer.elapses)) + 2
