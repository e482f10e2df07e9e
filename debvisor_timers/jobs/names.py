# SPDX-License-Identifier: Apache-2.0
"""Names: of jobs, users, environment variables, tags, time zones and units."""

from __future__ import annotations

import re

from debvisor_timers.calendar import zones
from debvisor_timers.calendar.exclusions import CALENDAR_NAME
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.faults import fault, quoted

OWN_PREFIXES = ("debvisor-job-", "debvisor-boot-", "debvisor-path-", "debvisor-timers")

JOB_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
JOB_ID_PATTERN = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"
USER_PATTERN = r"^([A-Za-z_][A-Za-z0-9_.@-]{0,254}\$?|0|[1-9][0-9]{0,9})$"
VARIABLE_PATTERN = "^[A-Za-z_][A-Za-z0-9_]*$"
TAG_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
CALENDAR_PATTERN = f"^{CALENDAR_NAME.pattern}$"
SHORT_NAME_PATTERN = "^[a-z][a-z0-9-]{0,62}$"
"""How names look, for editors; the checks below are stricter."""

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,254}\$?")
_UID = re.compile(r"0|[1-9][0-9]{0,9}")
_INVALID_UIDS = frozenset({65_535, 4_294_967_295})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORT_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

# Written by systemd, by `begin` or by `run`; a value of the job's own would take their place
# (systemd 257: Environment= is merged over what the manager passes).
_RESERVED = re.compile(
    r"DEBVISOR_(?:JOB|RUN_ID|TRIGGER|SCHEDULED_FOR|ATTEMPT|MAX_ATTEMPTS)|TRIGGER_\w+|MONITOR_\w+|LISTEN_\w+"
    r"|SERVICE_RESULT|EXIT_CODE|EXIT_STATUS|INVOCATION_ID|NOTIFY_SOCKET|JOURNAL_STREAM|MAINPID"
    r"|SYSTEMD_EXEC_PID|WATCHDOG_\w+|REMOTE_(?:ADDR|PORT)|CREDENTIALS_DIRECTORY"
)

# The dynamic linker obeys these in `begin` and `end` as well, which run as root whatever `user` is.
_LINKER = re.compile(r"LD_\w+|GLIBC_TUNABLES|GCONV_PATH|LOCPATH")

_UNIT_TYPES = (
    *("service", "socket", "target", "mount", "automount", "swap"),
    *("device", "path", "slice", "scope", "timer"),
)
UNIT_PATTERN = rf"^[A-Za-z0-9:_.\\@-]+\.({'|'.join(_UNIT_TYPES)})$"
"""How the name of a unit looks, for editors."""
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\@-]*)?")
_LONGEST_UNIT_NAME = 255


def check_user(name: str) -> str:
    """Return the name or number of a user or group, checked for its form alone."""
    number = _UID.fullmatch(name)
    if number and int(name) < 2**32 and int(name) not in _INVALID_UIDS:
        return name
    if not _USER.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a user or group name", fix="write a name such as backup"
        )
    return name


def check_job_id(job_id: str) -> str:
    """Return the id of a job."""
    if not JOB_ID.fullmatch(job_id):
        raise fault(f"{quoted(job_id)} is not a job id", fix=job_id_fix(job_id))
    return job_id


def job_id_fix(job_id: str) -> str:
    """Return how to mend a wrong job id, with the nearest right one where there is one."""
    rule = "use a-z, 0-9 and - (not first or last), at most 64 characters"
    right = re.sub(r"[^a-z0-9]+", "-", job_id.lower()).strip("-")[:64].rstrip("-")
    return f"{rule}: {right}" if right else rule


def check_variable(name: str) -> str:
    """Return the name of an environment variable that a job may set."""
    if not _VARIABLE.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a name of an environment variable",
            fix="use letters, digits and _, no digit first",
        )
    if _RESERVED.fullmatch(name):
        raise fault(f"{name} is set for each run by systemd or by us", fix="use another name")
    if _LINKER.fullmatch(name):
        raise fault(
            f"{name} would change the programs too that run around the job as root",
            fix=f"set it for the program alone: command: [/usr/bin/env, {name}=..., PROGRAM]",
        )
    return name


def is_reserved_or_linker(name: str) -> bool:
    """Return True for a variable that no job may have in its environment, whatever its value."""
    return bool(_RESERVED.fullmatch(name) or _LINKER.fullmatch(name))


def check_tag(name: str) -> str:
    """Return the name of a tag."""
    if not _TAG.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a name of a tag",
            fix="use letters, digits, _ . and - (not first), at most 63 characters",
        )
    return name


def check_calendar_name(name: str) -> str:
    """Return the name of a calendar; it begins with a letter, so that no date can be one."""
    if not CALENDAR_NAME.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a name of a calendar",
            fix="use a-z, 0-9 and -, a letter first, at most 63 characters",
        )
    return name


def check_short_name(name: str, *, kind: str) -> str:
    """Return the name of a pool or a channel, whichever `kind` says."""
    if not _SHORT_NAME.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a name of a {kind}",
            fix="use a-z, 0-9 and -, a letter first, at most 63 characters",
        )
    return name


def check_zone(name: str) -> str:
    """Return the name of a time zone that systemd on this host knows."""
    try:
        return zones.check_zone(name)
    except ScheduleError as error:
        raise fault(error.message, fix=error.fix) from error


def is_unit(name: str) -> bool:
    """Return True for what looks like the name of a unit: it ends in a type of unit."""
    stem, dot, kind = name.rpartition(".")
    return bool(dot and kind in _UNIT_TYPES and _UNIT_NAME.fullmatch(stem))


def check_unit(name: str) -> str:
    """Return the name of a unit of the system that a job can depend on: not one of ours."""
    stem, dot, kind = name.rpartition(".")
    if not dot or kind not in _UNIT_TYPES:
        raise fault(
            f"{quoted(name)} is not a unit name: it has no type at its end",
            fix=f"write {name}.service" if _UNIT_NAME.fullmatch(name) else "write x.service",
        )
    if not _UNIT_NAME.fullmatch(stem) or len(name) > _LONGEST_UNIT_NAME:
        raise fault(
            f"{quoted(name)} is not a unit name",
            fix="use letters, digits, : _ . and -; systemd-escape writes the others",
        )
    if stem.endswith("@"):
        raise fault(f"{name} is a template", fix=f"name an instance: {stem}1.{kind}")
    if name.startswith(OWN_PREFIXES):
        own = stem.removeprefix(OWN_PREFIXES[0]) if kind == "service" else ""
        own = own if own != stem and JOB_ID.fullmatch(own) else ""
        raise fault(
            f"{name} is a unit of debvisor-timers",
            fix=f"name the job: {{job: {own}}}" if own else "name a unit of the system",
        )
    return name
