# SPDX-License-Identifier: Apache-2.0
"""The sections of a report: of each what is said of which job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.cli import times
from debvisor_timers.cli.output import counted, grouped, printable, some, starts
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import Ending
from debvisor_timers.history.report import Failed, Flaky, Missed
from debvisor_timers.operations.coming.timeline import Crowd, zone_of
from debvisor_timers.operations.past.report import NeverRan, Report
from debvisor_timers.operations.past.trend_words import duration_words, failure_words, unusual_words
from debvisor_timers.operations.past.trends import Slow, Strange

_PROGRAM = "debvisor-timers"
_MOST_ENTRIES, _MOST_LINES, _MOST_NAMES = 20, 5, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened at a time; command: how to look at it, as words; empty for none."""

    when: str
    words: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A job, or a time, and what is said of it; name: what users call the job, empty for none.

    more: what was left out. command: how to look further, as words; empty for none.
    """

    subject: str
    words: str
    name: str = ""
    lines: tuple[Line, ...] = ()
    more: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Some jobs of which the same is to be told; tone: `bad`, `odd` or `plain`. more: left out."""

    title: str
    tone: str
    about: str
    entries: tuple[Entry, ...]
    more: str = ""


def sections(report: Report) -> Iterator[Section]:
    """Yield the sections that have something to tell, the worst first."""
    says = _Says(report)
    for title, tone, about, entries in (
        ("Failed", "bad", "", [says.failed(one) for one in report.failed]),
        (
            "Flaky",
            "bad",
            "They fail and work by turns, or need further attempts.",
            [says.flaky(one) for one in report.flaky],
        ),
        (
            "Missed",
            "odd",
            "Not every planned start became a run in its time.",
            [says.missed(one) for one in report.missed],
        ),
        ("Getting worse", "odd", "", [says.slow(one) for one in report.slow]),
        (
            "Unusual runs",
            "odd",
            "Compared with the runs of the same job before.",
            [says.strange(one) for one in report.strange],
        ),
        ("Never ran", "plain", "", [says.never_ran(one) for one in report.never_ran]),
        (
            "Next big collisions",
            "plain",
            "So many jobs start within a quarter of an hour in the next 7 days.",
            [says.crowd(one) for one in report.crowds],
        ),
    ):
        if entries:
            shown, left = entries[:_MOST_ENTRIES], entries[_MOST_ENTRIES:]
            more = f"and {some([entry.subject for entry in left], _MOST_NAMES)}" if left else ""
            yield Section(title=title, tone=tone, about=about, entries=tuple(shown), more=more)


class _Says:
    """Says things in the time zone of the report, with the names that its jobs have."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._zone = zone_of(report.zone)

    def failed(self, one: Failed) -> Entry:
        words = (
            f"{grouped(len(one.failures))} of {grouped(one.of)} {'run' if one.of == 1 else 'runs'}"
        )
        left = len(one.failures) - _MOST_LINES
        since = self._when(self._report.since.timestamp())
        return self._entry(
            one.job,
            f"{words}, and it still fails" if one.is_failing else f"{words}; it works again",
            lines=tuple(self._failure(run) for run in one.failures[:_MOST_LINES]),
            more=f"and {grouped(left)} more before" if left > 0 else "",
            command=(_PROGRAM, "history", one.job, "--status", "failed", "--since", f"'{since}'")
            if left > 0
            else (),
        )

    def flaky(self, one: Flaky) -> Entry:
        told = []
        if one.changes:
            told.append(f"changed between success and failure {counted(one.changes, 'time')}")
        if one.retried:
            runs = counted(one.retried, "run")
            told.append(f"{runs} of {one.of} succeeded only after a further attempt")
        return self._entry(one.job, "; ".join(told))

    def missed(self, one: Missed) -> Entry:
        told = []
        if one.lost:
            told.append(f"{counted(one.lost, 'run')} lost in a crash")
        if one.unseen and one.first is not None and one.last is not None:
            times_ = self._when(one.first)
            times_ += f" to {self._when(one.last)}" if one.unseen > 1 else ""
            was = f"{counted(one.unseen, 'start')} without any trace ({times_})"
            told.append(f"{was}: the host was off, or the timer was stopped")
        if one.catch_ups:
            told.append(counted(one.catch_ups, "catch-up"))
        for reason, number in one.skipped.items():
            why = printable(reason) or "for no known reason"
            told.append(f"{counted(number, 'start')} skipped: {why}")
        return self._entry(one.job, "; ".join(told))

    def slow(self, one: Slow) -> Entry:
        told = []
        if one.durations:
            now = self._report.now
            told.append(duration_words(one.durations, timeout=one.timeout, now=now))
        if one.failures:
            told.append(failure_words(one.failures))
        return self._entry(one.job, "; ".join(told), command=(_PROGRAM, "stats", one.job))

    def strange(self, one: Strange) -> Entry:
        lines = tuple(
            Line(
                when=self._when(run.start),
                words=unusual_words(run),
                command=(_PROGRAM, "logs", one.job, "--run", run.run),
            )
            for run in one.runs[:_MOST_LINES]
        )
        left = len(one.runs) - _MOST_LINES
        more = f"and {grouped(left)} more before" if left > 0 else ""
        return self._entry(one.job, counted(len(one.runs), "run"), lines=lines, more=more)

    def never_ran(self, one: NeverRan) -> Entry:
        schedule = one.schedule or "on demand"
        if one.next_start is not None:
            schedule += f"; next start {self._when(one.next_start.timestamp())}"
        return self._entry(one.job, schedule)

    def crowd(self, one: Crowd) -> Entry:
        quarter = one.quarter
        words = f"{starts(quarter.load)} of {some(quarter.jobs, _MOST_NAMES)}"
        if one.more:
            words += f"; they meet {counted(one.more, 'time')} more"
        when = datetime.fromtimestamp(quarter.start.timestamp(), self._zone)
        return Entry(subject=f"{when:%a %Y-%m-%d %H:%M}", words=words)

    def _failure(self, run: RunFigures) -> Line:
        ending = Ending(outcome=run.outcome, reason=printable(run.reason))
        words = ending.words
        if run.attempts > 1:
            words += f", {run.attempts} attempts"
        if run.duration is not None:
            words += f", after {times.span(timedelta(seconds=run.duration))}"
        command = (_PROGRAM, "logs", run.job, "--run", run.id)
        return Line(when=self._when(run.start), words=words, command=command)

    def _entry(
        self,
        job: str,
        words: str,
        *,
        lines: tuple[Line, ...] = (),
        more: str = "",
        command: tuple[str, ...] = (),
    ) -> Entry:
        name = printable(self._report.names.get(job, ""))
        return Entry(subject=job, words=words, name=name, lines=lines, more=more, command=command)

    def _when(self, seconds: float) -> str:
        return f"{datetime.fromtimestamp(seconds, self._zone):%a %Y-%m-%d %H:%M:%S}"
