# SPDX-License-Identifier: Apache-2.0
"""The Python API by the names of the guide, on the twin."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

import debvisor_timers
from debvisor_timers import (
    DependencyType,
    JobDependency,
    JobPriority,
    JobScheduler,
    JobStatus,
)
from debvisor_timers.errors import DefinitionError, NotFoundError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.applying.plan import make_plan
from tests.unit.operations.world import NIGHTLY, World
from tests.unit.web.served import Served
from tests.unit.web.serving import Serving


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def local(world: World) -> JobScheduler:
    return JobScheduler(world.host, Caller(user="root", uid=0, door="python"))


@pytest.fixture(params=["local", "remote"])
def scheduler(
    request: pytest.FixtureRequest, world: World, local: JobScheduler, tmp_path: Path
) -> Iterator[JobScheduler]:
    """The calls of the guide on this host, and those that ask a server: one contract."""
    if request.param == "local":
        yield local
        return
    with (
        Serving(Served(world).app, tmp_path / "web.sock") as serving,
        JobScheduler.connect(serving.url, token="admin") as remote,
    ):
        yield cast(JobScheduler, remote)


def test_the_package_has_the_names_of_the_guide() -> None:
    assert debvisor_timers.Scheduler is debvisor_timers.JobScheduler
    assert {"get_scheduler", "JobPriority", "ScheduledJob"} <= set(dir(debvisor_timers))
    assert debvisor_timers.get_scheduler() is debvisor_timers.get_scheduler()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = debvisor_timers.nothing


def test_priorities_have_the_numbers_of_the_guide() -> None:
    assert [each.value for each in JobPriority] == [0, 1, 2, 3]
    assert JobPriority.of("critical") is JobPriority.of(3) is JobPriority.CRITICAL
    with pytest.raises(ValueError, match="is no priority"):
        JobPriority.of("urgent")


def test_a_job_is_made_and_applied(world: World, scheduler: JobScheduler) -> None:
    job = scheduler.create_job(
        name="Weekly Report",
        cron_expr="0 9 * * 1",
        task_type="generate_report",
        task_config={"report_type": "weekly", "include_metrics": True},
        priority=JobPriority.NORMAL,
        owner="analytics_team",
        timeout_seconds=7200,
        description="Generate weekly analytics report",
    )

    assert job.job_id == "weekly-report"
    assert job.cron_expression is not None
    assert job.cron_expression.to_string() == "0 9 * * 1"
    assert (job.task_type, job.task_config) == (
        "generate_report",
        {"report_type": "weekly", "include_metrics": True},
    )
    assert (job.priority, job.owner, job.timeout_seconds) == (
        JobPriority.NORMAL,
        "analytics_team",
        7200,
    )
    assert str(job.next_execution) == "2026-11-30 09:00:00"
    assert (job.execution_count, job.failure_count) == (0, 0)
    assert "debvisor-job-weekly-report.timer" in world.running()
    assert make_plan(world.host).is_empty
    written = (world.layout.jobs / "weekly-report.yaml").read_text(encoding="utf-8")
    assert "config: {report_type: weekly, include_metrics: true}" in written


def test_a_wrong_job_is_none(world: World, scheduler: JobScheduler) -> None:
    with pytest.raises(DefinitionError, match="hour 25"):
        scheduler.create_job(name="a", cron_expr="0 25 * * *", command=["/bin/true"])
    with pytest.raises(UsageError, match="one of task_type, command and script"):
        scheduler.create_job(name="a", command=["/bin/true"], script="true")
    with pytest.raises(UsageError, match="is no priority"):
        scheduler.create_job(name="a", command=["/bin/true"], priority=7)
    with pytest.raises(UsageError, match="cannot hold"):
        scheduler.create_job(name="a", task_type="b", task_config={"c": object()})
    assert list(world.layout.jobs.iterdir()) == []
    assert world.units() == {}


def test_what_is_none_is_as_if_it_was_not_said(scheduler: JobScheduler) -> None:
    job = scheduler.create_job(
        name="One",
        script="true",
        command=None,
        priority=None,
        owner=None,
        timeout_seconds=None,
        retry_delay_seconds=None,
        tags=None,
        dependencies=None,
        keys=None,
    )
    assert (job.owner, job.priority, job.timeout_seconds) == ("", JobPriority.NORMAL, 3600)


def test_an_update_to_none_takes_a_key_away(world: World, scheduler: JobScheduler) -> None:
    scheduler.create_job(
        name="One",
        cron_expr="0 2 * * *",
        script="true",
        owner="anna",
        timeout_seconds=timedelta(minutes=5),
        timezone="UTC",
        keys={"resources.memory_max": "1G"},
    )
    assert scheduler.get_job("one").timezone == "UTC"
    job = scheduler.update_job(
        "one",
        owner=None,
        timeout_seconds=None,
        timezone=None,
        keys={"resources.memory_max": None},
    )
    assert (job.owner, job.timeout_seconds, job.timezone) == ("", 3600, None)
    text = (world.layout.jobs / "one.yaml").read_text(encoding="utf-8")
    assert "memory" not in text
    assert "0 2 * * *" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout_seconds": "soon"},
        {"timeout_seconds": float("nan")},
        {"priority": 1.5},
        {"priority": []},
        {"tags": ["a"]},
        {"dependencies": ["one"]},
        {"dependencies": JobDependency("one")},
        {"keys": ["a"]},
        {"command": "/bin/true x"},
        {"name": 5},
        {"job_id": 5},
    ],
    ids=str,
)
def test_a_wrong_argument_is_an_error_of_ours(
    world: World, scheduler: JobScheduler, wrong: dict[str, object]
) -> None:
    fields: dict[str, object] = {"name": "One", "script": "true", **wrong}
    if "command" in wrong:
        del fields["script"]
    with pytest.raises(UsageError):
        scheduler.create_job(**fields)  # type: ignore[arg-type]
    assert list(world.layout.jobs.iterdir()) == []


def test_no_limit_of_time_is_infinity(scheduler: JobScheduler) -> None:
    job = scheduler.create_job(name="One", script="true", timeout_seconds=float("inf"))
    assert job.timeout_seconds is None


def test_the_type_of_a_dependency_can_be_its_word() -> None:
    conflict = JobDependency("one", "conflicts", timedelta(minutes=1))  # type: ignore[arg-type]
    assert conflict == JobDependency("one", DependencyType.CONFLICTS, 60)
    assert conflict.dependency_type is DependencyType.CONFLICTS
    with pytest.raises(UsageError, match="is no type of a dependency"):
        JobDependency("one", "needs")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="timeout_seconds is nan"):
        JobDependency("one", timeout_seconds=float("nan"))


def test_jobs_are_found_by_what_they_are(scheduler: JobScheduler) -> None:
    scheduler.create_job(name="One", command=["/bin/true"], owner="anna", tags={"a": "b"})
    scheduler.create_job(name="Two", task_type="mirror", owner="ben", enabled=False)

    assert [job.job_id for job in scheduler.list_jobs()] == ["one", "two"]
    assert [job.name for job in scheduler.list_jobs(owner="anna")] == ["One"]
    assert [job.name for job in scheduler.list_jobs(task_type="mirror")] == ["Two"]
    assert [job.name for job in scheduler.list_jobs(enabled=False)] == ["Two"]
    assert [job.name for job in scheduler.list_jobs(tags={"a": "b"})] == ["One"]
    assert scheduler.list_jobs(status=JobStatus.FAILED) == []
    assert scheduler.jobs.keys() == {"one", "two"}
    assert scheduler.get_job("tw").name == scheduler.get_job("Two").name == "Two"
    with pytest.raises(NotFoundError):
        scheduler.get_job("three")


def test_an_update_changes_what_it_names_alone(world: World, scheduler: JobScheduler) -> None:
    world.apply(NIGHTLY + "    # a remark\n    owner: anna  # since May\n")

    job = scheduler.update_job("nightly", name="At night", timeout_seconds=90.5, enabled=False)

    assert (job.name, job.timeout_seconds, job.enabled) == ("At night", 90.5, False)
    text = (world.layout.jobs / "a.yaml").read_text(encoding="utf-8")
    assert "    # a remark\n    owner: anna  # since May\n" in text
    job = scheduler.update_job("nightly", cron_expr=None, task_type="mirror")
    assert (job.cron_expression, job.task_type) == (None, "mirror")


def test_a_deleted_job_is_gone(world: World, scheduler: JobScheduler) -> None:
    scheduler.create_job(name="One", command=["/bin/true"])

    assert scheduler.delete_job("one") is True

    assert (world.units(), scheduler.jobs) == ({}, {})


def test_how_an_id_begins_is_not_enough_to_delete_a_job(scheduler: JobScheduler) -> None:
    """A script that deletes a job twice would delete another one."""
    scheduler.create_job(name="backup-2", command=["/bin/true"])
    assert scheduler.get_job("backup").job_id == "backup-2"

    with pytest.raises(NotFoundError):
        scheduler.delete_job("backup")

    assert scheduler.jobs.keys() == {"backup-2"}


def test_to_append_a_dependency_is_to_apply_it(world: World, scheduler: JobScheduler) -> None:
    world.systemd.state.shipped["libvirtd.service"] = "[Service]\n"
    first = scheduler.create_job(name="First", cron_expr="0 2 * * *", command=["/bin/true"])
    second = scheduler.create_job(
        name="Second",
        cron_expr="0 3 * * *",
        command=["/bin/true"],
        keys={"depends_on": [{"unit": "libvirtd.service"}]},
    )

    second.dependencies.append(
        JobDependency(job_id=first.job_id, dependency_type=DependencyType.REQUIRES)
    )

    again = scheduler.get_job("second")
    assert list(again.dependencies) == [JobDependency("first", DependencyType.REQUIRES, 3600)]
    unit = str(world.units()["debvisor-job-second.service"])
    assert "X-Requires=first" in unit
    assert "Requires=libvirtd.service" in unit
    again.dependencies.clear()
    assert "X-Requires=first" not in str(world.units()["debvisor-job-second.service"])


def test_a_dependency_that_cannot_be_leaves_the_list(scheduler: JobScheduler) -> None:
    job = scheduler.create_job(name="One", command=["/bin/true"])
    with pytest.raises(DefinitionError):
        job.dependencies.append(JobDependency("nothing"))
    assert len(job.dependencies) == 0


def test_conflicts_and_waits_are_written(world: World, scheduler: JobScheduler) -> None:
    scheduler.create_job(name="One", command=["/bin/true"])
    scheduler.create_job(
        name="Two",
        command=["/bin/true"],
        dependencies=[
            JobDependency("one", DependencyType.CONFLICTS),
            JobDependency("one", DependencyType.AFTER, timeout_seconds=60),
        ],
    )
    text = (world.layout.jobs / "two.yaml").read_text(encoding="utf-8")
    assert "{job: one, type: after, wait: 60}" in text
    assert "conflicts_with" in text


def test_a_batch_is_one_apply(world: World, scheduler: JobScheduler) -> None:
    with scheduler.batch():
        jobs = [
            scheduler.create_job(name=f"Job {n}", cron_expr="0 2 * * *", command=["/bin/true"])
            for n in range(20)
        ]
        jobs[1].dependencies.append(JobDependency(jobs[0].job_id))
        assert world.units() == {}

    assert world.systemd.steps.done.count("manager.reload") == 1
    assert scheduler.get_job("job-1").dependencies[0].job_id == "job-0"
    assert len(scheduler.jobs) == 20


def test_a_batch_means_the_jobs_that_it_makes(scheduler: JobScheduler) -> None:
    scheduler.create_job(name="Export old", script="true")

    with scheduler.batch():
        scheduler.create_job(name="Export", script="true")
        job = scheduler.update_job("export", owner="anna")
        assert (job.name, job.owner, job.state) == ("Export", "anna", "not applied")
        assert scheduler.get_job("export").owner == "anna"
        scheduler.update_job("export", command=["/bin/true"])

    assert scheduler.get_job("export").owner == "anna"
    assert scheduler.get_job("export-old").owner == ""


def test_a_batch_keeps_what_jobs_depend_on(world: World, scheduler: JobScheduler) -> None:
    world.systemd.state.shipped["libvirtd.service"] = "[Service]\n"
    for name in ("One", "Two", "Three"):
        scheduler.create_job(name=name, script="true")
    scheduler.create_job(
        name="Last",
        script="true",
        dependencies=[JobDependency("three", DependencyType.CONFLICTS)],
        keys={"depends_on": [{"unit": "libvirtd.service"}, {"job": "one", "max_age": "1d"}]},
    )

    with scheduler.batch():
        job = scheduler.update_job("last", owner="anna")
        assert (job.name, len(job.dependencies)) == ("Last", 2)
        job.dependencies.append(JobDependency("two"))
        del job.dependencies[1]  # the conflict

    text = (world.layout.jobs / "last.yaml").read_text(encoding="utf-8")
    assert "libvirtd.service" in text
    assert "max_age" in text
    again = scheduler.get_job("last")
    assert [each.job_id for each in again.dependencies] == ["one", "two"]


def test_a_task_that_outlives_its_batch_is_on_its_own(scheduler: JobScheduler) -> None:
    async def later(begun: asyncio.Event) -> None:
        await begun.wait()
        scheduler.create_job(name="Late", script="true")

    async def both() -> None:
        over = asyncio.Event()
        with scheduler.batch():
            task = asyncio.create_task(later(over))
            await asyncio.sleep(0)
        over.set()
        await task

    asyncio.run(both())
    assert scheduler.jobs.keys() == {"late"}


def test_a_batch_that_breaks_does_nothing(world: World, scheduler: JobScheduler) -> None:
    def broken() -> None:
        with scheduler.batch():
            scheduler.create_job(name="One", command=["/bin/true"])
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        broken()
    assert scheduler.jobs == {}


def test_history_statistics_and_what_is_forgotten(world: World, scheduler: JobScheduler) -> None:
    scheduler.create_job(name="Nightly", cron_expr="0 2 * * *", command=["/bin/true"])
    world.systemd.advance(timedelta(days=3, hours=1))

    history = scheduler.get_execution_history("nightly", limit=2)

    assert [each.status.value for each in history] == ["completed", "completed"]
    assert [str(each.start_time) for each in history] == [
        "2026-11-26 02:00:00",
        "2026-11-25 02:00:00",
    ]
    assert history[0].duration_seconds >= 0
    numbers = scheduler.get_job_statistics("nightly")
    assert (numbers["total_executions"], numbers["success_rate"]) == (3, 1.0)
    assert scheduler.get_job("nightly").execution_count == 3
    runs = scheduler.execution_history["nightly"]
    scheduler.execution_history["nightly"] = [
        each for each in runs if each.start_time > runs[1].start_time
    ]
    assert [str(each.start_time) for each in scheduler.execution_history["nightly"]] == [
        "2026-11-26 02:00:00"
    ]
    assert list(scheduler.execution_history) == ["nightly"]
    assert scheduler.get_job("nightly").to_dict()["execution_count"] == 1


def test_a_job_without_runs_has_numbers_to_reckon_with(scheduler: JobScheduler) -> None:
    scheduler.create_job(name="One", command=["/bin/true"])
    numbers = scheduler.get_job_statistics("one")
    assert (numbers["success_rate"], numbers["average_duration_seconds"]) == (0.0, 0.0)


def test_the_history_is_a_mapping_of_jobs(world: World, scheduler: JobScheduler) -> None:
    scheduler.create_job(name="Nightly", cron_expr="0 2 * * *", command=["/bin/true"])
    world.systemd.advance(timedelta(days=3, hours=1))
    history = scheduler.execution_history

    assert "nightly" in history
    assert "nothing" not in history
    assert history.get("nothing", []) == []
    with pytest.raises(NotFoundError, match="there is no job 'nothing'"):
        history["nothing"]
    with pytest.raises(UsageError, match="1 is no run"):
        history["nightly"] = [1]  # type: ignore[list-item]
    with pytest.raises(UsageError, match="None is no run"):
        history["nightly"] = None  # type: ignore[assignment]
    assert len(history["nightly"]) == 3
    history["night"] = history["night"][:2]  # as it is read, so it is assigned
    assert len(history["nightly"]) == 2


@pytest.mark.parametrize("limit", [-1, None, "2"])
def test_a_wrong_limit_is_an_error_of_ours(scheduler: JobScheduler, limit: int) -> None:
    scheduler.create_job(name="One", command=["/bin/true"])
    with pytest.raises(UsageError, match="limit is"):
        scheduler.get_execution_history("one", limit=limit)


def test_a_wrong_question_is_an_error_of_ours(scheduler: JobScheduler) -> None:
    with pytest.raises(UsageError, match="there is no status 'bogus'"):
        scheduler.list_jobs(status="bogus")
    assert scheduler.list_jobs(status="COMPLETED") == []
    with pytest.raises(UsageError, match="tags are"):
        scheduler.list_jobs(tags=["a"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="job_id is None"):
        scheduler.get_job(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0, -1, None, "20"])
def test_at_least_one_execution_is_awaited(world: World, number: int) -> None:
    with pytest.raises(UsageError, match="max_workers is"):
        JobScheduler(world.host, max_workers=number)


def test_each_event_loop_keeps_its_workers(scheduler: JobScheduler) -> None:
    async def own() -> asyncio.Semaphore:
        return scheduler.workers

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        found = [loop.run_until_complete(own()) for loop in (first, second, first)]
    finally:
        first.close()
        second.close()
    assert found[0] is found[2]
    assert found[0] is not found[1]


def test_a_handler_that_is_none_is_refused(world: World, local: JobScheduler) -> None:
    scheduler = local
    with pytest.raises(UsageError, match="is no function"):
        scheduler.register_task_handler("backup", None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is not a name of a task type"):
        scheduler.register_task_handler("../backup", json.dumps)
    scheduler.register_task_handler("sleep", time.sleep)
    assert scheduler.task_types()["sleep"].handler == "time:sleep"
    scheduler.register_task_handler("backup", world.systemd.advance)
    assert "backup" not in scheduler.task_types()


def test_a_run_is_executed_and_told(scheduler: JobScheduler) -> None:
    scheduler.create_job(name="One", command=["/bin/true"])

    result = scheduler.execute("one")

    assert (result.status, result.exit_code) == (JobStatus.COMPLETED, 0)
    assert result.to_dict()["status"] == "completed"
    assert (result.stdout, result.stderr) == ("", "")


def test_a_handler_of_the_program_itself_is_warned_of(
    local: JobScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    local.register_task_handler("backup", lambda _config: True)

    record, instead = caplog.records
    assert record.name == "DebVisor.Scheduler"
    assert "a job cannot import it" in record.getMessage()
    assert "do what the type of that name does" in instead.getMessage()
    assert local.task_types() == {}
