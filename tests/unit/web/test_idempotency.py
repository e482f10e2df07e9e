# SPDX-License-Identifier: Apache-2.0
"""Answers that are kept: what survives a restart, what a request that was cut off leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request, Response

from debvisor_timers.errors import DebvisorTimersError, LockedError, RefusedError, SystemdError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.idempotency import Answers, Doing, OtherRequestError
from debvisor_timers.web.principal import Principal
from tests.unit.agent.asking import Agent
from tests.unit.operations.world import NIGHTLY, World
from tests.unit.web.served import DirectBackend

WHO = Principal(name="deploy", role=Role.EDITOR)


def request(body: bytes = b"{}", path: str = "/api/v1/jobs") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
    return Request(scope, receive)


class Work:
    """Something that must be done once."""

    def __init__(self, status: int = 201) -> None:
        self.times = 0
        self.status = status

    async def __call__(self) -> Response:
        self.times += 1
        return Response(f"done {self.times}", self.status, headers={"Location": "/there"})


def doing(work: Callable[[], Awaitable[Response]]) -> Doing[Response]:
    async def tell(given: Response) -> Response:
        return given

    return Doing(carry_out=work, tell=tell)


def ask(answers: Answers, work: Any, *, key: str = "k", body: bytes = b"{}") -> Response:
    return asyncio.run(answers.once(WHO, request(body), key, doing(work)))


def test_an_answer_survives_a_restart(tmp_path: Path) -> None:
    work = Work()
    first = ask(Answers(tmp_path / "answers.sqlite"), work)

    again = ask(Answers(tmp_path / "answers.sqlite"), work)

    assert work.times == 1
    assert (again.body, again.status_code) == (first.body, 201)
    assert (again.headers["location"], again.headers["idempotency-replayed"]) == ("/there", "true")


def test_another_body_by_the_same_key_is_refused(tmp_path: Path) -> None:
    answers = Answers(tmp_path / "answers.sqlite")
    ask(answers, Work())

    with pytest.raises(OtherRequestError):
        ask(answers, Work(), body=b"[]")


def test_without_a_key_each_request_is_carried_out(tmp_path: Path) -> None:
    answers, work = Answers(tmp_path / "answers.sqlite"), Work()

    for _ in range(2):
        ask(answers, work, key="")

    assert work.times == 2


def test_a_request_that_was_cut_off_is_not_carried_out_twice(tmp_path: Path) -> None:
    answers = Answers(tmp_path / "answers.sqlite")

    async def cut_off() -> None:
        async def work() -> Response:
            with pytest.raises(RefusedError, match="is being carried out"):
                await answers.once(WHO, request(), "k", doing(Work()))
            return Response(status_code=200)

        await answers.once(WHO, request(), "k", doing(work))

    asyncio.run(cut_off())


class Host:
    """A host whose server is killed in the middle of a request."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.apply(NIGHTLY)
        self.path = folder / "answers.sqlite"

    def answers(self) -> Answers:
        """Return what a server knows that has just begun."""
        return Answers(self.path, now=lambda: self.world.host.clock.now().timestamp())

    def kill(self, work: Callable[[], Awaitable[Response]]) -> None:
        """Let a server be killed after the work, before it could note anything."""

        class KilledError(BaseException): ...

        async def cut_off() -> Response:
            await work()
            raise KilledError

        with pytest.raises(KilledError):
            self.send(cut_off)

    def send(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """Send the request with its key to another server."""
        asked = request()
        asked.scope["app"] = SimpleNamespace(
            state=SimpleNamespace(backend=DirectBackend(self.world))
        )
        return asyncio.run(self.answers().once(SENDER, asked, "k", doing(work)))

    def by_agent(self, role: str, job: str = "nightly") -> None:
        """Let the agent run a job for that request."""
        whom = {"name": "deploy", "role": role, "kind": "token", "address": "", "request": "r-7"}
        message = {"job": job, "behalf": whom}
        Agent(self.world).say({"method": "io.debvisor.Timers.Run", "parameters": message})


SENDER = Principal(name="deploy", role=Role.EDITOR, request_id="r-7")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_after_a_restart_it_is_told_what_was_done(host: Host) -> None:
    async def work() -> Response:
        host.by_agent("operator")
        return Response()

    host.kill(work)

    again = Work()
    with pytest.raises(RefusedError, match=r"tells what it has done: run nightly.*: done"):
        host.send(again)
    assert again.times == 0


def test_after_a_restart_what_was_refused_may_be_asked_again(host: Host) -> None:
    async def work() -> Response:
        host.by_agent("viewer")
        return Response()

    host.kill(work)

    again = Work()
    assert host.send(again).status_code == 201
    assert (host.send(again).headers["idempotency-replayed"], again.times) == ("true", 1)


def test_after_a_restart_nothing_is_done_of_which_nobody_knows(host: Host) -> None:
    host.kill(Work())

    again = Work()
    with pytest.raises(RefusedError, match="the audit tells of nothing that it has done"):
        host.send(again)
    assert again.times == 0


def test_the_requests_of_others_tell_nothing(host: Host) -> None:
    async def work() -> Response:
        whom = {"name": "other", "role": "viewer", "kind": "token", "request": "r-7"}
        parameters = {"job": "nightly", "behalf": {**whom, "address": ""}}
        Agent(host.world).say({"method": "io.debvisor.Timers.Run", "parameters": parameters})
        return Response()

    host.kill(work)

    with pytest.raises(RefusedError, match="tells of nothing"):
        host.send(Work())


def test_after_a_day_a_key_is_forgotten(tmp_path: Path) -> None:
    hours = iter((0.0, 23.9, 24.1))
    path, work = tmp_path / "answers.sqlite", Work()
    answers = Answers(path, now=lambda: next(hours) * 3600)

    done = [ask(answers, work).body for _ in range(3)]

    assert done == [b"done 1", b"done 1", b"done 2"]


@pytest.mark.parametrize(
    ("error", "times"),
    [(RefusedError("no"), 2), (SystemdError("the agent is gone"), 1), (LockedError("later"), 2)],
)
def test_what_may_have_been_done_is_not_done_again(
    tmp_path: Path, error: DebvisorTimersError, times: int
) -> None:
    answers, begun = Answers(tmp_path / "answers.sqlite"), []

    async def work() -> Response:
        begun.append(1)
        raise error

    for _ in range(2):
        with pytest.raises(DebvisorTimersError):
            ask(answers, work)

    assert len(begun) == times
