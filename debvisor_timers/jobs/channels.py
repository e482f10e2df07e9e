# SPDX-License-Identifier: Apache-2.0
"""Channels of config.yaml: the ways to tell people."""

from __future__ import annotations

import re
from datetime import time, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator, Strict, model_validator

from debvisor_timers.jobs import checks, names, values
from debvisor_timers.jobs.faults import fault, kind_of, quoted
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

CREDENTIALS = "debvisor-timers"
"""The credential NAME is `debvisor-timers.NAME` in the stores of systemd."""

_CREDENTIAL_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$"
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
    Shown("address | list of addresses"),
]
Credential = Annotated[
    str,
    Strict(),
    AfterValidator(
        partial(_check, _CREDENTIAL_PATTERN, "a name of a credential", "as in smtp-password")
    ),
    Shown("name", {**values.ANY_TEXT, "pattern": _CREDENTIAL_PATTERN}),
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


class Secret(Model):
    """A secret, kept where systemd keeps credentials."""

    credential: Credential = key(
        REQUIRED,
        help="The name of the credential, which is read from /etc/credstore/debvisor-timers.NAME, "
        "or encrypted from /etc/credstore.encrypted/debvisor-timers.NAME, see systemd-creds(1).",
        example="smtp-password",
    )


def _as_secret(value: Any) -> Any:
    if isinstance(value, str):
        raise fault(
            "is written in the file",
            fix="keep it in /etc/credstore/debvisor-timers.NAME, and write {credential: NAME}",
        )
    return value


OnlySecret = Annotated[Secret, BeforeValidator(_as_secret), Shown("mapping")]


def read_secret_url(value: Any) -> str | Secret:
    """Return an address, or the credential that holds it."""
    if isinstance(value, str):
        return check_url(value)
    name = value.get("credential") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(name, str) or not re.fullmatch(_CREDENTIAL_PATTERN, name):
        raise fault(
            f"{kind_of(value)} is neither an address nor a credential",
            fix="write https://host/..., or {credential: NAME}",
        )
    return Secret(credential=name)


_URL: dict[str, Any] = {"type": "string", "format": "uri"}
_SECRET: dict[str, Any] = {
    "type": "object",
    "properties": {"credential": {"type": "string", "pattern": _CREDENTIAL_PATTERN}},
    "required": ["credential"],
    "additionalProperties": False,
}
SecretUrl = Annotated[
    str | Secret,
    PlainValidator(read_secret_url),
    Shown("URL | {credential: NAME}", {"anyOf": [_URL, _SECRET]}),
]


class Security(StrEnum):
    """How a connection of SMTP is secured."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Smtp(Model):
    """A server that takes mail."""

    host: values.Line = key(REQUIRED, help="The name of the server.", example="mail.example.org")
    port: Port = key(587, help="Its port.", example=25)
    security: Security = key(
        Security.STARTTLS,
        help="`starttls` (a server that does not offer it is told nothing), `tls` from the first "
        "byte, as on port 465, or `none`.",
        example="tls",
    )
    user: values.Line = key("", help="The name to log in by.", example="timers")
    password: OnlySecret | None = key(
        None,
        help="The password to log in with.",
        example={"credential": "smtp-password"},
        beside={"user": "timers"},
        shown_default="none",
    )


class Mail(Model):
    """Mail, by the sendmail of the host, or by a server of SMTP."""

    to: Addresses = key(REQUIRED, help="Who gets it.", example=["ops@example.org"])
    from_: Address | None = key(
        None,
        alias="from",
        help="Who it is from.",
        example="timers@example.org",
        shown_default="root of this host",
    )
    smtp: Smtp | None = key(
        None,
        help="The server that takes it.",
        example={"host": "mail.example.org"},
        shown_default="the program /usr/sbin/sendmail",
    )


class Webhook(Model):
    """An address that takes the message as JSON, by POST."""

    url: SecretUrl = key(REQUIRED, help="The address.", example="https://example.org/hooks/timers")
    headers: dict[HeaderName, values.Line] = key(
        {}, help="Further headers.", example={"X-Team": "ops"}, shown_default="none"
    )
    secret: OnlySecret | None = key(
        None,
        help="The key of the signature: `X-Debvisor-Signature: sha256=...` is the HMAC-SHA256 of "
        "`X-Debvisor-Timestamp`, a full stop, and the body.",
        example={"credential": "hook-key"},
        shown_default="no signature",
    )


class Ntfy(Model):
    """A topic of ntfy."""

    url: SecretUrl = key(
        REQUIRED, help="The address of the topic.", example="https://ntfy.sh/my-timers"
    )
    token: OnlySecret | None = key(
        None,
        help="The access token.",
        example={"credential": "ntfy-token"},
        shown_default="none",
    )


class Chat(Model):
    """An incoming webhook of a chat: who knows its address can write there."""

    url: SecretUrl = key(
        REQUIRED, help="The address of the incoming webhook.", example={"credential": "chat-hook"}
    )


class Matrix(Model):
    """A room of Matrix."""

    server: Url = key(REQUIRED, help="The home server.", example="https://matrix.example.org")
    room: values.Line = key(REQUIRED, help="The id of the room.", example="!abc:example.org")
    token: OnlySecret = key(
        REQUIRED, help="The access token.", example={"credential": "matrix-token"}
    )


class QuietHours(Model):
    """A time of the day in which nobody is told."""

    from_: Clock = key(REQUIRED, alias="from", help="When it begins.", example="22:00")
    until: Clock = key(
        REQUIRED, help="When it ends; the next day, if that is earlier.", example="07:00"
    )
    timezone: values.Zone | None = key(
        None,
        help="The time zone that it is meant in.",
        example="Europe/Amsterdam",
        shown_default="the zone of the host",
    )
    except_priority: Annotated[
        tuple[values.Line, ...], BeforeValidator(checks.as_list), Shown("priority | list of them")
    ] = key(
        (),
        help="Jobs of these priorities are told of all the same, if something is wrong.",
        example=["critical"],
        shown_default="none",
    )


class Digest(Model):
    """When many messages are bundled into one."""

    more_than: Many = key(
        REQUIRED, help="So many messages are sent within the time as they are.", example=10
    )
    within: values.Timespan = key(
        timedelta(minutes=5),
        help="The time. What comes beyond `more_than` waits until it is over, and is sent as one.",
        example="15min",
        shown_default="5min",
    )


KINDS = ("mail", "webhook", "ntfy", "slack", "matrix", "teams", "exec")
"""The keys of a channel of which exactly one is wanted."""


class Channel(Model):
    """A way to tell people: one of mail, webhook, ntfy, slack, matrix, teams, exec."""

    mail: Mail | None = key(
        None,
        help="Sends mail. Exactly one of this and the next six keys is wanted.",
        example={"to": ["ops@example.org"]},
        shown_default="none",
    )
    webhook: Webhook | None = key(
        None,
        help="An address of HTTP that takes the message as JSON.",
        example={"url": "https://example.org/hooks/timers"},
        shown_default="none",
    )
    ntfy: Ntfy | None = key(
        None,
        help="A topic of ntfy.",
        example={"url": "https://ntfy.sh/my-timers"},
        shown_default="none",
    )
    slack: Chat | None = key(
        None,
        help="A channel of Slack, or of what takes the same messages, such as Mattermost.",
        example={"url": {"credential": "slack-hook"}},
        shown_default="none",
    )
    matrix: Matrix | None = key(
        None,
        help="A room of Matrix.",
        example={
            "server": "https://matrix.example.org",
            "room": "!abc:example.org",
            "token": {"credential": "matrix-token"},
        },
        shown_default="none",
    )
    teams: Chat | None = key(
        None,
        help="A channel of Microsoft Teams, by a workflow that is started by a webhook.",
        example={"url": {"credential": "teams-hook"}},
        shown_default="none",
    )
    exec_: Program | None = key(
        None,
        alias="exec",
        help="A program and its arguments, the program by its absolute path. It is run as root, "
        "and reads the message as one JSON document from its standard input.",
        example=["/usr/local/bin/tell", "--team", "ops"],
        shown_default="none",
    )
    timeout: values.Timespan = key(
        timedelta(seconds=30),
        help="How long one attempt to tell may take.",
        example="1min",
        beside={"exec": ["/usr/local/bin/tell"]},
        shown_default="30s",
    )
    give_up_after: values.Timespan = key(
        timedelta(days=1),
        help="For how long a message that could not be sent is tried again, ever more rarely, at "
        "least once an hour. After that it is kept, and `status` says so.",
        example="3d",
        beside={"exec": ["/usr/local/bin/tell"]},
        shown_default="1d",
    )
    quiet_hours: QuietHours | None = key(
        None,
        help="A time of the day in which messages wait for its end.",
        example={"from": "22:00", "until": "07:00", "except_priority": ["critical"]},
        beside={"exec": ["/usr/local/bin/tell"]},
        shown_default="none",
    )
    digest: Digest | None = key(
        None,
        help="Bundles a storm of messages into one.",
        example={"more_than": 10, "within": "15min"},
        beside={"exec": ["/usr/local/bin/tell"]},
        shown_default="each message is sent",
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> Channel:
        there = [name for name in KINDS if getattr(self, _FIELDS.get(name, name)) is not None]
        if len(there) != 1:
            has = f"has {' and '.join(there)}" if there else f"has none of {', '.join(KINDS)}"
            raise fault(has, fix="write one of them: which way is it?")
        return self

    @property
    def kind(self) -> str:
        """Return which way it is: one of KINDS."""
        return next(name for name in KINDS if getattr(self, _FIELDS.get(name, name)) is not None)


_FIELDS = {"exec": "exec_"}
