# SPDX-License-Identifier: Apache-2.0
"""Settings of the web server: whom it lets in, and how much it takes from one client."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator, Strict, model_validator

from debvisor_timers.jobs import checks, names, values
from debvisor_timers.jobs.channel_values import Credential, Many, Url
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

_PEER_PATTERN = "^@?[A-Za-z_][A-Za-z0-9_.-]*$"


class RoleName(StrEnum):
    """The roles by their names; what they mean stands where they are enforced."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


def check_network(text: str) -> str:
    """Return an address or a network."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        fix = "write it as 127.0.0.1, 192.0.2.0/24 or 2001:db8::/32"
        raise fault(f"{quoted(text)} is no address and no network", fix=fix) from None


def check_origin(text: str) -> str:
    """Return the origin of pages of somebody else: scheme, host and port, nothing behind."""
    parts = urlsplit(text) if text.isprintable() and " " not in text else None
    is_origin = parts is not None and text == f"{parts.scheme}://{parts.netloc}"
    if parts is None or not is_origin or parts.scheme not in {"http", "https"} or "@" in text:
        raise fault(f"{quoted(text)} is no origin", fix="write it as https://host, without a path")
    return text.lower()


def check_peer(text: str) -> str:
    """Return the name of a user, or of a group with @ before it."""
    if text.startswith("@") and re.fullmatch(_PEER_PATTERN, text):
        return text
    return names.check_user(text)


def check_secure(url: str) -> str:
    """Return the address of an issuer: keys that come in the clear could be anybody's."""
    host = urlsplit(url).hostname
    if not url.startswith("https:") and host not in {"localhost", "127.0.0.1", "::1"}:
        raise fault("is not https: anybody on the way could make tokens", fix="write https://...")
    return url


Networks = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(check_network)], ...],
    BeforeValidator(checks.as_list),
    Shown(
        "address | list of addresses",
        {"anyOf": [values.ANY_TEXT, {"type": "array", "items": values.ANY_TEXT}]},
    ),
]
Origins = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(check_origin)], ...],
    BeforeValidator(checks.as_list),
    Shown(
        "origin | list of origins",
        {"anyOf": [values.ANY_TEXT, {"type": "array", "items": values.ANY_TEXT}]},
    ),
]
Peer = Annotated[
    str,
    Strict(),
    AfterValidator(check_peer),
    Shown("user or @group", {"type": "string", "pattern": _PEER_PATTERN}),
]
Issuer = Annotated[Url, AfterValidator(check_secure)]
Requests = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=1_000_000)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": 1_000_000}),
]

MOST_CONNECTIONS = 2_000
"""At once, of all clients."""

Connections = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=MOST_CONNECTIONS)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": MOST_CONNECTIONS}),
]


WEB_CREDENTIALS = "debvisor-timers-web"
"""The credential NAME of the server is `debvisor-timers-web.NAME` in the stores of systemd: it has
no business with those of channels."""


class WebSecret(Model):
    """A secret of the server, kept where systemd keeps credentials."""

    credential: Credential = key(
        REQUIRED,
        help="The name of the credential, which is read from "
        "/etc/credstore/debvisor-timers-web.NAME, or encrypted from "
        "/etc/credstore.encrypted/debvisor-timers-web.NAME, see systemd-creds(1).",
        example="oidc-secret",
    )


def read_secret(value: Any) -> Any:
    """Return a value that is no secret written in the file."""
    if isinstance(value, str):
        raise fault(
            "is written in the file",
            fix="keep it in /etc/credstore/debvisor-timers-web.NAME, and write {credential: NAME}",
        )
    return value


OnlyWebSecret = Annotated[WebSecret, BeforeValidator(read_secret), Shown("mapping")]


