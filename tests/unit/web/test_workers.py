# SPDX-License-Identifier: Apache-2.0
"""The processes that read for the server: what they answer, and what becomes of them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.errors import DefinitionError, NotFoundError, SystemdError
from debvisor_timers.layout import Layout
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.source import Problem, Span
from debvisor_timers.web import workers as workers_module
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.workers import BusyError, Workers


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes find the questions of this module."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def process_id(_scheduler: JobScheduler) -> int:
    return os.getpid()


def fail(_scheduler: JobScheduler) -> None:
    raise NotFoundError("there is no such thing", fix="look elsewhere")


def complain(_scheduler: JobScheduler) -> None:
    raise DefinitionError([Problem(span=Span(file=Path("/a.yaml"), line=3), message="is wrong")])


def crash(_scheduler: JobScheduler) -> None:
    os._exit(1)


def stumble(_scheduler: JobScheduler) -> None:
    raise ZeroDivisionError("a bug")


def with_workers(tmp_path: Path, what: Any) -> Any:
    async def run() -> Any:
        workers = Workers(Layout().below(tmp_path), processes=1)
        for worker in workers._workers:
            workers._free.put_nowait(worker)
        try:
            return await what(workers)
        finally:
            await workers.close()

    made: Coroutine[Any, Any, Any] = run()
    return asyncio.run(made)


def test_a_question_is_answered_by_another_process(tmp_path: Path) -> None:
    async def ask(workers: Workers) -> list[int]:
        return [await workers.read(process_id) for _ in range(2)]

    first, second = with_workers(tmp_path, ask)

    assert first == second != os.getpid()


def test_errors_come_back_as_they_were_raised(tmp_path: Path) -> None:
    async def ask(workers: Workers) -> tuple[Exception, Exception]:
        with pytest.raises(NotFoundError) as missing:
            await workers.read(fail)
        with pytest.raises(DefinitionError) as wrong:
            await workers.read(complain)
        return missing.value, wrong.value

    missing, wrong = with_workers(tmp_path, ask)

    assert (missing.message, missing.fix) == ("there is no such thing", "look elsewhere")
    assert [problem.message for problem in wrong.problems] == ["is wrong"]


def test_a_process_that_ends_is_told_and_replaced(tmp_path: Path) -> None:
    async def ask(workers: Workers) -> int:
        with pytest.raises(SystemdError):
            await workers.read(crash)
        return await workers.read(process_id)

    assert with_workers(tmp_path, ask) != os.getpid()


def test_a_bug_is_told_with_its_traceback(tmp_path: Path) -> None:
    async def ask(workers: Workers) -> None:
        with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug"):
            await workers.read(stumble)

    with_workers(tmp_path, ask)


def test_who_goes_away_leaves_no_answer_to_the_next(tmp_path: Path) -> None:
    async def ask(workers: Workers) -> tuple[int, int]:
        first = await workers.read(process_id)
        task = asyncio.create_task(workers.read(fail))
        await asyncio.sleep(0)
        task.cancel()
        return first, await workers.read(process_id)

    first, second = with_workers(tmp_path, ask)

    assert first == second


def test_no_more_changes_wait_than_can_be_borne(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "_MOST_CHANGES", 2)
    may_go_on = threading.Event()
    who = Principal(name="ci", role=Role.VIEWER)

    def wait(_scheduler: JobScheduler) -> bool:
        return may_go_on.wait(10)

    async def ask(workers: Workers) -> bool:
        first = [asyncio.create_task(workers.change(who, wait)) for _ in range(2)]
        await asyncio.sleep(0)
        third = asyncio.create_task(workers.change(who, wait))
        await asyncio.wait([third], timeout=0.2)
        may_go_on.set()
        with pytest.raises(BusyError):
            await third
        return all(await asyncio.gather(*first)) and await workers.change(who, wait)

    assert with_workers(tmp_path, ask)
