# SPDX-License-Identifier: Apache-2.0
"""uvicorn on the sockets that systemd has passed, and what it does not do by itself."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from debvisor_timers.errors import UsageError
from debvisor_timers.jobs.web import MOST_CONNECTIONS
from debvisor_timers.web.edge.body import LONGEST_HEADERS
from debvisor_timers.web.edge.crowd import Crowd, Place
from debvisor_timers.web.envelope import failure
from debvisor_timers.web.identity.peers import Peer

REQUEST_SECONDS = 20.0
"""So long a connection may take to send the headers of a request."""

_FIRST_DESCRIPTOR = 3
_CREDENTIALS = struct.Struct("3i")
_CLOSE = {"Connection": "close"}

CERTIFICATE, KEY = "debvisor-timers-web.certificate", "debvisor-timers-web.key"
"""Credentials of systemd: both are there, or none."""


def _no_request() -> bytes:
    """Return the whole answer to what is no request; h11 will say nothing more by then."""
    return _whole(
        failure(
            400,
            f"this is no HTTP/1.1, or its headers are longer than {LONGEST_HEADERS:,} bytes",
            fix="send a request as RFC 9112 has it, with short headers: curl does",
            headers=_CLOSE,
        )
    )


def _too_many() -> bytes:
    """Return the whole answer to who has too many connections: it comes before any request."""
    return _whole(
        failure(
            429,
            "too many connections of yours are open",
            fix="close some, or set web.connections_per_client higher",
            headers={"Retry-After": "5", **_CLOSE},
        )
    )


def _whole(answer: JSONResponse) -> bytes:
    """Return an answer with its head, for who has to write it to the connection."""
    status = HTTPStatus(answer.status_code)
    head = f"HTTP/1.1 {status.value} {status.phrase}".encode()
    lines = [head, *(b": ".join(pair) for pair in answer.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])


class Protocol(H11Protocol):
    """HTTP/1.1, which knows who is at a Unix socket, and waits for nobody for ever.

    h11, since it bounds the headers of a request: httptools takes any length.
    """

    _waiting: asyncio.TimerHandle | None = None
    _place: Place | None = None

    def __init__(self, *given: Any, crowd: Crowd, **more: Any) -> None:
        """crowd: all who are connected."""
        super().__init__(*given, **more)
        self._crowd = crowd

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who it is; send away who has too many connections."""
        client = _client(transport)
        self._place = self._crowd.enter(client)
        if self._place is None:
            transport.write(_too_many())
            transport.close()
            return
        super().connection_made(transport)
        if isinstance(client, Peer):
            self.app_state = {**self.app_state, "peer": client}
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; a request whose headers are whole has all the time that it takes."""
        if self._place is None:
            return
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._place is None:
            return
        self._crowd.leave(self._place)
        self._wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn calls it
        """Answer what is no request in the envelope, as everything else; uvicorn has bare text."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_no_request())
        self.transport.close()

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class Server(uvicorn.Server):
    """One server on several sockets: TLS, where there is a certificate, but for Unix sockets."""

    def __init__(
        self, app: ASGIApp, tls: ssl.SSLContext | None, crowd: Crowd | None = None
    ) -> None:
        """tls: of all sockets of the network. crowd: who may be connected."""
        self._app = app
        self._crowd = crowd or Crowd()
        super().__init__(
            uvicorn.Config(
                self._unless_crowded,
                interface="asgi3",  # a method looks to uvicorn like one of ASGI 2
                http=cast("type[asyncio.Protocol]", partial(Protocol, crowd=self._crowd)),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=LONGEST_HEADERS,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=5,
            )
        )
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on all sockets."""
        everywhere = sockets or []
        ours = [each for each in everywhere if self._tls is None or _is_unix(each)]
        await super().startup(ours)
        loop = asyncio.get_running_loop()
        for each in everywhere:
            if each not in ours:
                server = await loop.create_server(
                    self._protocol, sock=each, ssl=self._tls, ssl_handshake_timeout=REQUEST_SECONDS
                )
                self.servers.append(server)

    async def _unless_crowded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, where there are not too many; uvicorn's own limit has bare text."""
        if len(self.server_state.connections) < MOST_CONNECTIONS:
            await self._app(scope, receive, send)
            return
        fix = "close connections that you do not need, and try again in a few seconds"
        headers = {"Retry-After": "5", **_CLOSE}
        answer = failure(503, "too many connections are open", fix=fix, headers=headers)
        await answer(scope, receive, send)

    def _protocol(self) -> Protocol:
        return Protocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            crowd=self._crowd,
        )


def passed_sockets(environment: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the sockets that systemd has passed (sd_listen_fds(3)). Raises UsageError for none."""
    count = environment.get("LISTEN_FDS", "0")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or count == "0":
        raise UsageError(
            "no socket was passed",
            fix="start debvisor-timers-web.socket, or pass one by systemd-socket-activate",
        )
    last = _FIRST_DESCRIPTOR + int(count)
    sockets = [socket.socket(fileno=number) for number in range(_FIRST_DESCRIPTOR, last)]
    for each in sockets:
        each.settimeout(0)
        fcntl.fcntl(each, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # the workers have no business with it
    return sockets


def own_certificate(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext | None:
    """Return the server's own certificate, None where it has none. Raises UsageError."""
    folder = Path(environment.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
    certificate, key = folder / CERTIFICATE, folder / KEY
    there = [path.name for path in (certificate, key) if path.exists()]
    if not there:
        return None
    if len(there) == 1:
        raise UsageError(
            f"there is {there[0]} alone", fix=f"put both into /etc/credstore: {CERTIFICATE}, {KEY}"
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificate cannot be used: {error}",
            fix=f"check /etc/credstore/{CERTIFICATE} and /etc/credstore/{KEY}: both in PEM",
        ) from error
    return context


def _client(transport: asyncio.Transport) -> str | Peer:
    """Return who is at the other end of a connection: an address, or a user of this host."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_UNIX:
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _pid, uid, _gid = _CREDENTIALS.unpack(said)
        return Peer(uid=uid)
    return str((transport.get_extra_info("peername") or ("",))[0])


def _is_unix(each: socket.socket) -> bool:
    return each.family == socket.AF_UNIX


def names_of(sockets: Sequence[socket.socket]) -> str:
    """Return where a server listens, in words."""
    return ", ".join(
        str(name) if isinstance(name := each.getsockname(), str) else f"{name[0]}:{name[1]}"
        for each in sockets
    )
