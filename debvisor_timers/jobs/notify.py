# SPDX-License-Identifier: Apache-2.0
"""Who is told of the end of a run, and how."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict

from debvisor_timers.jobs import checks, names, values
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

_NAME = {"type": "string", "pattern": names.SHORT_NAME_PATTERN}
ChannelName = Annotated[
    str,
    Strict(),
    AfterValidator(partial(names.check_short_name, kind="channel")),
    Shown("channel name", _NAME),
]
ChannelNames = Annotated[
    tuple[ChannelName, ...],
    BeforeValidator(checks.as_list),
    Shown("channel | list of channels", {"anyOf": [_NAME, {"type": "array", "items": _NAME}]}),
]


def check_absolute(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command whose program is an absolute path."""
    if not command[0].startswith("/"):
        raise fault(
            f"the program {quoted(command[0])} is not an absolute path", fix="begin it with /"
        )
    return command


Program = Annotated[values.Command, AfterValidator(check_absolute)]


class Channel(Model):
    """A way to tell people."""

    exec_: Program = key(
        REQUIRED,
        alias="exec",
        help="A program and its arguments, the program by its absolute path. It is run as root, "
        "and reads the run as one JSON document from its standard input.",
        example=["/usr/local/bin/tell", "--team", "ops"],
    )


class Notify(Model):
    """Which channels are told."""

    failure: ChannelNames = key(
        (),
        help="The channels that are told when a run has failed: once for each run, when no retry "
        "is left; never of a skip, and never of a run that somebody stopped.",
        example=["ops"],
        shown_default="nobody",
    )
