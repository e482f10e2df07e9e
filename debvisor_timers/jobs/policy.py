# SPDX-License-Identifier: Apache-2.0
"""What callers that are not root may make jobs do."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, Strict

from debvisor_timers.jobs import values
from debvisor_timers.jobs.faults import did_you_mean, fault, quoted
from debvisor_timers.jobs.field import Model, Shown, key
from debvisor_timers.jobs.model import Job

_PATTERN = re.compile(r"[A-Za-z0-9_*?.-]+")
_DIRECTIVE = re.compile(
    r"(Unit|Service|Timer|Path)\.[A-Z][A-Za-z0-9-]*"
    r"|task\.[A-Za-z0-9][A-Za-z0-9_.-]*\.[A-Za-z0-9_-]+"
)
_MOST_JOBS = 1_000_000

OPEN_KEYS = frozenset(
    {
        *("id", "source", "name", "description", "was", "owner", "tags", "enabled"),
        *("schedule", "triggers", "task", "priority", "timeout", "total_timeout", "stop_timeout"),
        *("retries", "depends_on", "conflicts_with", "overlap", "pool", "where", "notify"),
    }
)
"""Keys that say when and in what order a job runs, and nothing of what it may do on the host."""

RULED_KEYS = frozenset({"command", "script", "shell", "user", "group", "unit"})
"""Keys that have a rule of their own."""


class Member(StrEnum):
    """What members of the group debvisor-timers may do: a role, or nothing."""

    NONE = "none"
    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


def check_pattern(text: str) -> str:
    """Return a name, in which * and ? may stand for others."""
    if not _PATTERN.fullmatch(text):
        raise fault(f"{quoted(text)} is not a name, nor a pattern of names", fix="as in zfs_*")
    return text


def check_directive(text: str) -> str:
    """Return a key of jobs that is closed otherwise, or `Section.Directive` of `unit`."""
    closed = sorted(Job.model_fields.keys() - OPEN_KEYS - RULED_KEYS)
    if text in closed or text == DEPENDS_ON_UNIT or _DIRECTIVE.fullmatch(text):
        return text
    known = [*closed, DEPENDS_ON_UNIT]
    raise fault(
        f"{quoted(text)} is not something to allow{did_you_mean(text, known)}",
        fix=f"use one of {', '.join(known)}, a directive such as Service.ReadWritePaths,"
        " or a parameter such as task.vm_backup.directory",
    )


DEPENDS_ON_UNIT = "depends_on.unit"
"""A job that needs a unit of the system starts it, as root."""

_NAMES = {"type": "array", "items": {"type": "string"}}
Pattern = Annotated[str, Strict(), AfterValidator(check_pattern), Shown("name or pattern")]
Directive = Annotated[str, Strict(), AfterValidator(check_directive), Shown("key or directive")]
Most = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=_MOST_JOBS)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": _MOST_JOBS}),
]


class AccessPolicy(Model):
    """What jobs may be that others than root make or change."""

    members: Member = key(
        Member.EDITOR,
        help="The role of members of the group debvisor-timers, who ask through the agent: "
        "`none`, `viewer`, `operator` (run, stop, pause), `editor` (jobs besides), `admin`.",
        example="operator",
    )
    task_types: tuple[Pattern, ...] = key(
        ("*",),
        help="The task types that their jobs may name; patterns with * and ?. Of a type of tasks.d "
        "that runs as root and has no key `closed` they may give no parameter, unless its very "
        "name stands here: one that copies any file to any place, as root, makes root of them.",
        example=["vm_*", "zfs_snapshot"],
        shown_default='`"*"`: every type',
    )
    users: tuple[values.User, ...] = key(
        (),
        help="The users that their jobs may name in `user` and `group`, besides those that the "
        "task type sets.",
        example=["backup"],
        shown_default="none",
    )
    raw_commands: values.Flag = key(
        False,  # noqa: FBT003 - a default, not an argument
        help="Whether their jobs may have `command` and `script`. The user that such a job runs "
        "as has to stand in `users`, root too.",
        example=True,
    )
    directives: tuple[Directive, ...] = key(
        (),
        help="What else their jobs may set that reaches the host: keys such as `environment`, "
        "`credentials`, `sandbox`, `resources`, `ping`; `depends_on.unit`; directives of `unit` as "
        "`Section.Directive`; and parameters that a task type leaves to root (`closed`, see "
        "debvisor-timers-tasks(7)) as `task.TYPE.PARAMETER`. Some of those let jobs run anything "
        "as root: `task.log_rotation.inline` does.",
        example=["environment", "task.archive.directory", "Service.ReadWritePaths"],
        shown_default="none",
    )
    pools: tuple[Pattern, ...] = key(
        ("*",),
        help="The pools that their jobs may take slots of; patterns.",
        example=["backup"],
        shown_default='`"*"`: every pool',
    )
    max_jobs: Most | None = key(
        None,
        help="How many jobs there may be at most once they have made one.",
        example=500,
        shown_default="no limit",
    )
