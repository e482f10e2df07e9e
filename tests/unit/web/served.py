# SPDX-License-Identifier: Apache-2.0
"""The server over a host in memory: what it answers, without a socket."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Concatenate, ParamSpec, TypeVar

from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from debvisor_timers.errors import UnauthenticatedError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.runs.log_lines import LogLine, LogStream, line_of
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.app import create_app
from debvisor_timers.web.backend import JobsSnapshot
from debvisor_timers.web.edge.edge import Bounds, bounds_of
from debvisor_timers.web.edge.log import Answered
from debvisor_timers.web.idempotency import Answers
from debvisor_timers.web.identity.authenticator import Identity
from debvisor_timers.web.identity.issuer import Fetch, Issuer
from debvisor_timers.web.identity.limits import Rate
from debvisor_timers.web.identity.peers import Peer
from debvisor_timers.web.principal import Principal
from tests.unit.operations.world import World

P = ParamSpec("P")
T = TypeVar("T")


class DirectBackend:
    """A backend in this process: reads and changes are made on the world at once."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def read(
        self, function: Callable[Concatenate[JobScheduler, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        # As between the processes of the real one.
        asked, args, kwargs = pickle.loads(pickle.dumps((function, args, kwargs)))
        answer: T = pickle.loads(
            pickle.dumps(asked(JobScheduler(self.world.host), *args, **kwargs))
        )
        return answer

    async def change(
        self,
        who: Principal,
        function: Callable[Concatenate[JobScheduler, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        caller = Caller(uid=0, user="root", token=who.name, address=who.address, door="api")
        return function(JobScheduler(self.world.host, caller), *args, **kwargs)

    async def follow(self) -> AsyncGenerator[LogLine, None]:
        told = max(len(self.world.systemd.state.records) - 1, 0)
        if not self.world.systemd.state.records:
            yield LogLine(cursor="", at=datetime.now(UTC), stream=LogStream.SYSTEMD, text="")
        while True:
            new = self.world.systemd.state.records[told:]
            told += len(new)
            for record in new:
                yield line_of(record)
            await asyncio.sleep(0.005)

    async def jobs(self) -> JobsSnapshot:
        scheduler = JobScheduler(self.world.host)
        found, counts = scheduler.list(), scheduler.run_counts()
        etag = sha256(repr((found.rows, counts)).encode()).hexdigest()[:16]
        return JobsSnapshot(jobs=found, taken_at=datetime.now(UTC), etag=etag, counts=counts)

    @property
    def is_trying(self) -> bool:
        return self.world.layout.trial.exists()


class RoleAuthenticator:
    """Takes the name of a role for a token: `Bearer operator`."""

    async def identify(self, request: Request) -> Principal | None:
        header = request.headers.get("authorization", "")
        if not header:
            return None
        word = header.removeprefix("Bearer ")
        if word not in list(Role):
            raise UnauthenticatedError("there is no such token", fix="use another one")
        return Principal(name=f"a-{word}", role=Role(word), address="192.0.2.7")


class Served:
    """The application over a world, and clients of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app = _app_of(DirectBackend(world))
        self.log: list[Answered] = []

    def as_role(self, role: str = "") -> TestClient:
        """Return a client with a token of that role; without any where none is named."""
        headers = {"Authorization": f"Bearer {role}"} if role else {}
        client = TestClient(
            self.app, base_url="http://localhost", headers=headers, raise_server_exceptions=False
        )
        client.follow_redirects = False
        return client

    def identifying(
        self,
        settings: Mapping[str, object] | None = None,
        *,
        fetch: Fetch | None = None,
        peer: int | None = None,
        base_url: str = "http://testserver",
    ) -> TestClient:
        """Return a client of a server that looks at tokens and sessions as the real one does.

        settings: `web` of config.yaml. peer: the uid of who comes by the Unix socket.
        """
        wanted = WebSettings.model_validate(settings or {})
        issuer = Issuer(wanted.oidc.issuer, fetch=fetch) if wanted.oidc and fetch else None
        clock = self.world.systemd.clock
        identity = Identity.of(self.world.layout, wanted, issuer=issuer, now=clock.now)
        bounds = bounds_of(wanted, self.log.append)
        app: ASGIApp = create_app(DirectBackend(self.world), identity, bounds)
        if peer is not None:
            app = _from_peer(app, peer)
        client = TestClient(
            app, base_url=base_url, raise_server_exceptions=False, client=("192.0.2.7", 4711)
        )
        client.follow_redirects = False
        return client

    def token(self, name: str, role: Role = Role.VIEWER, **more: datetime) -> str:
        """Make a token, and return it."""
        root = Caller(uid=0, user="root")
        return JobScheduler(self.world.host, root).create_token(name, role, **more).secret


_BUILT: list[FastAPI] = []
"""The application that all tests use: to build its routes takes half a second."""


def _app_of(backend: DirectBackend) -> FastAPI:
    """Return the application as if it were new: nothing is left of the test before."""
    if not _BUILT:
        # Many requests of many tests come within a minute, all of one client.
        bounds = Bounds(requests=Rate(10_000, 10_000), changes=Rate(10_000, 10_000))
        _BUILT.append(create_app(backend, RoleAuthenticator(), bounds))
    app = _BUILT[0]
    app.state = State({"backend": backend, "authenticator": RoleAuthenticator()})
    app.state.answers = Answers.of_service()
    app.middleware_stack = None  # made anew by the first request
    return app


def _from_peer(app: ASGIApp, uid: int) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"peer": Peer(uid=uid)}
        await app(scope, receive, send)

    return wrapped
