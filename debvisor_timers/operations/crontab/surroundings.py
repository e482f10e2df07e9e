# SPDX-License-Identifier: Apache-2.0
"""What cron has around its lines that no job has: anacron, the environment of PAM, and the other
way about, the defaults of config.yaml."""

from __future__ import annotations

import re
from pathlib import Path

from debvisor_timers.jobs.config import Config
from debvisor_timers.jobs.crontab.place import Place, error, warning
from debvisor_timers.operations.crontab import places as reading
from debvisor_timers.operations.crontab.places import CronPlaces
from debvisor_timers.source import Problem, Severity, Span

_ANACRONTAB = Path("/etc/anacrontab")
_RUN_PARTS = re.compile(r"(?:nice )?run-parts (?:--report )?/etc/(?P<folder>cron\.[a-z]+)")
_ENVIRONMENT = Path("/etc/environment")
_VARIABLE = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=")
_ANACRON_LINE = re.compile(r"(?:[0-9]+|@[a-z]+)\s+[0-9]+\s+\S+\s+(?P<command>.+)")


_UNFELT = {"tags", "owner", "notify", "timeout", "working_directory", "user"}
"""Defaults that each imported job has a value of its own for, or that change nothing in its run."""


def default_problems(config: Config, file: Path) -> list[Problem]:
    """Return a problem for each default of config.yaml, `file`, that makes a run another one."""
    defaults = config.defaults
    names = sorted(defaults.model_fields_set - {*_UNFELT, "schedule"})
    if defaults.schedule is not None:
        names += [f"schedule.{name}" for name in sorted(defaults.schedule.model_fields_set)]
    return [
        Problem(
            span=Span(file=file),
            message=f"defaults.{name} counts for imported jobs as well, and not for cron",
            fix="where they are to run as with cron, write the key into each of their jobs",
            severity=Severity.WARNING,
        )
        for name in names
    ]


def anacron_problems(places: CronPlaces, folders_done: set[str]) -> list[Problem]:
    """Return a problem for each line of /etc/anacrontab whose work no job does."""
    if not places.at(_ANACRONTAB).exists():
        return []
    problems = []
    for number, line in enumerate(reading.read_text(places.at(_ANACRONTAB)).split("\n"), start=1):
        match = _ANACRON_LINE.fullmatch(line.strip())
        if match and not _is_done(places, match["command"].strip(), folders_done):
            place = Place(line=number, text=line, length=len(line))
            said = "anacron has no time of day for it, which a schedule needs; no job was made"
            fix = "write a job with a schedule and catch_up: once"
            problems.append(error(_ANACRONTAB, place, said, fix))
    return problems


def _is_done(places: CronPlaces, command: str, folders_done: set[str]) -> bool:
    """Return True for a line that runs a folder whose scripts are jobs, or that has none."""
    match = _RUN_PARTS.fullmatch(command)
    if match is None:
        return False
    found = reading.scripts(places, Path("/etc") / match["folder"], lambda _path: False)
    # That of anacron itself notes in each folder that it was run.
    names = {script.path.name for script in found if script.is_executable} - {"0anacron"}
    return match["folder"] in folders_done or not names


def pam_problems(places: CronPlaces) -> list[Problem]:
    """Return a problem for each variable that PAM gives to what cron runs, and nobody to a job."""
    if not places.at(_ENVIRONMENT).exists():
        return []
    problems = []
    for number, line in enumerate(reading.read_text(places.at(_ENVIRONMENT)).split("\n"), start=1):
        match = _VARIABLE.match(line)
        if match and match["name"] not in {"PATH", "SHELL", "HOME", "LOGNAME"}:
            at = Place(line=number, text=line, column=match.start("name") + 1, length=len(line))
            said = f"by PAM, cron gives {match['name']} to all that it runs; the jobs lack it"
            fix = "where a job needs it, write it into its environment"
            problems.append(warning(_ENVIRONMENT, at, said, fix))
    return problems
