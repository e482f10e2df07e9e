# SPDX-License-Identifier: Apache-2.0
"""config.yaml: settings of the program, and defaults for all jobs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from debvisor_timers.jobs import values
from debvisor_timers.jobs.calendars import CALENDARS, Calendars, exclusion_complaints, resolve
from debvisor_timers.jobs.channel_values import ChannelName, Url
from debvisor_timers.jobs.channels import Channel
from debvisor_timers.jobs.document import Document, Value
from debvisor_timers.jobs.faults import did_you_mean, quoted
from debvisor_timers.jobs.field import Model, key
from debvisor_timers.jobs.files import read_source
from debvisor_timers.jobs.locate import locate
from debvisor_timers.jobs.locks import OwnPoolName, Slots
from debvisor_timers.jobs.metrics import MetricsSettings
from debvisor_timers.jobs.model import HowItRuns
from debvisor_timers.jobs.notify import HostNotify
from debvisor_timers.jobs.pings import PingRule
from debvisor_timers.jobs.policy import AccessPolicy
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.jobs.schedule import ClockChanges
from debvisor_timers.jobs.translate import Complaint, complaints_of
from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.jobs.windows import MaintenanceWindow
from debvisor_timers.source import Problem, Severity, Span

CONFIG_NAME = "config.yaml"
DEFAULTS = "defaults"


class ScheduleDefaults(Model):
    """What jobs with a schedule have where they do not say otherwise."""

    timezone: values.Zone | None = key(
        None,
        help="The time zone of every schedule that names none.",
        directive="OnCalendar=",
        example="Europe/Amsterdam",
        shown_default="the zone of the host",
    )
    catch_up: values.CatchUp | None = key(
        None,
        help="What happens to times that passed while the host was off, where a schedule does not "
        "say: `skip`, `once` or `{within: 6h}`.",
        directive="Persistent=",
        example="once",
        shown_default="skip",
    )
    jitter: values.Delay | None = key(
        None,
        help="The longest delay of the runs of every schedule that says nothing; a job without "
        "any says `jitter: 0`.",
        directive="RandomizedDelaySec=, FixedRandomDelay=",
        example="5min",
        shown_default="no delay",
    )
    dst: ClockChanges | None = key(
        None,
        help="Whose rule holds on the days when clocks change, where a schedule does not say.",
        directive="OnCalendar=",
        example="systemd",
        shown_default="cron",
    )
    exclude: values.Exclude | None = key(
        None,
        help="Days on which no schedule that says nothing starts its job; a job without any says "
        "`exclude: []`.",
        directive="X-Exclude=",
        example=["*-12-25"],
        shown_default="no day",
    )


class JobDefaults(HowItRuns):
    """Keys of jobs, for all jobs that do not have them."""

    schedule: ScheduleDefaults | None = key(
        None,
        help="For jobs that have a schedule: what holds for those that say nothing.",
        example={"timezone": "Europe/Amsterdam"},
        shown_default="nothing",
    )


class HistorySettings(Model):
    """What the index of runs keeps."""

    keep: values.Timespan = key(
        timedelta(days=400),
        help="How long a run is kept after it has begun.",
        example="2y",
        shown_default="400d",
    )
    keep_runs: values.Runs = key(
        20_000,
        help="How many runs of each job are kept; the oldest go first.",
        example=1000,
    )


class Config(Model):
    """Everything that config.yaml can hold."""

    defaults: JobDefaults = key(
        JobDefaults.model_construct(),
        help="Keys of jobs, for all jobs that do not have them. Mappings are merged key by key; "
        "anything else in a job takes the place of the default.",
        example={"timeout": "30min", "tags": {"site": "ams1"}},
        shown_default="nothing",
    )
    keep_generations: values.Generations = key(
        50,
        help="How many applied generations are kept to go back to.",
        example=100,
    )
    calendars: dict[values.CalendarName, values.CalendarDays] = key(
        {},
        help="Lists of days, by names that jobs write in `schedule.exclude`: dates, ranges, those "
        "of every year; or the absolute path of an iCalendar file (.ics), which `apply` reads. "
        "Each day counts that an event of the file touches.",
        directive="X-Exclude=",
        example={
            "holidays": ["*-12-25..*-12-26", "*-01-01", "2027-03-29"],
            "audit": ["2026-12-28..2027-01-08"],
        },
        shown_default="none",
    )
    maintenance_windows: tuple[MaintenanceWindow, ...] = key(
        (),
        help="Times in which no schedule and no boot starts a job. Such a run is recorded as "
        "skipped, with the reason. Starts by hand go through, and what runs already goes on.",
        directive="X-Maintenance=",
        example=[{"cron": "0 1 * * sun", "duration": "4h", "reason": "kernel updates"}],
        shown_default="none",
    )
    pools: dict[OwnPoolName, Slots] = key(
        {},
        help="How many slots each pool has: so many runs of its jobs take place at once, if each "
        "takes one. The pool `default` holds all jobs that name none.",
        directive="X-Pool=",
        example={"backup": 2, "default": 10},
        shown_default="none",
    )
    channels: dict[ChannelName, Channel] = key(
        {},
        help="Ways to tell people of runs, by names that jobs write in `notify`.",
        example={"ops": {"exec": ["/usr/local/bin/tell", "--team", "ops"]}},
        shown_default="none",
    )
    links: dict[values.Line, Url] = key(
        {},
        help="Addresses that messages about jobs show, by what they are called; `{job}`, `{run}` "
        "and `{host}` stand for what the message is about.",
        example={"runbook": "https://wiki.example.org/jobs/{job}"},
        shown_default="none",
    )
    pings: tuple[PingRule, ...] = key(
        (),
        help="Addresses that are told of the runs of several jobs. The first rule that means a job "
        "counts, where the job has no `ping` itself.",
        example=[{"jobs": "nightly-*", "ping": "https://hc-ping.com/my-project-key/{job}"}],
        shown_default="none",
    )
    notifications: HostNotify = key(
        HostNotify.model_construct(),
        help="Who is told of what is of no single job. What holds for all jobs stands under "
        "`defaults.notify`.",
        example={"apply_failed": ["ops"]},
        shown_default="nobody",
    )
    history: HistorySettings = key(
        HistorySettings.model_construct(),
        help="How long runs are remembered after the journal has forgotten them.",
        example={"keep": "400d"},
        shown_default="`keep` and `keep_runs` as below",
    )
    metrics: MetricsSettings = key(
        MetricsSettings.model_construct(),
        help="What is told to Prometheus without being asked; `debvisor-timers metrics` prints it.",
        example={"textfile": "/var/lib/prometheus/node-exporter/debvisor-timers.prom"},
        shown_default="nothing",
    )
    policy: AccessPolicy = key(
        AccessPolicy.model_construct(),
        help="What others than root may do, and what the jobs may be that they make, change or "
        "delete: members of the group debvisor-timers, and who has a token of the REST API, an "
        "admin too. The agent enforces it; a change of it counts at once.",
        example={"members": "operator", "task_types": ["vm_*"]},
        shown_default="tasks of every type; no commands, no user and no directive of their own",
    )
    web: WebSettings = key(
        WebSettings.model_construct(),
        help="Whom the server of the package debvisor-timers-web lets in; read when it starts.",
        example={"trusted_proxies": ["127.0.0.1"]},
        shown_default="as below",
    )
    starts_per_minute: values.Starts = key(
        20,
        help="How many jobs may start in the same minute before `check` warns, and names the "
        "jitter that spreads them.",
        example=50,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """config.yaml as values.

    defaults: as they are written, those with an error left out.
    calendar_names: of all that are written, also of those with an error.
    document: None where there is no file.
    """

    config: Config = field(default_factory=Config.model_construct)
    defaults: Mapping[str, Value] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sources: Mapping[Path, str] = field(default_factory=dict)
    calendars: Calendars = field(default_factory=Calendars)
    calendar_names: frozenset[str] = frozenset()
    document: Document | None = None


def load_config(path: Path | None, *, home: Path | None = None) -> LoadedConfig:
    """Return what config.yaml at `path` says; a missing file says nothing.

    home: the folder that its own one is to be, where calendars beside it are named.
    """
    # Not Path.exists(): in a folder that may not be searched it raises. Then jobs.d tells of it.
    if path is None or not os.path.lexists(path):
        return LoadedConfig()
    source = read_source(path)
    if isinstance(source, Problem):
        return LoadedConfig(problems=(source,))
    return _validated(Document(source), home)


def _blank(document: Document) -> Iterator[Problem]:
    """Yield a warning for a file that may have been cut off; one of comments alone is usual."""
    if document.is_blank:
        yield Problem(
            span=Span(file=document.path),
            message="the file is empty: nothing is set, and jobs have no defaults",
            fix="write the settings, or remove the file",
            severity=Severity.WARNING,
        )


def _validated(document: Document, home: Path | None) -> LoadedConfig:
    written = {name: value for name, value in document.value.items() if value is not NULL}
    empty = document.value.keys() - written.keys() - {DEFAULTS}
    complaints: list[Complaint] = []
    try:
        config = Config.model_validate({**written, **dict.fromkeys(empty, NULL)})
    except ValidationError as error:
        config = Config()
        complaints += complaints_of(error, Config)
    names = written.get(CALENDARS)
    known = frozenset(names) if isinstance(names, dict) else frozenset()
    named = {**dict.fromkeys(known, ()), **config.calendars}
    calendars = resolve(named, home=home, folder=document.path.parent)
    complaints += [*calendars.complaints, *_exclusions(config, known), *_channels(config)]
    wrong = {step for one in complaints if one.path[:1] == (DEFAULTS,) for step in one.path[1:2]}
    defaults = written.get(DEFAULTS)
    usable = defaults if isinstance(defaults, dict) else {}
    return LoadedConfig(
        config=config,
        defaults={name: value for name, value in usable.items() if name not in wrong},
        problems=(
            *document.problems,
            *_blank(document),
            *(locate(document, (), complaint) for complaint in complaints),
        ),
        sources={document.path: document.digest},
        calendars=calendars,
        calendar_names=known,
        document=document,
    )


def _exclusions(config: Config, known: frozenset[str]) -> Iterator[Complaint]:
    """Yield what is wrong with the exclusions among the defaults."""
    schedule = config.defaults.schedule
    if schedule is not None and schedule.exclude is not None:
        yield from exclusion_complaints(schedule.exclude, known, (DEFAULTS, "schedule", "exclude"))


def _channels(config: Config) -> Iterator[Complaint]:
    """Yield where a channel is named that there is not."""
    known = config.channels
    for number, name in enumerate(config.notifications.apply_failed):
        if name not in known:
            message = f"there is no channel {quoted(name)}{did_you_mean(name, known)}"
            fix = "correct it, or add it to channels"
            path = ("notifications", "apply_failed", number)
            yield Complaint(path=path, message=message, fix=fix)


def unknown_jobs(config: LoadedConfig, known: Collection[str]) -> Iterator[Problem]:
    """Yield a warning for each job that a maintenance window names and that is none of `known`."""
    if config.document is None:
        return
    for number, window in enumerate(config.config.maintenance_windows):
        for key_, ids in (("jobs", window.jobs), ("except", window.except_)):
            for place, job_id in enumerate(ids):
                if job_id not in known:
                    message = f"there is no job {quoted(job_id)}{did_you_mean(job_id, known)}"
                    path = ("maintenance_windows", number, key_, place)
                    fix = "correct or remove it"
                    problem = locate(
                        config.document, (), Complaint(path=path, message=message, fix=fix)
                    )
                    yield replace(problem, severity=Severity.WARNING)
