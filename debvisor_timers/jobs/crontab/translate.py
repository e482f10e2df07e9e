# SPDX-License-Identifier: Apache-2.0
"""A crontab as jobs: what each line becomes, and what of it cannot be carried over as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.crontab.fields import REBOOT
from debvisor_timers.jobs.crontab.inert import does_nothing
from debvisor_timers.jobs.crontab.parse import Crontab, Entry, description
from debvisor_timers.jobs.crontab.percent import split_percent
from debvisor_timers.jobs.crontab.place import Place, error, warning
from debvisor_timers.jobs.crontab.write import Node
from debvisor_timers.jobs.names import is_reserved_or_linker
from debvisor_timers.source import Problem

DEFAULT_PATH = "/usr/bin:/bin"
"""PATH of a job whose crontab sets none (cron 3.0pl1-197)."""

SPOOL = "/var/spool/cron"
"""Where cron starts a job whose HOME is not there (cron 3.0pl1-197)."""

_MAIL = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
_ZONE = "CRON_TZ"
_OWN = ("SHELL", "PATH", "HOME", "LOGNAME")
_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The home of a user, and whether that folder is there."""

    path: str
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a crontab does not say, and a job has to.

    home: of a user of this host, None for one that does not exist.
    knows_zone: whether CRON_TZ moves the schedule, as cronie has it; else it is a variable.
    lacks: whether a folder is known not to be there.
    """

    home: Callable[[str], Home | None]
    knows_zone: bool = True
    lacks: Callable[[str], bool] = lambda _folder: False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job made of a line: its keys as YAML has them, without an id; remarks: comments on it."""

    entry: Entry
    command: str
    keys: Mapping[str, Node]
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Translated:
    """The drafts of a crontab in order, and all that is to be said about its lines."""

    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def translate_crontab(crontab: Crontab, around: Surroundings) -> Translated:
    """Return the jobs of `crontab`; none where cron itself passes over the file.

    Nothing is raised: what cannot be carried over is a problem at its line.
    """
    result = Translated(problems=list(crontab.problems))
    unknown = [entry for entry in crontab.entries if around.home(entry.user) is None]
    for entry in unknown:
        said = f"there is no user {quote(entry.user)}: cron passes over the whole file"
        fix = "correct the name, make the user, or remove the line"
        place = _place(entry, entry.columns[1], len(entry.user))
        result.problems.append(error(crontab.path, place, said, fix))
    if crontab.is_ignored or unknown:
        return result
    for entry in crontab.entries:
        draft = _translate(crontab, entry, around, result.problems)
        if draft is not None:
            result.drafts.append(draft)
    return result


def environment(entry: Entry, home: str) -> dict[str, str]:
    """Return the environment that cron 3.0pl1-197 gives to a line, but for what concerns mail."""
    values = {name: setting.value for name, setting in entry.settings.items()}
    found = {
        "SHELL": values.get("SHELL", "/bin/sh"),
        "PATH": values.get("PATH", DEFAULT_PATH),
        "HOME": values.get("HOME", home),
        "LOGNAME": entry.user,
    }
    others = {name: value for name, value in values.items() if name not in {*_OWN, *_MAIL} and name}
    return found | others


def _translate(
    crontab: Crontab, entry: Entry, around: Surroundings, problems: list[Problem]
) -> Draft | None:
    command, text = split_percent(entry.raw)
    home = around.home(entry.user)
    assert home is not None  # noqa: S101 - asked before
    found = _check(crontab, entry, command)
    problems += found
    if found:
        return None
    variables = environment(entry, home.path)
    remarks = [f"{crontab.path}:{entry.line}"]
    remarks += [f"{name}={entry.settings[name].value}" for name in _MAIL if name in entry.settings]
    keys: dict[str, Node] = {}
    if words := description(entry.comment):
        keys["description"] = words
    keys |= _schedule(crontab, entry, variables, around, problems)
    by_env = {name: variables.pop(name) for name in [*variables] if not _is_plain(name)}
    before = ["/usr/bin/env", *(f"{name}={value}" for name, value in by_env.items())]
    keys["command"] = [*(before if by_env else []), variables["SHELL"], "-c", command]
    if text:
        keys["input"] = text
    if entry.user != "root":
        keys["user"] = entry.user
    keys["environment"] = variables
    keys["working_directory"] = _folder(crontab, entry, around, variables["HOME"], problems)
    keys["timeout"] = "infinity"
    return Draft(entry=entry, command=command, keys=keys, remarks=tuple(remarks))


