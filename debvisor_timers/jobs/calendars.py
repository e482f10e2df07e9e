# SPDX-License-Identifier: Apache-2.0
"""The calendars of config.yaml: which days each has, and whether what names them is right."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from debvisor_timers.calendar.exclusions import (
    DateRange,
    is_calendar_name,
    join_days,
    last_day,
)
from debvisor_timers.jobs.faults import did_you_mean, nearest, quoted
from debvisor_timers.jobs.files import read_source
from debvisor_timers.jobs.ics import YEARS, IcsError, read_days
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.jobs.trust import doubt_on
from debvisor_timers.source import Problem

CALENDARS = "calendars"
"""The key of config.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """The calendars of config.yaml.

    days: the days of each, see `join_days`. files: the .ics files that were read or wanted.
    complaints: what is wrong with those, at their places in config.yaml; such a calendar is empty.
    """

    days: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    complaints: tuple[Complaint, ...] = ()


def resolve(
    calendars: Mapping[str, Sequence[str]], *, home: Path | None = None, folder: Path | None = None
) -> Calendars:
    """Return the days of each of `calendars`, which are days or the path of one file.

    folder: is to be the folder `home`: files of that are read there, where they are.
    """
    days: dict[str, tuple[str, ...]] = {}
    files: list[Path] = []
    complaints: list[Complaint] = []
    for name, entries in calendars.items():
        if not (entries and entries[0].startswith("/")):
            days[name] = join_days(entries)
            continue
        path = Path(entries[0])
        files.append(path)
        found = _read(_there(path, home, folder))
        if isinstance(found, Complaint):
            complaints.append(
                Complaint(path=(CALENDARS, name), message=found.message, fix=found.fix)
            )
        days[name] = () if isinstance(found, Complaint) else found
    return Calendars(days=days, files=tuple(files), complaints=tuple(complaints))


def _there(path: Path, home: Path | None, folder: Path | None) -> Path:
    if home is None or folder is None or not path.is_relative_to(home):
        return path
    there = folder / path.relative_to(home)
    return there if os.path.lexists(there) else path


def _read(path: Path) -> tuple[str, ...] | Complaint:
    """Return the days of an iCalendar file, or why there are none."""
    source = read_source(path)
    if isinstance(source, Problem):
        place = f":{source.span.line}:{source.span.column}" if source.span.line else ""
        fix = "name a file in it" if path.is_dir() else source.fix
        return Complaint(path=(), message=f"{path}{place}: {source.message}", fix=fix)
    # Who can change it can keep jobs from running; a user who checks files of their own may.
    doubt = doubt_on(path, below_shared=True) if os.geteuid() == 0 else None
    if doubt is not None:
        return Complaint(path=(), message=str(doubt), fix=doubt.fix)
    try:
        found = read_days(source.text)
    except IcsError as error:
        return Complaint(path=(), message=f"{path} {error}", fix=error.fix)
    return join_days(str(DateRange(day, day)) for day in found)


def exclusion_complaints(
    exclude: Iterable[str], known: Collection[str], base: tuple[str, ...]
) -> Iterator[Complaint]:
    """Yield what is wrong with the items of an `exclude` at `base`, each of which is right alone.

    known: the names of all calendars.
    """
    seen: set[str] = set()
    for number, item in enumerate(exclude):
        path: tuple[str | int, ...] = (*base, number)
        if item in seen:
            message = f"{quoted(item)} stands here a second time"
            yield Complaint(path=path, message=message, fix="remove one of them")
        elif is_calendar_name(item) and item not in known:
            yield Complaint(
                path=path,
                message=f"there is no calendar {quoted(item)} in config.yaml"
                + did_you_mean(item, known),
                fix=_name_fix(item, known),
            )
        seen.add(item)


def _name_fix(name: str, known: Collection[str]) -> str:
    if match := nearest(name, known):
        return f"write {match}, or add {name} to {CALENDARS}"
    return f'add it to config.yaml: {CALENDARS}: {{{name}: ["*-12-25"]}}'


def outdated(
    calendars: Mapping[str, Sequence[str]], jobs: Iterable[Job], *, today: date
) -> Iterator[Complaint]:
    """Yield a complaint for each calendar that a job uses and that has no day from `today` on."""
    used = {item for job in jobs if job.schedule for item in job.schedule.exclude}
    for name in sorted(used & calendars.keys()):
        last = last_day(calendars[name])
        if not calendars[name]:
            message = f"{name} has no date from {YEARS[0]} to {YEARS[-1]}"
        elif last is not None and last < today:
            message = f"{name} has no date after {last}"
        else:
            continue
        fix = "add the dates of the coming years; until then it excludes nothing"
        yield Complaint(path=(CALENDARS, name), message=message, fix=fix)
