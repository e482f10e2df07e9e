# SPDX-License-Identifier: Apache-2.0
"""What is done for every request: an id, the client's address, limits, headers, the log."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.web.edge.body import (
    LARGEST_BODY,
    LONGEST_HEADERS,
    bounded,
    too_long,
    too_long_headers,
)
from debvisor_timers.web.edge.log import Answered
from debvisor_timers.web.envelope import failure
from debvisor_timers.web.identity.limits import Rate, client_of
from debvisor_timers.web.identity.peers import Peer
from debvisor_timers.web.identity.proxies import Proxies

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE = {"GET", "HEAD", "OPTIONS"}
_ASKING = {"/draft"}
"""Asked by POST, for what is sent is long; they change nothing."""
_STATIC = "/static/"

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ONLY_TLS = "max-age=31536000"


def _always() -> bool:
    return True


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a server does for requests.

    origins: pages of which other servers may call the API. log: is told of each answer.
    """

    proxies: Proxies = field(default_factory=lambda: Proxies(()))
    requests: Rate = field(default_factory=lambda: Rate(500, 1000))
    changes: Rate = field(default_factory=lambda: Rate(5, 300))
    origins: Sequence[str] = ()
    log: Callable[[Answered], None] = lambda _answered: None


class Edge:
    """Wraps the application; nothing gets out of it but answers in the envelope."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        """app: what answers."""
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = monotonic()
        state = self._introduce(scope)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, state, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._answer(scope, receive, answer)
        finally:
            self._bounds.log(
                Answered(
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=monotonic() - begin,
                    address=state["address"],
                    request_id=state["request_id"],
                    who=state.get("principal"),
                )
            )

    def _introduce(self, scope: Scope) -> dict[str, Any]:
        """Note in the scope who asks from where, and by which id."""
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        asked = headers.get("x-request-id", "")
        state["request_id"] = asked if _REQUEST_ID.fullmatch(asked) else secrets.token_hex(8)
        state["csrf"] = ""
        state["address"] = self._address(scope, headers)
        return state

    def _address(self, scope: Scope, headers: Headers) -> str:
        peer = scope["state"].get("peer")
        if isinstance(peer, Peer):
            return f"user {peer.uid}"
        direct = (scope.get("client") or ("",))[0]
        if not self._bounds.proxies.trusts(direct):
            return str(direct)
        # A proxy may add a header instead of a word: what stands first anybody can have written.
        scheme = _said(headers, "x-forwarded-proto").rpartition(",")[2].strip().lower()
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
        return self._bounds.proxies.client(direct, _said(headers, "x-forwarded-for"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun, is_whole = False, False

        async def begin(message: Message) -> None:
            nonlocal has_begun, is_whole
            has_begun = True
            is_whole = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        state = scope["state"]

        def is_still_let_in() -> bool:
            return bool(state.get("is_still_let_in", _always)())

        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        try:
            await self._app(scope, bounded(receive, is_still_let_in), begin)
            if has_begun and not is_whole and not is_still_let_in():
                await send({"type": "http.response.body"})
        except Exception:  # the edge, where what nobody expected becomes an answer
            _log.exception("request %s failed", scope["state"]["request_id"])
            if has_begun:
                raise  # the connection breaks: what was sent is no whole answer
            request_id = scope["state"]["request_id"]
            detail = f"this is a bug; the journal tells of it as request {request_id}"
            fix = "see what it says: journalctl -u debvisor-timers-web"
            await failure(500, detail, fix=fix)(scope, receive, send)

    def _refused(self, scope: Scope) -> ASGIApp | None:
        """Return the answer to a request that no route is to see, None for others."""
        client = client_of(scope["state"]["address"])
        wait = self._bounds.requests.take(client)
        if not wait and scope["method"] not in _SAFE and scope["path"] not in _ASKING:
            wait = self._bounds.changes.take(client)
        if wait:
            headers = {"Retry-After": str(wait)}
            fix = f"wait {wait} s, then send it again; fewer at a time need no wait"
            return failure(429, "too many requests come from you", fix=fix, headers=headers)
        if too_long_headers(scope):
            return failure(431, f"the headers are longer than {LONGEST_HEADERS} bytes")
        if too_long(scope):
            headers = {"Connection": "close"}
            detail = f"the body is longer than {LARGEST_BODY} bytes"
            return failure(413, detail, headers=headers)
        return None

    @staticmethod
    def _add_headers(scope: Scope, state: dict[str, Any], headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if scope.get("scheme") == "https":
            headers.setdefault("Strict-Transport-Security", _ONLY_TLS)
        if not scope["path"].startswith(_STATIC):
            kept = "private, no-cache" if "etag" in headers else "no-store"
            headers.setdefault("Cache-Control", kept)
        headers["X-Request-ID"] = state["request_id"]


def _said(headers: Headers, name: str) -> str:
    return ",".join(headers.getlist(name))


def bounds_of(settings: WebSettings, log: Callable[[Answered], None]) -> Bounds:
    """Return what config.yaml says of it."""
    changes = settings.changes_per_minute
    return Bounds(
        proxies=Proxies(settings.trusted_proxies),
        requests=Rate(settings.requests_per_second, 2 * settings.requests_per_second),
        changes=Rate(changes / 60, changes),
        origins=settings.origins,
        log=log,
    )
