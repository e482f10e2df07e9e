# SPDX-License-Identifier: Apache-2.0
"""A job as lines of a system crontab; or why cron cannot run it as it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.crontab.fields import FIELDS, REBOOT, WORDS, Reading, read_field
from debvisor_timers.jobs.crontab.parse import LONGEST_COMMAND
from debvisor_timers.jobs.crontab.percent import join_percent
from debvisor_timers.jobs.crontab.translate import DEFAULT_PATH
from debvisor_timers.jobs.model import HowItRuns, Job, Priority
from debvisor_timers.jobs.schedule import ClockChanges

_SHELLS = re.compile(r"/(?:usr/)?bin/(?:ba|da|k|z)?sh")
_CARRIED = {
    *("user", "timeout", "shell", "environment", "working_directory", "enabled"),
    *("owner", "tags", "priority", "stop_timeout", "overlap", "notify"),
}
"""Keys of `HowItRuns` that cron can do, or that change nothing in what is run and when."""
_OF_SYSTEMD = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
"""PATH of a job that sets none (systemd 257)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedJob:
    """The settings and the line of a job; refused: why there is none; notes: what is lost."""

    job: Job
    settings: Mapping[str, str]
    line: str = ""
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def export_job(job: Job, *, home: str) -> ExportedJob:
    """Return `job` for /etc/crontab or /etc/cron.d; home: of its user."""
    reasons = list(_reasons(job))
    settings = _settings(job, home)
    command, why = _command(job, settings, home)
    reasons += why
    for name, value in settings.items():
        if _cannot_set(name, value):
            reasons.append(f"environment: cron's line {name}=... cannot hold the value")
    if reasons:
        return ExportedJob(job=job, settings={}, refused=tuple(reasons))
    when = REBOOT if job.schedule is None else str(job.schedule.cron)
    line = f"{' '.join(when.split())} {job.user} {command}"
    return ExportedJob(job=job, settings=settings, line=line, notes=tuple(_notes(job)))


def crontab_text(jobs: list[ExportedJob]) -> str:
    """Return a system crontab of jobs that can be exported, and comments on the others.

    A setting counts from its line on, and nothing takes it away again: jobs with few settings come
    first, and where one has none of what another has set above it, that is empty, and said.
    """
    lines = [
        "# Made by: debvisor-timers export crontab",
        "# Beware: cron starts a job again while it still runs.",
    ]
    current: dict[str, str] = {}
    for each in sorted(jobs, key=lambda job: (bool(job.refused), len(job.settings))):
        lines.append("")
        lines += [f"# {text}" for text in _title(each.job)]
        if each.refused:
            lines += [f"# not exported: {reason}" for reason in each.refused]
            continue
        lines += [f"# lost: {note}" for note in each.notes]
        left = [name for name in current if name not in each.settings]
        lines += [f"# lost: {name} is not set; here it is empty" for name in left]
        wanted = {**dict.fromkeys(left, ""), **each.settings}
        lines += [
            f"{name}={_quoted(value)}"
            for name, value in wanted.items()
            if name not in current or current[name] != value
        ]
        current = wanted
        lines.append(each.line)
    return "\n".join(lines) + "\n"


def _title(job: Job) -> Iterator[str]:
    name = f"{job.id}: {job.name}" if job.name else job.id
    yield f"{name}: {job.description}" if job.description else name


def _reasons(job: Job) -> Iterator[str]:
    """Yield why cron cannot start the job when it should, and as it should."""
    schedule = job.schedule
    if not job.enabled:
        yield "enabled: it is switched off"
    if schedule is None and not job.triggers:
        yield "schedule: it has none"
    if job.triggers:
        yield from _of_triggers(job)
    if schedule is not None:
        yield from _of_schedule(job)
    keys = HowItRuns.model_fields
    for name, field in keys.items():
        if name in _CARRIED:
            continue
        default = field.get_default(call_default_factory=True)
        if name in job.model_fields_set and getattr(job, name) != default:
            yield f"{name}: cron has nothing like it"
    if job.conflicts_with:
        yield "conflicts_with: cron has nothing like it"


