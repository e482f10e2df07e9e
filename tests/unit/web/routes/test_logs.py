# SPDX-License-Identifier: Apache-2.0
"""What jobs print, over HTTP: pages, and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sse_starlette.sse import AppStatus

from debvisor_timers.history.records import MessageId
from debvisor_timers.systemd.memory import records
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.feed import Feed, Listener
from tests.unit.operations.world import TWO
from tests.unit.web.served import DirectBackend, Served

SERVICE = "debvisor-job-nightly.service"
INVOCATION = "0123456789abcdef0123456789abcdef"


def say(served: Served, text: str, *, stderr: bool = False) -> None:
    """Let the job print a line."""
    fields = {
        "_TRANSPORT": "stdout",
        "_UID": "0",
        "_SYSTEMD_UNIT": SERVICE,
        "_SYSTEMD_INVOCATION_ID": INVOCATION,
        "SYSLOG_FACILITY": "1" if stderr else "3",
        "PRIORITY": "6",
        "MESSAGE": text,
        "DEBVISOR_JOB": "nightly",
    }
    records.append(served.world.systemd.state, fields)


def told(document: Any) -> list[tuple[str, str]]:
    return [(line["stream"], line["text"]) for line in document["data"]["lines"]]


def test_the_newest_lines_come_oldest_first_streams_told_apart(served: Served) -> None:
    served.world.apply(TWO)
    for number in range(3):
        say(served, f"line {number}")
    say(served, "wrong", stderr=True)

    answer = served.as_role("viewer").get("/api/v1/jobs/nightly/logs?lines=2")

    assert told(answer.json()) == [("stdout", "line 2"), ("stderr", "wrong")]


def test_what_comes_later_is_read_from_where_one_was(served: Served) -> None:
    served.world.apply(TWO)
    say(served, "old")
    viewer = served.as_role("viewer")
    after = viewer.get("/api/v1/jobs/nightly/logs").json()["data"]["after"]
    say(served, "new")

    answer = viewer.get("/api/v1/jobs/nightly/logs", params={"after": after})

    assert told(answer.json()) == [("stdout", "new")]


def test_a_job_that_nobody_knows_has_no_log_not_even_a_stream(served: Served) -> None:
    viewer = served.as_role("viewer")

    plain = viewer.get("/api/v1/jobs/nope/logs")
    stream = viewer.get("/api/v1/jobs/nope/logs", headers={"Accept": "text/event-stream"})

    assert (plain.status_code, stream.status_code) == (404, 404)


@pytest.fixture
def fresh_loop() -> None:
    """sse-starlette keeps an event of the loop before."""
    AppStatus.should_exit_event = None


@pytest.mark.usefixtures("fresh_loop")
def test_a_stream_of_a_run_that_is_over_ends(served: Served) -> None:
    served.world.apply(TWO)
    run = served.as_role("operator").post("/api/v1/jobs/nightly/run").json()["data"]

    answer = served.as_role("viewer").get(
        f"/api/v1/jobs/nightly/runs/{run['execution_id']}/logs",
        headers={"Accept": "text/event-stream"},
    )

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: end" in answer.text


class Follower:
    """A feed over the world, and what its listeners hear."""

    def __init__(self, served: Served) -> None:
        self.served = served
        backend: Backend = DirectBackend(served.world)
        self.feed = Feed(backend)

    def run(self, what: Callable[[Feed], Awaitable[None]]) -> None:
        async def limited() -> None:
            async with asyncio.timeout(20):
                await what(self.feed)

        asyncio.run(limited())


async def heard(listener: Listener) -> str:
    line = await listener.lines.get()
    return "" if line is None else line.text


def test_listeners_hear_the_lines_of_their_job_alone(served: Served) -> None:
    served.world.apply(TWO)

    async def listen(feed: Feed) -> None:
        async with feed.listen("nightly") as nightly, feed.listen("hourly") as hourly:
            say(served, "hello")
            assert await heard(nightly) == "hello"
            assert hourly.lines.empty()

    Follower(served).run(listen)


def test_who_takes_no_lines_is_dropped_and_holds_up_nobody(served: Served) -> None:
    served.world.apply(TWO)

    async def listen(feed: Feed) -> None:
        async with feed.listen("nightly") as slow, feed.listen("nightly") as quick:
            for number in range(2100):
                say(served, f"line {number}")
                if number % 100 == 99:
                    got = [await heard(quick) for _ in range(100)]
            assert got[-1] == "line 2099"
            assert slow.is_late

    Follower(served).run(listen)


def test_an_end_of_a_run_is_told_as_one(served: Served) -> None:
    served.world.apply(TWO)

    async def listen(feed: Feed) -> None:
        async with feed.listen("nightly") as listener:
            fields = {"_UID": "0", "MESSAGE_ID": MessageId.RUN_END, "DEBVISOR_JOB": "nightly"}
            records.append(served.world.systemd.state, {**fields, "MESSAGE": "over"})
            line = await listener.lines.get()
            assert line is not None
            assert (line.may_end, str(line.stream)) == (True, "debvisor-timers")

    Follower(served).run(listen)
