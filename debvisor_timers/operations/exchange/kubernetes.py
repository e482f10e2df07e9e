# SPDX-License-Identifier: Apache-2.0
"""export kubernetes: which jobs can be CronJobs, and those as manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.macros import MACROS
from debvisor_timers.errors import UsageError
from debvisor_timers.jobs.catch_up import ONCE
from debvisor_timers.jobs.emit import mapping_lines
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.locks import DEFAULT_POOL, NO_POOL, Overlap, Pool
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.resources import Resources
from debvisor_timers.jobs.retries import RetryOn
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.unknown import unknown_job

_LONGEST_NAME = 52
"""Of a CronJob: Kubernetes adds eleven characters for its jobs."""

_SOON = timedelta(seconds=60)
"""How late a run may begin whose missed times are skipped."""

_SHELLS = frozenset({"sh", "dash", "bash", "ash", "ksh", "zsh", "python3"})
"""Programs that take a script after -c."""

_CARRIED = frozenset(
    {
        *("name", "description", "was", "schedule", "command", "script", "shell", "owner", "tags"),
        *("user", "group", "timeout", "total_timeout", "stop_timeout", "retries", "environment"),
        *("working_directory", "resources", "overlap", "enabled", "id", "source"),
    }
)
_NO_POOL = Pool(name=NO_POOL)
_REASONS = {
    "task": "its handler is Python code of this host: write it as a command",
    "triggers": "a CronJob is started by the clock alone",
    "input": "a container has no input of its own",
    "depends_on": "a CronJob waits for no other one",
    "conflicts_with": "a CronJob keeps out of no other one's way",
    "pool": "there are no pools of CronJobs",
    "where": "the cluster chooses the node",
    "priority": "it needs a PriorityClass of the cluster",
    "environment_files": "the files are on this host",
    "credentials": "they are on this host: use a Secret of the cluster",
    "encrypted_credentials": "only this host can read them: use a Secret of the cluster",
    "sandbox": "it is told by a securityContext: write that by hand",
    "notify": "nothing tells the channels of this host",
    "unit": "its directives are systemd's",
}
_BYTES = re.compile(r"([0-9]+)([KMGT]?)")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOLLAR = re.compile(r"\$(?=[$(])")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesExport:
    """manifests: by job. refused: why the others cannot be CronJobs. notes: what differs there."""

    manifests: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, Sequence[str]]
    notes: Sequence[str]

    @property
    def text(self) -> str:
        """Return the manifests as one YAML stream."""
        documents = (mapping_lines(each, column=0, spread=9) for each in self.manifests.values())
        return "".join("\n".join(("---", *lines, "")) for lines in documents)


def export_kubernetes(
    host: Host, jobs: Sequence[str], *, image: str, namespace: str = ""
) -> KubernetesExport:
    """Return `jobs`, or all, as CronJobs that run in `image`.

    Raises NotFoundError for a job that there is not, DefinitionError for files that are wrong,
    UsageError for names that no cluster takes.
    """
    _check_names(image, namespace)
    definitions = load_definitions(host.layout.config).require()
    for job_id in jobs:
        if job_id not in definitions.jobs:
            raise unknown_job(job_id, definitions.jobs)
    chosen = [definitions.jobs[job_id] for job_id in jobs or sorted(definitions.jobs)]
    refused = {job.id: reasons for job in chosen if (reasons := list(_refusals(job, definitions)))}
    zone = host.clock.zone()
    manifests = {
        job.id: _manifest(job, zone=zone, image=image, namespace=namespace)
        for job in chosen
        if job.id not in refused
    }
    exported = [job for job in chosen if job.id in manifests]
    return KubernetesExport(
        manifests=manifests, refused=refused, notes=tuple(_notes(exported, zone))
    )


def _check_names(image: str, namespace: str) -> None:
    if not _IMAGE.fullmatch(image):
        raise UsageError(f"--image {image!r} is no name of an image", fix="write it as debian:13")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise UsageError(
            f"--namespace {namespace!r} is no name of a namespace",
            fix="use at most 63 of a-z, 0-9 and -",
        )


def _notes(jobs: Sequence[Job], zone: str) -> Iterator[str]:
    if jobs:
        yield "the image has to have the programs; DEBVISOR_* variables are not set there"
    if any(job.retries.max for job in jobs):
        yield "Kubernetes chooses the delays between attempts itself: 10s, doubled"
    zones = {job.schedule.timezone or zone for job in jobs if job.schedule}
    if zones - {"UTC", "Etc/UTC"}:
        yield "on days when clocks change, Kubernetes has a rule of its own"


def _refusals(job: Job, definitions: Definitions) -> Iterator[str]:
    """Yield why a job cannot be a CronJob, each reason with its key."""
    for name, field in Job.model_fields.items():
        if name not in _CARRIED and getattr(job, name) not in (
            field.get_default(call_default_factory=True),
            _NO_POOL,
        ):
            yield f"{field.alias or name}: {_REASONS.get(name, 'a CronJob has nothing like it')}"
    for check in _CHECKS:
        yield from check(job)
    if job.pool is None and DEFAULT_POOL in definitions.config.pools:
        yield f"pool: {_REASONS['pool']}, and it is in the one named {DEFAULT_POOL}"
    if any(window.concerns(job.id) for window in definitions.config.maintenance_windows):
        yield "maintenance_windows: a CronJob knows of none"


def _check_name(job: Job) -> Iterator[str]:
    if len(job.id) > _LONGEST_NAME:
        yield f"id: Kubernetes takes at most {_LONGEST_NAME} characters"


def _check_schedule(job: Job) -> Iterator[str]:
    schedule = job.schedule
    if schedule is None:
        yield "schedule: it has none"
        return
    if schedule.jitter:
        yield "schedule.jitter: a CronJob has nothing like it"
    if schedule.exclude:
        yield "schedule.exclude: a CronJob has nothing like it"
    late = schedule.catch_up.within
    if late and late < timedelta(seconds=10):
        yield "schedule.catch_up: Kubernetes looks every ten seconds only"
    expression = schedule.expression
    if expression is None:
        yield "schedule.on_calendar: a CronJob takes cron expressions alone"
        return
    month, week = expression.day_of_month, expression.day_of_week
    if month.from_end or month.nearest or month.last_weekday or week.nth or week.last:
        yield "schedule.cron: Kubernetes knows neither L, W nor #"
    fields = _fields(expression.text)
    if "*" not in {fields[2], fields[4]} and (month.star or week.star):
        yield "schedule.cron: Kubernetes joins a day that begins with * differently"


def _check_times(job: Job) -> Iterator[str]:
    for name, value in (("timeout", job.timeout), ("total_timeout", job.total_timeout)):
        if value is not None and value < timedelta(seconds=1):
            yield f"{name}: Kubernetes knows whole seconds only"
    if job.overlap is Overlap.QUEUE:
        yield "overlap: queue: Kubernetes drops a run that is due meanwhile, or replaces the other"
    if set(job.retries.on) != set(RetryOn):
        yield "retries.on: Kubernetes tries again whatever the failure was"


def _check_program(job: Job) -> Iterator[str]:
    if job.script is not None and PurePosixPath(job.shell).name not in _SHELLS:
        yield f"shell: {job.shell} is not known to take a script as an argument"
    if job.user != "root" and not job.user.isdigit():
        yield "user: a container does not know the users of this host: write a number"
    if job.group and not job.group.isdigit():
        yield "group: a container does not know the groups of this host: write a number"
    if job.working_directory.startswith("~"):
        yield "working_directory: write it as an absolute path"


def _check_resources(job: Job) -> Iterator[str]:
    for name, field in Resources.model_fields.items():
        value = getattr(job.resources, name)
        if value == field.get_default(call_default_factory=True) or name == "cpu_quota":
            continue
        if name != "memory_max" or not _BYTES.fullmatch(str(value)):
            yield f"resources.{name}: a container has nothing like it"


_CHECKS: Sequence[Callable[[Job], Iterator[str]]] = (
    _check_name,
    _check_schedule,
    _check_times,
    _check_program,
    _check_resources,
)


def _manifest(job: Job, *, zone: str, image: str, namespace: str) -> Mapping[str, Any]:
    assert job.schedule is not None  # noqa: S101 (such a job was refused)
    schedule, late = job.schedule, job.schedule.catch_up
    deadline = None if late == ONCE else _seconds(late.within or _SOON)
    attempts = {
        "backoffLimit": job.retries.max,
        "activeDeadlineSeconds": _seconds(job.total_timeout),
        "podFailurePolicy": _failure_policy(job),
        "template": {"spec": _pod(job, image)},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _given(
            {"name": job.id, "namespace": namespace, "annotations": _annotations(job)}
        ),
        "spec": _given(
            {
                "schedule": _cron(schedule.cron or ""),
                "timeZone": schedule.timezone or zone,
                "suspend": not job.enabled,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": deadline,
                "jobTemplate": {"spec": _given(attempts)},
            }
        ),
    }


def _annotations(job: Job) -> dict[str, str]:
    tags = ",".join(f"{name}={value}" for name, value in job.tags.items())
    said = {"name": job.name, "description": job.description, "owner": job.owner, "tags": tags}
    return {f"debvisor-timers/{name}": value for name, value in said.items() if value}


def _pod(job: Job, image: str) -> dict[str, Any]:
    command = job.command or (job.shell, "-c", job.script or "")
    container = {
        "name": "job",
        "image": image,
        "command": [_literal(word) for word in command],
        "env": [{"name": name, "value": _literal(v)} for name, v in job.environment.items()],
        "workingDir": job.working_directory,
        "resources": _resources(job),
    }
    security = {"runAsUser": 0 if job.user == "root" else int(job.user)}
    if job.group:
        security["runAsGroup"] = int(job.group)
    return _given(
        {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _seconds(job.timeout),
            "terminationGracePeriodSeconds": _seconds(job.stop_timeout),
            "securityContext": security,
            "containers": [_given(container)],
        }
    )


def _failure_policy(job: Job) -> dict[str, Any]:
    if not job.retries.max or not job.retries.never_on_exit:
        return {}
    codes = {"operator": "In", "values": sorted(set(job.retries.never_on_exit))}
    return {"rules": [{"action": "FailJob", "onExitCodes": codes}]}


def _resources(job: Job) -> dict[str, Any]:
    limits = {}
    if job.resources.memory_max is not None:
        found = _BYTES.fullmatch(str(job.resources.memory_max))
        number, unit = found.groups() if found else ("0", "")
        limits["memory"] = f"{number}{unit}i" if unit else number
    if job.resources.cpu_quota is not None:
        thousandths = round(float(job.resources.cpu_quota.rstrip("%")) * 10)
        limits["cpu"] = f"{thousandths}m"
    return {"limits": limits} if limits else {}


def _cron(text: str) -> str:
    """Return a cron expression as Kubernetes reads it: Sunday is 0 alone there."""
    fields = _fields(text)
    if fields[4][:1] not in {"*", "?"}:
        weekdays = parse_cron(text).day_of_week.weekdays
        fields[4] = ",".join(str(day) for day in sorted(day % 7 for day in weekdays))
    return " ".join(fields)


def _fields(text: str) -> list[str]:
    return MACROS.get(text.strip(), text).split()


def _literal(text: str) -> str:
    """Return text in which Kubernetes, which reads `$(NAME)` and `$$`, puts in no variable."""
    return _DOLLAR.sub("$$", text)


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else max(1, round(span.total_seconds()))


def _given(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that say something."""
    return {name: value for name, value in keys.items() if value not in (None, "", [], {}, ())}
