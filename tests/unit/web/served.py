# SPDX-License-Identifier: Apache-2.0
"""The server over a host in memory: what it answers, without a socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Concatenate, ParamSpec, TypeVar

from fastapi import Request
from fastapi.testclient import TestClient

from debvisor_timers.errors import UnauthenticatedError
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.app import create_app
from debvisor_timers.web.backend import JobsSnapshot
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
        return function(JobScheduler(self.world.host), *args, **kwargs)

    async def change(
        self,
        who: Principal,
        function: Callable[Concatenate[JobScheduler, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        caller = Caller(uid=0, user="root", token=who.name, address=who.address, door="api")
        return function(JobScheduler(self.world.host, caller), *args, **kwargs)

    async def jobs(self) -> JobsSnapshot:
        scheduler = JobScheduler(self.world.host)
        found, counts = scheduler.list(), scheduler.run_counts()
        etag = sha256(repr((found.rows, counts)).encode()).hexdigest()[:16]
        return JobsSnapshot(jobs=found, taken_at=datetime.now(UTC), etag=etag, counts=counts)


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
        self.app = create_app(DirectBackend(world), RoleAuthenticator())

    def as_role(self, role: str = "") -> TestClient:
        """Return a client with a token of that role; without any where none is named."""
        headers = {"Authorization": f"Bearer {role}"} if role else {}
        client = TestClient(
            self.app, base_url="http://localhost", headers=headers, raise_server_exceptions=False
        )
        client.follow_redirects = False
        return client
