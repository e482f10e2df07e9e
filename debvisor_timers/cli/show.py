# SPDX-License-Identifier: Apache-2.0
"""show: one job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import needs, times
from debvisor_timers.cli.list import schedule_words
from debvisor_timers.cli.options import complete_run, job_argument, json_option, require_run_id
from debvisor_timers.cli.output import echo_json, echo_titled
from debvisor_timers.errors import UsageError
from debvisor_timers.operations.holding import words as held
from debvisor_timers.operations.states import state_words

if TYPE_CHECKING:
    from datetime import datetime

    from debvisor_timers.history.last import LastRun
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.show import JobDetails
    from debvisor_timers.scheduler import Scheduler


@click.command("show", epilog="Example: debvisor-timers show nightly-backup --units")
@job_argument
@click.option("--units", "with_units", is_flag=True, help="Print the unit files as well.")
@click.option(
    "--run",
    metavar="ID",
    shell_complete=complete_run,
    help="Show a run, with what it printed: its id, or how its id begins.",
)
@json_option
def command(*, job: str, with_units: bool, run: str | None, as_json: bool) -> None:
    """Show JOB: what it is, its calendar as systemd has it, its last run, its next starts."""
    from debvisor_timers.scheduler import Scheduler

    if run is not None and with_units:
        raise UsageError("--run and --units together", fix="write one of them")
    require_run_id(run)
    if run is not None:
        _show_run(Scheduler.system(), job, run, as_json=as_json)
        return
    scheduler = Scheduler.system()
    details = scheduler.show(job)
    if as_json:
        from debvisor_timers.operations.documents.jobs import job_details_document

        echo_json(job_details_document(details, scheduler.run_counts()))
        return
    echo_titled(_lines(details, scheduler.now()))
    if with_units:
        for name, text in details.units.items():
            click.echo(f"\n# {name}\n{text}", nl=False)


def _show_run(scheduler: Scheduler, job: str, run: str, *, as_json: bool) -> None:
    from debvisor_timers.cli.show_run import echo_run
    from debvisor_timers.operations.runs.which_run import Choice

    echo_run(scheduler.show_run(job, Choice(id=run)), as_json=as_json)


def _lines(details: JobDetails, now: datetime) -> Iterator[tuple[str, str]]:
    row, job = details.row, details.row.job
    yield "job", row.job_id
    if job is not None:
        yield from _definition(details)
        yield "enabled", "yes" if job.enabled else "no"
    yield "state", state_words(row)
    if row.pause is not None:
        yield "paused", held.long_words(row.pause)
    if row.skip_next is not None:
        yield "skip next", held.skip_words(row.skip_next)
    if row.under_way is not None:
        yield "run", f"{row.under_way.id}, since {times.local(row.under_way.start)}"
    if row.last is not None:
        begun = row.last.start or row.last.end
        ago = times.relative(begun, now=now)
        yield "last run", f"{times.local(begun)}, {ago}: {row.last.outcome_words}"
        yield "took", _took(row.last)
    for number, run in enumerate(details.upcoming):
        words = [times.local(run.at), times.delay(run.latest - run.at)]
        words.append(f"({times.relative(run.at, now=now)})" if number == 0 else "")
        words.append(run.skip_words)
        yield ("next" if number == 0 else ""), " ".join(filter(None, words))
    for number, name in enumerate(details.units):
        yield ("units" if number == 0 else ""), name


def _took(last: LastRun) -> str:
    attempts = f", {last.attempts} attempts" if (last.attempts or 1) > 1 else ""
    return f"{times.span(last.duration)}{attempts}"


def _definition(details: JobDetails) -> Iterator[tuple[str, str]]:
    job = details.row.job
    if job is None:
        return
    yield "name", job.title
    if job.description:
        yield "description", job.description
    yield "source", f"{job.source.file}:{job.source.line}"
    if job.owner:
        yield "owner", job.owner
    if job.tags:
        yield "tags", ", ".join(f"{key}={value}" for key, value in job.tags.items())
    yield "schedule", schedule_words(details.row) or "on demand"
    if job.schedule is not None and job.schedule.cron is not None:
        yield "cron", str(job.schedule.cron)
    for line in details.on_calendar:
        yield "OnCalendar", line
    yield from _around_its_times(job)
    yield from _task(job)
    yield from needs.lines(job, details)
    yield "priority", str(job.priority)
    yield "user", job.user
    yield "sandbox", str(job.sandbox)
    yield from _isolation(job)
    if details.exposure is not None:
        yield "exposure", str(details.exposure)


def _task(job: Job) -> Iterator[tuple[str, str]]:
    if job.task is not None:
        yield "task", f"{job.task.type} {job.task.config_text}"


def _isolation(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what keeps a job apart; the names of credentials, never more of them."""
    if job.private_network:
        yield "network", "private"
    if names := [*job.credentials, *job.encrypted_credentials]:
        yield "credentials", ", ".join(names)
    if job.umask:
        yield "umask", job.umask
    for name, value in job.conditions.directives():
        yield "only if", f"{name}={value}"


def _around_its_times(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what of a schedule is not as usual."""
    from debvisor_timers.jobs.catch_up import SKIP

    schedule = job.schedule
    if schedule is None:
        return
    if schedule.catch_up != SKIP:
        within = schedule.catch_up.within
        yield "catch up", f"within {times.span(within)}" if within else str(schedule.catch_up)
    if schedule.jitter:
        yield "jitter", times.span(schedule.jitter)
    if schedule.exclude:
        yield "exclude", ", ".join(schedule.exclude)
