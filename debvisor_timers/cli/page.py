# SPDX-License-Identifier: Apache-2.0
"""The statistics of one job as a page, and those of many as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.output import counted, percent
from debvisor_timers.cli.spark import histogram, short_strip, strip
from debvisor_timers.history.statistics import Statistics, took
from debvisor_timers.operations.past.trend_words import (
    duration_words,
    failure_words,
    size,
    unusual_words,
)

if TYPE_CHECKING:
    from debvisor_timers.history.buckets import Bucket
    from debvisor_timers.history.figures import RunFigures
    from debvisor_timers.operations.past.stats import JobStatistics, StatisticsOfJobs

_TITLE = 16
_GAP = "  "
_NAMED = 5
_MOST_BARS, _FEWEST_BARS = 20, 6
_NARROWEST = 40
_TITLES = ("JOB", "RUNS", "OK", "LAST RUN", "MEDIAN", "P95")

PERIOD_TITLES = ("FROM", "RUNS", "SUCCEEDED", "FAILED", "SKIPPED", "MEDIAN", "LONGEST")
PERIOD_SPARE = ("LONGEST", "SKIPPED", "SUCCEEDED")
"""Which of them a narrow terminal may lack, the first one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What there is to write on: columns, whether it takes UTF-8, and the time."""

    width: int
    is_unicode: bool
    now: datetime


def page(job: JobStatistics, paper: Paper, *, in_time: bool) -> Iterator[str]:
    """Yield the lines of one job; in_time: the runs are those of some time, not all."""
    width = max(paper.width, _NARROWEST)
    if job.statistics.total:
        name = job.job_id if job.title == job.job_id else f"{job.job_id}: {job.title}"
        yield from (click.style(line, bold=True) for line in wrap(name, width))
    else:
        yield _nothing(job, in_time=in_time)
    for title, text in _lines(job, paper.now):
        yield from _folded(title, text, width)
    yield from _pictures(job, paper, width)


def period_cells(bucket: Bucket, zone: tzinfo) -> tuple[str, ...]:
    """Return the cells of a day or a week of `zone`, the host's, below PERIOD_TITLES."""
    numbers = bucket.statistics
    lengths = numbers.durations
    return (
        bucket.start.astimezone(zone).strftime("%a %Y-%m-%d"),
        str(numbers.total),
        str(numbers.succeeded),
        str(numbers.failed),
        str(numbers.skipped_elapses),
        span(lengths.median) if lengths else "-",
        span(lengths.longest) if lengths else "-",
    )


def table(several: StatisticsOfJobs, paper: Paper) -> Iterator[str]:
    """Yield a line a job; the last columns are left out where there is no room for them."""
    cells = [_TITLES, *(_cells(job, paper.now) for job in several.jobs)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_TITLES))]
    shown = len(_TITLES)
    while shown > 1 and _room(widths[:shown], paper.width) < _FEWEST_BARS:
        shown -= 1
    bars = min(max(_room(widths[:shown], paper.width), _FEWEST_BARS), _MOST_BARS)
    ends = [
        f"LAST {bars}" if bars > 6 else "LAST",
        *(short_strip(job.runs, width=bars, is_unicode=paper.is_unicode) for job in several.jobs),
    ]
    for number, (row, end) in enumerate(zip(cells, ends, strict=True)):
        texts = [
            # Numbers stand below each other by their units.
            cell.ljust(size_) if column == 0 else cell.rjust(size_)
            for column, (cell, size_) in enumerate(zip(row[:shown], widths, strict=False))
        ]
        line = _GAP.join([*texts, end]).rstrip()
        yield click.style(line, bold=True) if number == 0 else line


def span(seconds: float) -> str:
    """Return seconds as `5min 1s`."""
    return times.span(timedelta(seconds=seconds))


def moment(seconds: float) -> str:
    """Return seconds since 1970 as `2026-11-23 02:00:00` in the host's zone."""
    return times.short(datetime.fromtimestamp(seconds, UTC))


def _room(widths: Sequence[int], columns: int) -> int:
    return columns - sum(widths) - len(_GAP) * len(widths)


def _cells(job: JobStatistics, now: datetime) -> tuple[str, ...]:
    numbers = job.statistics
    last = numbers.last
    ago = times.relative(datetime.fromtimestamp(last.start, UTC), now=now) if last else "-"
    lengths = numbers.durations
    return (
        job.job_id,
        str(numbers.total),
        percent(numbers.success_rate, digits=0),
        ago,
        span(lengths.median) if lengths else "-",
        span(lengths.p95) if lengths else "-",
    )


def _nothing(job: JobStatistics, *, in_time: bool) -> str:
    if job.statistics.under_way:
        return f"{job.job_id}: no run has ended yet"
    return f"{job.job_id} has not run {'in this time' if in_time else 'yet'}"


