# SPDX-License-Identifier: Apache-2.0
"""The lines of /etc/crontab that run the folders cron.hourly to cron.monthly, and their scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.jobs.crontab.inert import script_does_nothing
from debvisor_timers.jobs.crontab.parse import Entry
from debvisor_timers.jobs.crontab.percent import split_percent
from debvisor_timers.jobs.crontab.translate import Draft
from debvisor_timers.jobs.crontab.write import Node
from debvisor_timers.source import Problem, Severity, Span

FOLDERS = ("cron.hourly", "cron.daily", "cron.weekly", "cron.monthly", "cron.yearly")
"""The folders below /etc whose scripts run-parts runs."""

_LINE = re.compile(
    r"(?P<anacron>test -x /usr/sbin/anacron \|\| [({] *)?cd / && "
    r"run-parts (?:--report )?/etc/(?P<folder>cron\.[a-z]+)(?(anacron);? *[)}]) *"
)
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLine:
    """What a line runs: a folder below /etc; by_anacron: only where anacron does not."""

    folder: str
    by_anacron: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A file of such a folder; was_taken: it can no longer be executed, since a job runs it."""

    path: Path
    text: str
    is_executable: bool
    was_taken: bool = False


def folder_line(entry: Entry) -> FolderLine | None:
    """Return the folder that a line runs, in the words of Debian's /etc/crontab; else None."""
    match = _LINE.fullmatch(split_percent(entry.raw)[0])
    if match is None or match["folder"] not in FOLDERS:
        return None
    return FolderLine(folder=match["folder"], by_anacron=match["anacron"] is not None)


def script_problem(script: Script) -> Problem | None:
    """Return why no job is made of a script; None where one is."""
    name = script.path.name
    if not _NAME.fullmatch(name):
        said = "run-parts passes over a name with other characters than letters, digits, _ and -"
        return _about(script, said, "rename it if it is to run")
    if not script.is_executable and not script.was_taken:
        return _about(script, "is not executable: run-parts passes over it", f"chmod a+x {name}")
    if script_does_nothing(script.text):
        said = "does nothing where systemd runs (there is /run/systemd/system); left out"
        return _about(script, said, "see which timer does it instead: systemctl list-timers --all")
    return None


def script_draft(draft: Draft, script: Script, *, is_made_up: bool) -> Draft:
    """Return the job of a script: at the time of the line that runs its folder, in /.

    draft: that of the line. is_made_up: anacron looks after the folder, which makes up for a time
    at which the host was off.
    """
    keys: dict[str, Node] = {
        **draft.keys,
        "command": [str(script.path)],
        "working_directory": "/",
    }
    keys.pop("description", None)
    schedule = keys.get("schedule")
    if is_made_up and isinstance(schedule, str):
        keys["schedule"] = {"cron": schedule, "catch_up": "once"}
    elif is_made_up and isinstance(schedule, Mapping):
        keys["schedule"] = {**schedule, "catch_up": "once"}
    remarks = (str(script.path), *(f"by {line}" for line in draft.remarks[:1]), *draft.remarks[1:])
    return replace(draft, command=str(script.path), keys=keys, remarks=remarks)


def _about(script: Script, message: str, fix: str) -> Problem:
    span = Span(file=script.path)
    return Problem(span=span, message=message, fix=fix, severity=Severity.WARNING)
