# SPDX-License-Identifier: Apache-2.0
"""The calls of a remote scheduler are those of the one of this host."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers import JobScheduler
from debvisor_timers.errors import (
    DefinitionError,
    PermissionRefusedError,
    UnauthenticatedError,
    UnreachableError,
    UsageError,
)
from debvisor_timers.scheduler.remote.documents import document, documents, run_of
from debvisor_timers.scheduler.remote.scheduler import RemoteScheduler
from tests.unit.operations.world import NIGHTLY, World
from tests.unit.web.served import Served
from tests.unit.web.serving import Serving

CALLS = {name for name in vars(JobScheduler) if not name.startswith("_")} - {"connect"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def serving(world: World, tmp_path: Path) -> Iterator[Serving]:
    with Serving(Served(world).app, tmp_path / "web.sock") as serving:
        yield serving


@pytest.fixture
def remote(serving: Serving) -> Iterator[RemoteScheduler]:
    with JobScheduler.connect(serving.url, token="admin") as remote:
        yield remote


@pytest.mark.parametrize("name", sorted(CALLS))
def test_each_call_of_the_guide_is_there_with_the_same_arguments(name: str) -> None:
    here, there = getattr(JobScheduler, name), getattr(RemoteScheduler, name)
    if isinstance(here, property):
        assert isinstance(there, property)
    else:
        assert inspect.signature(there) == inspect.signature(here)


@pytest.mark.parametrize("name", ["stop", "jobs_with_runs", "forget_runs"])
def test_so_are_those_that_the_guide_only_names(name: str) -> None:
    here, there = getattr(JobScheduler, name), getattr(RemoteScheduler, name)
    assert inspect.signature(there) == inspect.signature(here)


def test_a_job_is_the_same_from_here_and_from_there(world: World, remote: RemoteScheduler) -> None:
    local = JobScheduler(world.host)
    world.apply(
        NIGHTLY
        + "    name: At night\n    tags: {a: b}\n    owner: anna\n    timeout: 90s\n"
        + "    retries: {max: 2}\n    priority: high\n    description: All of it\n"
        + '  weekly:\n    schedule: {cron: "0 3 * * 1", timezone: Asia/Tokyo}\n'
        + "    task: {type: mirror, config: {a: [1, {b: null}]}}\n"
        + "    depends_on: [{job: nightly, wait: 5m}]\n    timeout: infinity\n"
    )
    for job_id in ("nightly", "weekly"):
        assert remote.get_job(job_id).to_dict() == local.get_job(job_id).to_dict()
    assert list(remote.jobs) == list(local.jobs)


def test_a_run_is_the_same_from_here_and_from_there(world: World, remote: RemoteScheduler) -> None:
    world.apply(NIGHTLY)
    run = remote.execute("nightly")
    (here,) = JobScheduler(world.host).get_execution_history("nightly")

    assert run == here
    assert run.to_dict() == here.to_dict()
    assert (run.start_time, run.end_time) == (here.start_time, here.end_time)


def test_a_token_that_is_none_lets_nobody_in(serving: Serving) -> None:
    for token, words in (("wrong", "there is no such token"), ("", "needs a token")):
        with (
            JobScheduler.connect(serving.url, token=token) as remote,
            pytest.raises(UnauthenticatedError, match=words),
        ):
            _ = remote.jobs


def test_a_role_that_is_too_low_changes_nothing(world: World, serving: Serving) -> None:
    with JobScheduler.connect(serving.url, token="viewer") as remote:
        with pytest.raises(PermissionRefusedError):
            remote.create_job(name="One", script="true")
        with pytest.raises(PermissionRefusedError), remote.batch():
            remote.create_job(name="One", script="true")
        assert remote.jobs == {}
    assert world.units() == {}


def test_the_problems_of_a_job_have_their_places(world: World, remote: RemoteScheduler) -> None:
    with pytest.raises(DefinitionError, match="hour 25") as caught:
        remote.create_job(name="One", cron_expr="0 25 * * *", script="true")
    (problem,) = caught.value.problems
    assert problem.span.file == world.layout.jobs / "one.yaml"
    assert (problem.span.line, problem.key) == (4, "schedule")
    with pytest.raises(DefinitionError, match="timeout_seconds"):
        remote.create_job(name="One", script="true", timeout_seconds=-5)


def test_a_handler_is_a_matter_of_the_host(
    remote: RemoteScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        remote.register_task_handler("mirror", lambda _config: True)
    assert "register it there" in caplog.text
    with pytest.raises(UsageError, match="is no function"):
        remote.register_task_handler("mirror", None)  # type: ignore[arg-type]


def test_nothing_of_a_server_is_loaded_by_a_client() -> None:
    """A client has the base package alone."""
    program = (
        "import sys; from debvisor_timers import Scheduler\n"
        "Scheduler.connect('http://localhost:1')\n"
        "print([name for name in sys.modules if name.partition('.')[0] in"
        " {'fastapi', 'starlette', 'uvicorn', 'httpx', 'pystemd', 'varlink'}"
        " or name.startswith('debvisor_timers.web')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("said", [None, [], "text", 5])
def test_an_answer_of_another_kind_is_told(said: object) -> None:
    with pytest.raises(UnreachableError, match="which is not an object"):
        document(said)
    if said != []:
        with pytest.raises(UnreachableError, match="which is not a list"):
            documents(said)


def test_a_run_without_its_time_is_none() -> None:
    with pytest.raises(UnreachableError):
        run_of(
            {"job_id": "a", "execution_id": "b", "status": "completed", "start_time": "soon"},
            lambda: ("", ""),
        )
