# SPDX-License-Identifier: Apache-2.0
"""uvicorn on our sockets: who is at a Unix socket, and who is waited for."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from debvisor_timers.errors import UsageError
from debvisor_timers.web import serving
from debvisor_timers.web.edge import body
from debvisor_timers.web.edge.crowd import Crowd
from debvisor_timers.web.edge.edge import Bounds, Edge
from debvisor_timers.web.identity.peers import Peer
from debvisor_timers.web.identity.proxies import Proxies
from debvisor_timers.web.serving import Server, own_certificate, passed_sockets

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer_peer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the uid of who asks, null for none."""
    peer = scope["state"].get("peer")
    said = json.dumps(peer.uid if isinstance(peer, Peer) else None).encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


async def talk(path: str, sent: bytes) -> bytes:
    """Send bytes to a Unix socket; return all that comes until it is closed."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    async with asyncio.timeout(20):
        said = await reader.read()
    writer.close()
    return said


def serve(
    folder: Path, app: Callable[[Scope, Receive, Send], Awaitable[None]], sent: bytes
) -> bytes:
    """Return what a server answers at a Unix socket."""

    async def scenario() -> bytes:
        path = str(folder / "web.sock")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        server = Server(app, None)
        serving_task = asyncio.create_task(server.serve([listening]))
        try:
            return await talk(path, sent)
        finally:
            server.should_exit = True
            await serving_task

    return asyncio.run(scenario())


CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_the_kernel_says_who_is_at_a_unix_socket(tmp_path: Path) -> None:
    said = serve(tmp_path, answer_peer, CLOSE)

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\n" + str(os.geteuid()).encode())
    assert b"server:" not in said.lower()


def test_one_client_has_no_more_connections_than_it_may(tmp_path: Path) -> None:
    """Each that is gone leaves its place to another."""

    async def scenario() -> list[bytes]:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = Server(answer_peer, None, Crowd(2))
        serving_task = asyncio.create_task(server.serve([listening]))

        async def ask(first: bytes, *, address: str = "127.0.0.1") -> bytes:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address, 0)
            )
            writer.write(first)
            lines.append(writer)
            async with asyncio.timeout(20):
                return await reader.readline()

        lines: list[asyncio.StreamWriter] = []
        try:
            said = [await ask(GET), await ask(GET), await ask(b"")]
            said.append(await ask(GET, address="127.0.0.2"))
            lines[0].close()
            async with asyncio.timeout(20):
                while (answer := await ask(GET)) == said[2]:
                    await asyncio.sleep(0)
            return [*said, answer]
        finally:
            for line in lines:
                line.close()
            server.should_exit = True
            await serving_task

    ok, too_many = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 429 Too Many Requests\r\n"
    assert asyncio.run(scenario()) == [ok, ok, too_many, ok, ok]


def test_a_client_is_a_network_a_proxy_is_many_and_a_user_has_half_of_all() -> None:
    crowd = Crowd(2, Proxies(("192.0.2.0/24",)))

    def enter(client: str | Peer) -> bool:
        return crowd.enter(client) is not None

    network = [enter(f"2001:db8::{number}") for number in range(3)]
    mapped = [enter(each) for each in ("198.51.100.7", "::ffff:198.51.100.7", "198.51.100.7")]
    proxy = [enter("192.0.2.9") for _ in range(5)]
    users = [enter(Peer(uid=33)) for _ in range(1001)]

    assert (network, mapped) == ([True, True, False], [True, True, False])
    assert all(proxy)
    assert (users.count(True), enter(Peer(uid=34))) == (1000, True)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: ", GET + b"GET / "])
def test_nobody_is_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.2)

    said = serve(tmp_path, answer_peer, sent)

    assert said.count(b"HTTP/1.1 200 OK") == sent.count(GET)


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000,
        GET.replace(b"GET", b"POST").replace(b"Host", b"Transfer-Encoding: chunked\r\nHost")
        + b"zz\r\n",
    ],
    ids=["no-http", "long-headers", "no-chunks"],
)
def test_what_is_no_request_is_answered_in_the_envelope(tmp_path: Path, sent: bytes) -> None:
    async def take_all(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    head, _, said = serve(tmp_path, take_all, sent).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    error = json.loads(said)["error"]
    assert error["detail"] == "this is no HTTP/1.1, or its headers are longer than 32,768 bytes"
    assert error["fix"] == "send a request as RFC 9112 has it, with short headers: curl does"


def test_who_is_one_too_many_is_told_so_in_the_envelope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)

    head, _, said = serve(tmp_path, answer_peer, CLOSE).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 5\r\n" in head.lower()
    error = json.loads(said)["error"]
    assert error["detail"] == "too many connections are open"
    assert error["fix"] == "close connections that you do not need, and try again in a few seconds"


def test_who_is_let_in_no_longer_gets_no_more_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "LOOK_SECONDS", 0.05)

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        looks = iter([True, False, False])
        scope["state"]["is_still_let_in"] = lambda: next(looks, False)
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"line", "more_body": True})
        assert await receive() == {"type": "http.disconnect"}

    said = serve(tmp_path, Edge(stream, Bounds()), CLOSE)

    assert said.endswith(b"4\r\nline\r\n0\r\n\r\n")


def test_sockets_are_those_of_systemd() -> None:
    with pytest.raises(UsageError, match="no socket was passed"):
        passed_sockets({})
    with pytest.raises(UsageError, match="no socket was passed"):
        passed_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "1"})


def test_half_a_certificate_is_none(tmp_path: Path) -> None:
    there = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert own_certificate({}) is None
    assert own_certificate(there) is None

    (tmp_path / "debvisor-timers-web.key").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"there is debvisor-timers-web\.key alone"):
        own_certificate(there)
    (tmp_path / "debvisor-timers-web.certificate").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="the certificate cannot be used"):
        own_certificate(there)
