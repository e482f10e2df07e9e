# SPDX-License-Identifier: Apache-2.0
"""Values of channels: addresses, times of the day, names."""

from __future__ import annotations

import re
from datetime import time
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator, Strict

from debvisor_timers.jobs import checks, names, values
from debvisor_timers.jobs.faults import fault, kind_of, quoted
from debvisor_timers.jobs.field import Shown

CREDENTIAL_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$"
_CLOCK_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_ADDRESS_PATTERN = r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$|^[a-z_][a-z0-9_-]*$"
_HEADER_PATTERN = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

ChannelName = Annotated[
    str,
    Strict(),
    AfterValidator(partial(names.check_short_name, kind="channel")),
    Shown("channel name", values.SHORT_NAME),
]
ChannelNames = Annotated[
    tuple[ChannelName, ...],
    BeforeValidator(checks.as_list),
    Shown(
        "channel | list of channels",
        {"anyOf": [values.SHORT_NAME, {"type": "array", "items": values.SHORT_NAME}]},
    ),
]


def _check(pattern: str, what: str, fix: str, text: str) -> str:
    if not re.fullmatch(pattern, text) or text.endswith("\n"):
        raise fault(f"{quoted(text)} is not {what}", fix=fix)
    return text


def check_url(text: str) -> str:
    """Return an address of HTTP."""
    parts = urlsplit(text) if text.isprintable() and " " not in text else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise fault(f"{quoted(text)} is not an address of HTTP", fix="write it as https://host/...")
    if parts.username or parts.password:
        raise fault("has a password in it", fix="leave it out: a channel has keys for secrets")
    return text


def read_clock(value: Any) -> time:
    """Return a time of the day, such as 22:00."""
    if not isinstance(value, str) or not re.fullmatch(_CLOCK_PATTERN, value):
        raise fault(f"{kind_of(value)} is not a time of the day", fix="write it as 22:00")
    return time.fromisoformat(value)


def check_absolute(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command whose program is an absolute path."""
    if not command[0].startswith("/"):
        raise fault(
            f"the program {quoted(command[0])} is not an absolute path", fix="begin it with /"
        )
    return command


Program = Annotated[values.Command, AfterValidator(check_absolute)]
Url = Annotated[
    str, Strict(), AfterValidator(check_url), Shown("URL", {**values.ANY_TEXT, "format": "uri"})
]
Clock = Annotated[
    time, PlainValidator(read_clock), Shown("HH:MM", {"type": "string", "pattern": _CLOCK_PATTERN})
]
Address = Annotated[
    str,
    Strict(),
    AfterValidator(
        partial(_check, _ADDRESS_PATTERN, "an address of mail", "as in ops@example.org")
    ),
    Shown("address", {**values.ANY_TEXT, "pattern": _ADDRESS_PATTERN}),
]
Addresses = Annotated[
    tuple[Address, ...],
    BeforeValidator(checks.as_list_of_some),
    Shown(
        "address | list of addresses",
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    ),
]
Credential = Annotated[
    str,
    Strict(),
    AfterValidator(
        partial(_check, CREDENTIAL_PATTERN, "a name of a credential", "as in smtp-password")
    ),
    Shown("name", {**values.ANY_TEXT, "pattern": CREDENTIAL_PATTERN}),
]
HeaderName = Annotated[
    str,
    Strict(),
    AfterValidator(partial(_check, _HEADER_PATTERN, "a name of a header", "as in X-Team")),
    Shown("name", {**values.ANY_TEXT, "pattern": _HEADER_PATTERN}),
]
Port = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=65535)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": 65535}),
]
Many = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=10_000)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": 10_000}),
]
