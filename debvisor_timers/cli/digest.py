# SPDX-License-Identifier: Apache-2.0
"""A report in words: what its text and its HTML both say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.cli import times
from debvisor_timers.cli.chapters import Entry, Section, sections
from debvisor_timers.cli.output import counted, grouped, percent, printable, some
from debvisor_timers.history.report import Sums
from debvisor_timers.operations.coming.timeline import zone_of
from debvisor_timers.operations.past.report import Report

_MOST_NAMES = 5

__all__ = ["Digest", "Entry", "Fact", "Section", "digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A number at the top; before: that of the time before, empty for none."""

    label: str
    value: str
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """All that a report says, as text that is safe to show but not escaped for any language.

    verdict: the report in a sentence or two; tone: `good`, `bad` or `plain`. before: what
    the time before is called, to which its numbers are compared.
    """

    host: str
    period: str
    verdict: str
    tone: str
    before: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    made: str


def digest(report: Report, *, host: str) -> Digest:
    """Return what `report` says of the host of that name."""
    verdict, tone = _verdict(report)
    return Digest(
        host=printable(host),
        period=_period(report),
        verdict=verdict,
        tone=tone,
        before=_before(report.until - report.since),
        facts=tuple(_facts(report.sums, report.before)) if _has_runs(report.sums) else (),
        sections=tuple(sections(report)),
        notes=tuple(printable(note) for note in _notes(report)),
        made=_when(report.now, report.zone, "%a %Y-%m-%d %H:%M %Z"),
    )


def _verdict(report: Report) -> tuple[str, str]:
    sums = report.sums
    if not _has_runs(sums):
        if not report.jobs:
            return (
                "There are no jobs yet. The first one is a file in jobs.d, and an apply.",
                "plain",
            )
        return f"None of {counted(report.jobs, 'job')} ran in this time.", "plain"
    if sums.failed:
        still = sum(one.is_failing for one in report.failed)
        words = f"{grouped(sums.failed)} of {_runs(sums.runs)} failed, of "
        words += f"{counted(len(report.failed), 'job')}"
        return f"{words}; {_still(still, len(report.failed))}.", "bad"
    if not sums.runs:
        return "No run has ended in this time.", "plain"
    good = f"All {_runs(sums.runs)} succeeded" if sums.runs > 1 else "The only run succeeded"
    if sums.stopped:
        good = f"None of {_runs(sums.runs)} failed"
    if report.is_well:
        return f"All is well: {good[0].lower()}{good[1:]}, and nothing was missed.", "good"
    return f"{good}, but not all is well.", "bad"


def _still(number: int, of: int) -> str:
    if not number:
        return "it works again" if of == 1 else "all of them work again"
    if of == 1:
        return "it still fails"
    if number == of:
        return "all of them still fail"
    return f"{number} of them still {'fails' if number == 1 else 'fail'}"


def _facts(now: Sums, before: Sums) -> Iterable[Fact]:
    columns: tuple[tuple[str, Callable[[Sums], str]], ...] = (
        ("runs", lambda sums: grouped(sums.runs)),
        ("succeeded", lambda sums: percent(sums.success_rate)),
        ("failed", lambda sums: grouped(sums.failed)),
        ("stopped by hand", lambda sums: grouped(sums.stopped)),
        ("skipped starts", lambda sums: grouped(sums.skipped)),
    )
    for label, of in columns:
        yield Fact(label=label, value=of(now), before=of(before) if _has_runs(before) else "")
    if now.under_way:
        yield Fact(label="under way now", value=grouped(now.under_way), before="")


def _before(length: timedelta) -> str:
    """Return `the 7 days before`."""
    is_whole = length >= timedelta(days=1) and not length % timedelta(days=1)
    words = counted(length.days, "day") if is_whole else times.span(length)
    return f"the {words.removeprefix('1 ') if is_whole else words} before"


def _notes(report: Report) -> Iterable[str]:
    yield from report.notes
    if jobs := report.not_looked_at:
        words = "is not looked at" if len(jobs) == 1 else "are not looked at"
        named = some(jobs, _MOST_NAMES)
        yield f"whether each start took place {words} for {named}: too many starts"


def _period(report: Report) -> str:
    since = _when(report.since, report.zone, "%a %Y-%m-%d %H:%M")
    return f"{since} to {_when(report.until, report.zone, '%a %Y-%m-%d %H:%M %Z')}"


def _when(moment: datetime, zone: str, form: str) -> str:
    return moment.astimezone(zone_of(zone)).strftime(form)


def _has_runs(sums: Sums) -> bool:
    return bool(sums.runs or sums.skipped or sums.under_way)


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{grouped(number)} runs"
