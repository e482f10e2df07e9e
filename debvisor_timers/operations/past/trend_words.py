# SPDX-License-Identifier: Apache-2.0
"""Trends and unusual runs in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from debvisor_timers.history.trend import FEWEST, DurationTrend, FailureTrend, TrendKind
from debvisor_timers.history.unusual import Oddity, Unusual
from debvisor_timers.operations import times

_DAY, _WEEK, _MONTH = 86_400.0, 7 * 86_400.0, 30 * 86_400.0
_UNITS = (("month", _MONTH, 26 * _WEEK), ("week", _WEEK, 2 * _WEEK), ("day", _DAY, 0.0))
"""A unit of time, and from which length of time on it is used."""
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def duration_words(trend: DurationTrend, *, timeout: timedelta | None, now: datetime) -> str:
    """Return how durations develop: `takes 12 % longer each week (1min 48s, now about 19min)`.

    And when the time-out is likely to be exceeded, where that can be foreseen.
    """
    match trend.kind:
        case TrendKind.TOO_FEW if trend.count < FEWEST:
            return f"too few runs for a trend: {trend.count} of {FEWEST} that succeeded at once"
        case TrendKind.TOO_FEW:
            return "too few runs for a trend: all within a week"
        case TrendKind.STEADY:
            return f"steady: about {_span(trend.level)}"
        case TrendKind.STEP if trend.step:
            before, after = _span(trend.step.before), _span(trend.step.after)
            return f"takes {after} instead of {before} since {_day(trend.step.x)}"
    unit, length = _unit(trend.last - trend.first)
    amount = abs(trend.slope) * length
    share = _percent(amount / trend.level) if trend.level > 0 else _span(amount)
    how = "longer" if trend.kind is TrendKind.GROWING else "less time"
    words = f"takes {share} {how} each {unit} ({_span(amount)}, now about {_span(trend.now)})"
    if trend.limit_at is None or timeout is None:
        return words
    left = trend.limit_at - now.timestamp()
    when = f"in about {_about(left)}" if left > 0 else "any time now"
    return f"{words}, likely to exceed its {times.span(timeout)} time-out {when}"


def failure_words(trend: FailureTrend) -> str:
    """Return whether it fails more often: `fails more often: 2 of 50 in the first half, ...`."""
    match trend.kind:
        case TrendKind.TOO_FEW:
            runs = trend.before + trend.after
            return f"too few runs for a trend: {runs} of {FEWEST}"
        case TrendKind.GROWING:
            how = "fails more often"
        case TrendKind.SHRINKING:
            how = "fails less often"
        case _ if not trend.failed_before and not trend.failed_after:
            return "none"
        case _:
            how = "fails about as often as before"
    first = f"{trend.failed_before} of {trend.before} in the first half"
    return f"{how}: {first}, {trend.failed_after} of {trend.after} in the second"


def unusual_words(one: Unusual) -> str:
    """Return what was unusual, and by how much: `took 3h 10min, usually 25min (7.6 times)`."""
    match one.oddity:
        case Oddity.LONG:
            return f"took {_span(one.value)}, usually {_span(one.usual)} ({_times(one)})"
        case Oddity.SHORT:
            return f"took only {_span(one.value)}, usually {_span(one.usual)}"
    return f"used {size(one.value)} of memory, usually {size(one.usual)} ({_times(one)})"


def size(amount: float) -> str:
    """Return an amount of memory: `412.5 MiB`."""
    for unit in _BINARY:
        if amount < 1024 or unit == _BINARY[-1]:
            break
        amount /= 1024
    return f"{amount:.1f} {unit}".replace(".0 ", " ")


def _times(one: Unusual) -> str:
    return f"{one.factor:.1f} times" if one.factor < 10 else f"{one.factor:.0f} times"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 else f"{share * 100:.1g} %"


def _unit(length: float) -> tuple[str, float]:
    return next((name, size) for name, size, least in _UNITS if length >= least)


def _about(seconds: float) -> str:
    """Return `5 weeks`; at least a day."""
    unit, length = _unit(seconds)
    number = max(round(seconds / length), 1)
    return f"1 {unit}" if number == 1 else f"{number} {unit}s"


def _span(seconds: float) -> str:
    return times.span(timedelta(seconds=max(seconds, 0.0)))


def _day(seconds: float) -> str:
    return times.short(datetime.fromtimestamp(seconds, UTC))[:10]