class Oidc(Model):
    """An issuer of access tokens (OAuth 2, OpenID Connect)."""

    issuer: Issuer = key(
        REQUIRED,
        help="The address of the issuer, as its tokens have it in `iss`. Its keys are found by "
        "`/.well-known/openid-configuration` below it.",
        example="https://login.example.org/realms/ops",
    )
    audience: values.Line = key(
        REQUIRED,
        help="What a token has to have in `aud`: that it is meant for this server.",
        example="debvisor-timers",
    )
    roles: dict[values.Line, RoleName] = key(
        REQUIRED,
        help="Which role a scope gives, or a group. Of several the highest counts; who has none of "
        "them is let in nowhere.",
        example={"timers:read": "viewer", "timers:admin": "admin"},
    )
    claim: values.Line = key(
        "scope",
        help="The claim of a token that has the names of `roles`: words in a text, or a list.",
        example="groups",
    )
    name_claim: values.Line = key(
        "preferred_username",
        help="The claim that names who it is, for the audit; `sub` where a token lacks it.",
        example="email",
    )
    client_id: values.Line = key(
        "",
        help="The id of this server at the issuer. With it people can sign in to the pages there "
        "(authorization code with PKCE).",
        example="debvisor-timers",
        shown_default="none: the pages are entered by a token alone",
    )
    client_secret: OnlyWebSecret | None = key(
        None,
        help="The secret of this server at the issuer, where that asks for one.",
        example={"credential": "oidc-secret"},
        beside={"client_id": "debvisor-timers"},
        shown_default="none",
    )
    redirect_uri: Url | None = key(
        None,
        help="The address to which the issuer sends people back: that of this server with "
        "`/sign-in/done` at its end.",
        example="https://timers.example.org/sign-in/done",
        beside={"client_id": "debvisor-timers"},
        shown_default="made of the address that the browser has asked for",
    )

    @model_validator(mode="after")
    def check_client(self) -> Oidc:
        """Raise for what makes no sense without the id of a client."""
        if self.client_secret is not None and not self.client_id:
            raise fault("has a client_secret, and no client_id", fix="add client_id")
        return self


class WebSettings(Model):
    """What the package debvisor-timers-web reads when its server starts."""

    trusted_proxies: Networks = key(
        (),
        help="From where headers `X-Forwarded-For` and `X-Forwarded-Proto` are believed: the "
        "addresses of reverse proxies.",
        example=["127.0.0.1", "::1"],
        shown_default="nowhere",
    )
    origins: Origins = key(
        (),
        help="Pages of which other servers may call the API from a browser (CORS).",
        example=["https://dash.example.org"],
        shown_default="none",
    )
    peers: dict[Peer, RoleName] | None = key(
        None,
        help="The roles of users of this host who come through the Unix socket without a token: "
        "by name, or by group with `@` before it; of several the highest counts. Root is always "
        "`admin`.",
        example={"deploy": "operator", "@adm": "viewer"},
        shown_default="`{'@debvisor-timers': editor}`",
    )
    session: values.Timespan = key(
        timedelta(hours=12),
        help="How long somebody stays signed in to the pages.",
        example="1h",
        shown_default="12h",
    )
    requests_per_second: Requests = key(
        500, help="So many requests of one client are answered in a second.", example=50
    )
    changes_per_minute: Requests = key(
        300, help="So many changes of one client are made in a minute.", example=30
    )
    connections_per_client: Connections = key(
        200,
        help="So many connections of one client are open at a time, of 2,000 in all; what comes "
        "beyond is answered with 429 and closed. Those of `trusted_proxies` are not counted, and a "
        "user of this host has 1,000 at the Unix socket.",
        example=50,
    )
    failures: Many = key(
        10,
        help="After so many wrong tokens an address is locked out: no token is looked at that "
        "comes from there until `lock_out` has passed.",
        example=5,
    )
    lock_out: values.Timespan = key(
        timedelta(minutes=5),
        help="How long an address is locked out, and how long wrong tokens are remembered.",
        example="1h",
        shown_default="5min",
    )
    oidc: Oidc | None = key(
        None,
        help="Whose access tokens are believed besides those of `token create`. The server needs "
        "the network then: debvisor-timers-web(8) says how.",
        example={
            "issuer": "https://login.example.org/realms/ops",
            "audience": "debvisor-timers",
            "roles": {"timers:read": "viewer"},
        },
        shown_default="nobody's",
    )
