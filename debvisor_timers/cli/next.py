# SPDX-License-Identifier: Apache-2.0
"""next: when jobs will run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import echo_json, echo_table
from debvisor_timers.errors import ScheduleError, UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.coming.elapses import Interval
    from debvisor_timers.operations.coming.upcoming import Upcoming
    from debvisor_timers.scheduler import Scheduler

_COUNT = 5
_MOST = 1000
# A run at the very time that somebody names is meant, one at this moment is past.
_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Expression:
    """What is asked about instead of jobs; all None: jobs."""

    cron: str | None
    on_calendar: str | None
    zone: str | None

    @property
    def is_given(self) -> bool:
        return self.cron is not None or self.on_calendar is not None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which runs: the texts of --from and --until, and how many."""

    start: str | None
    end: str | None
    count: int | None

    def interval(self, scheduler: Scheduler) -> Interval:
        """Return what to ask for: one more than the most, to see whether there are more."""
        from debvisor_timers.operations.coming.elapses import Interval

        start = None if self.start is None else scheduler.timestamp(self.start)
        until = None if self.end is None else scheduler.timestamp(self.end)
        if until is not None and until <= (start or scheduler.now()):
            what = "the present" if start is None else f"--from {self.start!r}"
            raise UsageError(f"--until {self.end!r} is not after {what}", fix="write a later time")
        count = self.count or (_COUNT if until is None else _MOST + 1)
        return Interval(after=start and start - _BEFORE, until=until, count=count)


@click.command("next", epilog="Example: debvisor-timers next nightly-backup --until tomorrow")
@job_arguments
@click.option("--cron", metavar="EXPR", help="Show a cron expression, not jobs.")
@click.option("--on-calendar", metavar="SPEC", help="Show a time in systemd's syntax, not jobs.")
@click.option("--timezone", metavar="ZONE", help="The zone that --cron is meant in.")
@click.option("--from", "start", metavar="T", help="From this time on, not from now.")
@click.option(
    "--until",
    "end",
    metavar="T",
    help="Up to this time, and without it; a date alone is the start of that day.",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, _MOST),
    help=f"How many; {_COUNT}, or with --until all.",
)
@json_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    jobs: tuple[str, ...],
    cron: str | None,
    on_calendar: str | None,
    timezone: str | None,
    start: str | None,
    end: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Show the next runs of JOBs, or of all jobs in one list, as systemd computes them.

    T is a time as systemd.time(7) has it: "2026-11-27 02:00", tomorrow, +3h.
    """
    from debvisor_timers.scheduler import Scheduler

    expression = _Expression(cron, on_calendar, timezone)
    _check(expression, jobs)
    scheduler = Scheduler.system()
    runs = _runs(scheduler, expression, jobs, _Wanted(start, end, count).interval(scheduler))
    shown = runs[: count or _MOST]
    if as_json:
        echo_json([_document(run) for run in shown])
    elif shown:
        _echo_runs(shown, now=scheduler.now())
    else:
        click.echo("nothing to come")
    if len(runs) > len(shown):
        # In UTC: a local time can come twice.
        more = f"{runs[len(shown)].at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"only the first {_MOST} are shown; go on with --from '{more}'", err=True)


def _check(expression: _Expression, jobs: Sequence[str]) -> None:
    if expression.cron is not None and expression.on_calendar is not None:
        raise UsageError("--cron and --on-calendar together", fix="write one of them")
    if expression.is_given and jobs:
        raise UsageError("jobs and an expression together", fix="ask for one after the other")
    if expression.zone is not None and expression.cron is None:
        raise UsageError(
            "--timezone without --cron",
            fix="a job says its zone itself; behind --on-calendar it is the last word",
        )


def _runs(
    scheduler: Scheduler, expression: _Expression, jobs: Sequence[str], within: Interval
) -> Sequence[Upcoming]:
    if expression.cron is not None:
        return _of_cron(scheduler, expression.cron, expression.zone, within)
    if expression.on_calendar is not None:
        return scheduler.next_of_calendar(expression.on_calendar, within)
    return scheduler.next(jobs, within)


def _of_cron(
    scheduler: Scheduler, text: str, zone: str | None, within: Interval
) -> Sequence[Upcoming]:
    from debvisor_timers.calendar.zones import check_zone

    if zone is not None:
        check_zone(zone)  # its fault is none of the expression's, which has the caret
    try:
        return scheduler.next_of_cron(text, zone=zone, within=within)
    except ScheduleError as error:
        raise error.below(text) from error


def _document(run: Upcoming) -> dict[str, object]:
    return {
        "job": run.job_id or None,
        "start": times.iso(run.at),
        "latest_start": times.iso(run.latest),
        "scheduled": times.iso(run.scheduled),
        "enabled": run.enabled,
        "skipped": run.skipped or None,
        "may_be_skipped": run.may_be_skipped or None,
    }


def _echo_runs(runs: Sequence[Upcoming], *, now: datetime) -> None:
    """Print a table; a column that would be empty is left out."""
    columns = {
        "START": [times.local(run.at) for run in runs],
        "IN": [times.relative(run.at, now=now).removeprefix("in ") for run in runs],
        "UTC": [run.at.astimezone(UTC).strftime("%H:%M:%S") for run in runs],
        "JITTER": [times.delay(run.latest - run.at) for run in runs],
        "JOB": [run.job_id for run in runs],
        "NOTE": [_note(run) for run in runs],
    }
    used = {title: cells for title, cells in columns.items() if any(cells)}
    rows = list(zip(*used.values(), strict=True))
    echo_table(tuple(used), rows, spare=("UTC",), whole={"START", "IN"})


def _note(run: Upcoming) -> str:
    return run.skip_words if run.enabled else "disabled"