def _lines(job: JobStatistics, now: datetime) -> Iterator[tuple[str, str]]:
    numbers = job.statistics
    if numbers.total:
        yield "Total executions", _total(numbers)
        yield "Success rate", percent(numbers.success_rate)
    if numbers.durations:
        lengths = numbers.durations
        yield "Average duration", span(lengths.average)
        p95, longest = span(lengths.p95), span(lengths.longest)
        yield "Median", f"{span(lengths.median)}; 95 % within {p95}, longest {longest}"
    if numbers.skipped:
        skipped = counted(numbers.skipped, "run")
        times_ = numbers.skipped_elapses
        yield "Skipped", skipped if times_ == numbers.skipped else f"{skipped} ({times_} starts)"
    if numbers.under_way:
        yield "Under way", counted(numbers.under_way, "run")
    if numbers.last:
        yield "Last run", f"{moment(numbers.last.start)}, {_ending(numbers.last)}"
    if job.next_start:
        yield (
            "Next run",
            f"{times.short(job.next_start)}, {times.relative(job.next_start, now=now)}",
        )
    yield from _further(numbers)
    if numbers.total:
        yield from _developments(job, now)


def _total(numbers: Statistics) -> str:
    failed = f"{numbers.failed} failed"
    of_these = [
        f"{number} {word}"
        for number, word in ((numbers.timed_out, "timed out"), (numbers.lost, "lost"))
        if number
    ]
    if of_these:
        failed += f" ({', '.join(of_these)})"
    stopped = f", {numbers.stopped} stopped" if numbers.stopped else ""
    return f"{numbers.total}: {numbers.succeeded} succeeded, {failed}{stopped}"


def _ending(run: RunFigures) -> str:
    words = str(run.outcome).replace("_", " ") + (f" ({run.reason})" if run.reason else "")
    if run.duration is None or run.duration < 0:
        return words
    return f"{words} after {span(run.duration)}"


def _further(numbers: Statistics) -> Iterator[tuple[str, str]]:
    if numbers.streak:
        kind = "success" if numbers.streak.succeeded else "failure"
        many = "es" if numbers.streak.succeeded else "s"
        words = f"{numbers.streak.length} {kind}{many if numbers.streak.length > 1 else ''}"
        yield "Streak", f"{words} since {moment(numbers.streak.start)}"
    if numbers.retried:
        further = counted(numbers.further_attempts, "further attempt")
        yield "Retries", f"{counted(numbers.retried, 'run')} needed {further}"
    if numbers.catch_ups:
        yield "Catch-ups", counted(numbers.catch_ups, "run")
    if numbers.waits:
        most = span(numbers.waited_longest)
        yield "Waited", f"{span(numbers.waited)} in {counted(numbers.waits, 'run')}, {most} at most"
    if numbers.cpu:
        total, median, most = (
            span(each) for each in (numbers.cpu.total, numbers.cpu.median, numbers.cpu.most)
        )
        yield "CPU", f"{total} in all; median {median}, {most} at most"
    if numbers.memory:
        yield "Memory", f"{size(numbers.memory.most)} at most, median {size(numbers.memory.median)}"


def _developments(job: JobStatistics, now: datetime) -> Iterator[tuple[str, str]]:
    yield "Duration trend", duration_words(job.duration_trend(), timeout=job.timeout, now=now)
    yield "Failure trend", failure_words(job.failure_trend())
    unusual = job.unusual()
    for number, one in enumerate(islice(unusual, _NAMED)):
        yield "" if number else "Unusual", f"{moment(one.start)} {unusual_words(one)}"
    if len(unusual) > _NAMED:
        yield "", f"and {len(unusual) - _NAMED} more"


def _folded(title: str, text: str, width: int) -> Iterator[str]:
    yield from _beside(title, _wrapped(text, width))


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, width - _TITLE - len(_GAP), break_on_hyphens=False)


def _pictures(job: JobStatistics, paper: Paper, width: int) -> Iterator[str]:
    drawn = strip(job.runs, width=width - _TITLE - len(_GAP), is_unicode=paper.is_unicode)
    if drawn is not None:
        yield ""
        yield from _beside(
            "Durations", [*filter(None, [drawn.bars, drawn.signs]), *_wrapped(drawn.told, width)]
        )
    lengths = [length for run in job.runs if (length := took(run)) is not None]
    if lengths:
        yield ""
        yield click.style("How many took how long", bold=True)
        yield from histogram(lengths, width=width, is_unicode=paper.is_unicode)


def _beside(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield `lines`, `title` before the first one."""
    for number, line in enumerate(lines):
        yield f"{_titled('' if number else title)}{_GAP}{line}"


def _titled(title: str) -> str:
    return click.style(f"{title:>{_TITLE}}", bold=True)
