# SPDX-License-Identifier: Apache-2.0
"""backfill: run a job for times that it has missed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes, echo_table
from debvisor_timers.errors import ExitCode, InterruptedByUserError

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.backfill import Backfill, Progress, SlotResult
    from debvisor_timers.operations.holding.slots import BackfillPlan, JobSlots


@click.command(
    "backfill", epilog='Example: debvisor-timers backfill report --from "2 days ago" --only-missed'
)
@job_arguments
@click.option("--from", "since", metavar="T", required=True, help="From this time on.")
@click.option("--to", "until", metavar="T", help="Before this time; default: now.")
@click.option("--only-missed", is_flag=True, help="Only times without a run that succeeded.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=1,
    metavar="N",
    help="So many jobs at once; runs of one job never overlap.",
)
@click.option("--keep-going", is_flag=True, help="Do not stop at a run that fails.")
@click.option("--again", is_flag=True, help="Do not go on with what was stopped: run all.")
@click.option("--dry-run", is_flag=True, help="Show the times, run nothing.")
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    jobs: tuple[str, ...],
    since: str,
    until: str | None,
    only_missed: bool,
    parallel: int,
    keep_going: bool,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run JOB once for each time of its schedule that has passed, the oldest first.

    Its program finds the time in DEBVISOR_SCHEDULED_FOR. Stopped by Ctrl-C, or by a run that
    fails, the same command goes on from there.
    """
    from debvisor_timers.operations.holding.slots import Times
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    wanted = Times(
        since=scheduler.timestamp(since),
        until=None if until is None else scheduler.timestamp(until),
        only_missed=only_missed,
        again=again,
    )
    plan = scheduler.plan_backfill(jobs, wanted)
    if not as_json:
        echo_notes(_notes(plan, parallel))
    if dry_run or not plan.total:
        _show(plan, as_json=as_json)
        return ExitCode.DONE
    with _resumable(plan), _progress(plan, as_json=as_json) as on_progress:
        done = scheduler.backfill(
            plan, parallel=parallel, keep_going=keep_going, on_progress=on_progress
        )
    _answer(plan, done, as_json=as_json)
    return ExitCode.DONE if done.is_good else ExitCode.SYSTEMD


def _notes(plan: BackfillPlan, parallel: int) -> Iterator[str]:
    for job in plan.jobs:
        if job.stopped is not None:
            begun, are = times.short(job.stopped), "is" if job.done == 1 else "are"
            yield (
                f"goes on with the backfill of {job.job_id} that was begun at {begun}:"
                f" {counted(job.done, 'run')} of it {are} done (--again runs all)"
            )
        if job.completed:
            yield f"{job.job_id}: {counted(job.completed, 'time')} left out, not missed"
        if job.excluded:
            yield f"{job.job_id}: {counted(job.excluded, 'time')} left out, on excluded days"
    if parallel > len(plan.jobs):
        yield "runs of one job never overlap: --parallel counts jobs"


@contextmanager
def _resumable(plan: BackfillPlan) -> Iterator[None]:
    """Say on Ctrl-C what goes on, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        names = " ".join(job.job_id for job in plan.jobs)
        raise InterruptedByUserError(
            "backfill stopped; the run that is under way goes on",
            fix=f"the same command goes on from there; to end the run too:"
            f" debvisor-timers stop {names}",
        ) from error


@contextmanager
def _progress(plan: BackfillPlan, *, as_json: bool) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal; else a line on stdout for each run."""
    if not sys.stderr.isatty():
        yield lambda progress: None if as_json else click.echo(_line(progress.result))
        return
    with click.progressbar(
        length=plan.total,
        label="backfill",
        file=sys.stderr,
        item_show_func=lambda item: item or "",
        show_pos=True,
    ) as bar:

        def advance(progress: Progress) -> None:
            result = progress.result
            bar.update(1, f"{result.job_id} {times.short(result.slot)}")

        yield advance


def _line(result: SlotResult) -> str:
    took = f" after {times.span(result.duration)}" if result.duration is not None else ""
    return f"{result.job_id} {times.short(result.slot)}: {result.ending.words}{took}"


def _show(plan: BackfillPlan, *, as_json: bool) -> None:
    if as_json:
        echo_json(_document(plan, None))
    elif not plan.total:
        click.echo("nothing to make up for")
    else:
        rows = [(job.job_id, times.local(slot)) for job in plan.jobs for slot in job.slots]
        echo_table(("JOB", "FOR"), rows)
        click.echo(counted(plan.total, "run"))


def _answer(plan: BackfillPlan, done: Backfill, *, as_json: bool) -> None:
    if as_json:
        echo_json(_document(plan, done))
        return
    if sys.stderr.isatty():
        for result in done.slots:
            if not result.is_good:
                click.echo(_line(result))
    click.echo(done.words)
    if done.left:
        echo_notes(["the same command runs what is left; `debvisor-timers logs JOB` tells more"])


def _document(plan: BackfillPlan, done: Backfill | None) -> dict[str, object]:
    document: dict[str, object] = {
        "from": times.iso(plan.since),
        "to": times.iso(plan.until),
        "jobs": [_job_document(job) for job in plan.jobs],
    }
    if done is not None:
        document |= {"runs": [_run_document(each) for each in done.slots], "left": done.left}
    return document


def _job_document(job: JobSlots) -> dict[str, object]:
    return {
        "job": job.job_id,
        "scheduled_for": [times.iso(slot) for slot in job.slots],
        "done_before": job.done,
        "not_missed": job.completed,
        "excluded": job.excluded,
    }


def _run_document(result: SlotResult) -> dict[str, object]:
    return {
        "job": result.job_id,
        "scheduled_for": times.iso(result.slot),
        "run": result.run_id or None,
        "outcome": str(result.ending.outcome),
        "reason": result.ending.reason,
        "duration_seconds": result.duration.total_seconds() if result.duration else None,
    }