def _check(crontab: Crontab, entry: Entry, command: str) -> list[Problem]:
    """Return why no job is made of a line; empty where one is."""
    place = _place(entry, entry.columns[2], len(entry.raw))
    if does_nothing(command):
        said = "does nothing where systemd runs (there is /run/systemd/system); left out"
        fix = "see which timer does it instead: systemctl list-timers --all"
        return [warning(crontab.path, place, said, fix)]
    shell = entry.settings.get("SHELL")
    if shell is not None and not shell.value.startswith("/"):
        said = f"SHELL={quote(shell.value)} is no absolute path: cron cannot run a line below it"
        return [error(crontab.path, _of_setting(entry, "SHELL"), said, "write SHELL=/bin/sh")]
    if wrong := re.search("[\udc80-\udcff\x00]", entry.text):
        said = "holds a byte that is no UTF-8, which no job file can hold"
        fix = "write the file in UTF-8, or put the command into a script"
        return [error(crontab.path, _place(entry, wrong.start() + 1, 1), said, fix)]
    for name, setting in entry.settings.items():
        if re.search("[\udc80-\udcff\x00]", name + setting.value):
            said = f"{quote(name)} holds a byte that is no UTF-8, which no job file can hold"
            fix = "write the file in UTF-8"
            return [error(crontab.path, _of_setting(entry, name), said, fix)]
    return _never(crontab, entry)


def _never(crontab: Crontab, entry: Entry) -> list[Problem]:
    if entry.schedule == REBOOT:
        return []
    try:
        parse_cron(entry.schedule)
    except ScheduleError as wrong:
        place = _place(entry, entry.columns[0], len(entry.schedule))
        said = f"{wrong.message}; no job was made of it"
        return [error(crontab.path, place, said, wrong.fix)]
    return []


def _schedule(
    crontab: Crontab,
    entry: Entry,
    variables: dict[str, str],
    around: Surroundings,
    problems: list[Problem],
) -> dict[str, Node]:
    """Return the key that starts the job; CRON_TZ goes out of `variables` where it is a zone."""
    if entry.schedule == REBOOT:
        return {"triggers": [{"boot": "0s"}]}
    zone = variables.get(_ZONE)
    if zone is None:
        return {"schedule": entry.schedule}
    if not around.knows_zone:
        said = (
            f"CRON_TZ={zone} is no more than a variable to Debian's cron: the time of the lines "
            "below is that of the host, and so is that of their jobs"
        )
        fix = f"if it was meant as cronie has it, write timezone: {zone} in the schedule"
        problems.append(warning(crontab.path, _of_setting(entry, _ZONE), said, fix))
        return {"schedule": entry.schedule}
    try:
        check_zone(zone)
    except ScheduleError as wrong:
        said = f"{wrong.message}; the time of the lines below is that of the host"
        problems.append(error(crontab.path, _of_setting(entry, _ZONE), said, wrong.fix))
        return {"schedule": entry.schedule}
    del variables[_ZONE]
    said = (
        f"CRON_TZ={zone} became the time zone of the lines below, as cronie and systemd-cron have "
        "it; Debian's cron 3.0pl1 does not know it, and runs them by the clock of the host"
    )
    fix = "where Debian's cron has run them, remove timezone from the schedules"
    problems.append(warning(crontab.path, _of_setting(entry, _ZONE), said, fix))
    return {"schedule": {"cron": entry.schedule, "timezone": zone}}


def _folder(
    crontab: Crontab, entry: Entry, around: Surroundings, folder: str, problems: list[Problem]
) -> str:
    """Return where cron starts the line: in HOME, or in its own folder where there is none."""
    home = around.home(entry.user)
    assert home is not None  # noqa: S101 - asked before
    is_set = "HOME" in entry.settings
    if folder.startswith("/") and (is_set or home.exists):
        if is_set and around.lacks(folder):
            said = f"HOME={folder} is not there: cron starts the line {entry.line} in {SPOOL}"
            fix = "make the folder, or the job fails"
            problems.append(warning(crontab.path, _of_setting(entry, "HOME"), said, fix))
        return folder
    why = f"HOME={folder} is not there" if folder.startswith("/") else "HOME is no absolute path"
    said = f"{why}: cron starts the line {entry.line} in {SPOOL}, and so does the job"
    if is_set:
        fix = "write HOME=/ or another folder"
        problems.append(warning(crontab.path, _of_setting(entry, "HOME"), said, fix))
    else:
        place = _place(entry, entry.columns[1], len(entry.user))
        fix = "write the folder that is meant as working_directory"
        problems.append(warning(crontab.path, place, said, fix))
    return SPOOL


def _is_plain(name: str) -> bool:
    return bool(_VARIABLE.fullmatch(name)) and not is_reserved_or_linker(name)


def _place(entry: Entry, column: int, length: int) -> Place:
    return Place(line=entry.line, text=entry.text, column=column, length=length)


def _of_setting(entry: Entry, name: str) -> Place:
    setting = entry.settings[name]
    return Place(line=setting.line, text=setting.text, column=setting.column, length=len(name))
