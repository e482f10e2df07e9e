# SPDX-License-Identifier: Apache-2.0
"""Channels of config.yaml: the ways to tell people."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, model_validator

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.channel_values import (
    CREDENTIAL_PATTERN,
    Address,
    Addresses,
    Clock,
    Credential,
    HeaderName,
    Many,
    Port,
    Program,
    Url,
    check_url,
)
from debvisor_timers.jobs.faults import fault, kind_of
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key
from debvisor_timers.jobs.model import Priority

CREDENTIALS = "debvisor-timers"
"""The credential NAME is `debvisor-timers.NAME` in the stores of systemd."""


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
    if not isinstance(name, str) or not re.fullmatch(CREDENTIAL_PATTERN, name):
        raise fault(
            f"{kind_of(value)} is neither an address nor a credential",
            fix="write https://host/..., or {credential: NAME}",
        )
    return Secret(credential=name)


_URL: dict[str, Any] = {"type": "string", "format": "uri"}
_SECRET: dict[str, Any] = {
    "type": "object",
    "properties": {"credential": {"type": "string", "pattern": CREDENTIAL_PATTERN}},
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


_PRIORITY = {"enum": [str(each) for each in Priority]}


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
        tuple[Priority, ...],
        BeforeValidator(checks.as_list),
        Shown(
            "priority | list of them",
            {"anyOf": [_PRIORITY, {"type": "array", "items": _PRIORITY}]},
        ),
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