def _of_triggers(job: Job) -> Iterator[str]:
    if job.schedule is not None:
        yield "triggers: besides a schedule"
    if len(job.triggers) > 1:
        yield "triggers: more than one"
    if any(trigger.boot is None for trigger in job.triggers):
        yield "triggers: cron knows times and boots alone"
    if any(job.boot_delays):
        yield "triggers: @reboot has no delay"


def _of_schedule(job: Job) -> Iterator[str]:
    schedule = job.schedule
    assert schedule is not None  # noqa: S101 - asked before
    if schedule.cron is None:
        yield "schedule.on_calendar: not a cron expression"
    elif not _is_of_debian(schedule.cron):
        yield f"schedule: Debian's cron does not read {schedule.cron!r} as it is meant"
    if schedule.timezone:
        yield "schedule.timezone: Debian's cron has one zone, that of the host"
    if schedule.catch_up != SKIP:
        yield "schedule.catch_up: cron makes up for nothing"
    if schedule.jitter:
        yield "schedule.jitter: cron has nothing like it"
    if schedule.exclude:
        yield "schedule.exclude: cron has nothing like it"
    if schedule.dst is not ClockChanges.CRON:
        yield "schedule.dst: cron has its own rule"


def _is_of_debian(expression: str) -> bool:
    words = expression.split()
    if len(words) == 1:
        return words[0] in WORDS
    return len(words) == len(FIELDS) and all(
        read_field(word, field) is Reading.PLAIN for word, field in zip(words, FIELDS, strict=True)
    )


def _settings(job: Job, home: str) -> dict[str, str]:
    """Return the lines NAME=value that give the job the environment that it has."""
    settings = {"SHELL": "/bin/sh", "PATH": _OF_SYSTEMD, "HOME": home}
    settings |= {name: value for name, value in job.environment.items() if name != "LOGNAME"}
    if settings["PATH"] == DEFAULT_PATH and "PATH" not in job.environment:
        del settings["PATH"]
    return settings


def _command(job: Job, settings: dict[str, str], home: str) -> tuple[str, list[str]]:
    """Return the command column; SHELL goes into `settings` where the command is `SHELL -c`."""
    argv = job.command
    if argv is None:
        return "", ["script: cron takes one line; put it into a file, and write command"]
    if len(argv) == 3 and argv[1] == "-c" and _SHELLS.fullmatch(argv[0]):
        settings["SHELL"], text = argv[0], argv[2]
    else:
        settings["SHELL"] = "/bin/sh"
        # Without a slash the shell would take its own echo, test or kill.
        text = shlex.join(argv) if "/" in argv[0] else f"exec {shlex.join(argv)}"
    folder = home if job.working_directory == "~" else job.working_directory or "/"
    if folder != settings["HOME"]:
        text = f"cd {shlex.quote(folder)} && {_as_one(text)}"
    column = join_percent(text, job.input or None)
    if column is None:
        return "", ["command or input: a line of a crontab cannot hold it"]
    if not text.strip() or len(column.encode("utf-8", "surrogateescape")) > LONGEST_COMMAND:
        return "", [f"command: cron takes at most {LONGEST_COMMAND} bytes"]
    return column, []


def _as_one(text: str) -> str:
    """Return a command line as one command, which can follow &&."""
    if re.search(r"#|[;&\\]\s*\Z", text):
        # Between braces a comment would hide the last one, and `&;` is no shell.
        return f"eval {shlex.quote(text)}"
    return f"{{ {text}; }}" if re.search(r"[;&|\n]", text) else text


def _cannot_set(name: str, value: str) -> bool:
    if any(not char.isprintable() for char in value) or value != value.rstrip():
        return True
    if len(f"{name}={value}".encode()) > LONGEST_COMMAND - 2:  # with quotes around it
        return True
    return ('"' in value and "'" in value and value[0] in "\"' \t") or not name


def _quoted(value: str) -> str:
    """Return a value as a line of a crontab has it: in quotes where cron would take it apart."""
    if value and value[0] not in "\"' \t":
        return value
    quote = "'" if '"' in value else '"'
    return f"{quote}{value}{quote}"


def _notes(job: Job) -> Iterator[str]:
    if job.timeout is not None:
        yield "timeout"
    if job.priority is not Priority.NORMAL:
        yield "priority"
    if any(job.notify.channels()):
        yield "notify (cron mails what a job prints)"
