# SPDX-License-Identifier: Apache-2.0
"""The policy for callers that are not root, and what of a job is against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from pydantic import ValidationError

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.jobs.config import CONFIG_NAME, load_config
from debvisor_timers.jobs.defaults import merge_defaults
from debvisor_timers.jobs.document import Value
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.policy import DEPENDS_ON_UNIT, OPEN_KEYS, RULED_KEYS, AccessPolicy
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.access.changed import changed_jobs
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem

_COMPARED = frozenset({"task", "depends_on"})
_SECTIONS = ("Unit", "Service", "Timer", "Path")


def policy_in_force(host: Host) -> AccessPolicy:
    """Return the policy of config.yaml; while that file has an error, the one that was applied."""
    loaded = load_config(host.layout.config / CONFIG_NAME, home=host.layout.config)
    if any(problem.is_error for problem in loaded.problems):
        return applied_config(host).policy
    return loaded.config.policy


def check_plan(host: Host, policy: AccessPolicy, plan: Plan) -> None:
    """Raise PermissionRefusedError where the plan makes or changes a job against the policy."""
    defaults = load_config(plan.config / CONFIG_NAME, home=host.layout.config).defaults
    definitions = plan.definitions
    found = [
        f"{edit.path}: only root may change settings"
        for edit in plan.edits
        if host.layout.jobs not in edit.path.parents
    ]
    found += [
        f"{job_id}: {words}"
        for job_id in changed_jobs(host, plan)
        for words in _against_in(policy, definitions, defaults, job_id)
    ]
    most = policy.max_jobs
    if most is not None and plan.created and len(definitions.jobs) > most:
        found.append(f"there would be {len(definitions.jobs)} jobs, and max_jobs is {most}")
    if found:
        raise PermissionRefusedError(
            "the policy of this host does not allow it: " + "; ".join(found),
            fix="let root make the change, or widen `policy` in config.yaml",
        )


def policy_problems(host: Host, definitions: Definitions, job: Job) -> Iterator[Problem]:
    """Yield an error for each value of a job that nobody but root may give it."""
    policy = policy_in_force(host)
    defaults = load_config(host.layout.config / CONFIG_NAME, home=host.layout.config).defaults
    for words in _against(policy, definitions, defaults, job):
        key, _, message = words.partition(": ")
        path = tuple(key.split(".")) if key != DEPENDS_ON_UNIT else ("depends_on",)
        complaint = Complaint(
            path=path,
            message=f"the policy of this host does not allow it: {message}",
            fix="let root make the change, or widen `policy` in config.yaml",
        )
        yield problem_at(job, complaint)


def _against_in(
    policy: AccessPolicy, definitions: Definitions, defaults: Mapping[str, Value], job_id: str
) -> Iterator[str]:
    job = definitions.jobs.get(job_id)
    if job is None:
        yield "nobody knows what it does: its definition, of an older version, cannot be read"
        return
    yield from _against(policy, definitions, defaults, job)


def _against(
    policy: AccessPolicy, definitions: Definitions, defaults: Mapping[str, Value], job: Job
) -> Iterator[str]:
    plain = _baseline(job, definitions, defaults)
    if job.task is None:
        if not policy.raw_commands:
            what = "command" if job.command else "script"
            yield f"{what}: only tasks are allowed"
        elif job.user not in policy.users:
            yield f"user: a command may not run as {job.user}"
    elif not _fits(_type_name(job, definitions), policy.task_types):
        yield f"task: the type {job.task.type} is not allowed"
    yield from _other_users(policy, job, plain)
    yield from _closed_parameters(policy, job, definitions)
    if job.pool is not None and not _fits(job.pool.name, policy.pools):
        yield f"pool: {job.pool.name} is not allowed"
    yield from _closed(policy, job, plain)


def _baseline(job: Job, definitions: Definitions, defaults: Mapping[str, Value]) -> Job:
    """Return a job that has the same task and sets nothing else: what its type declares."""
    if job.task is None:
        keys: dict[str, Value] = {"command": ["/bin/true"]}
    else:
        keys = {"task": {"type": job.task.type, "config": {}}}
        keys = merge_defaults(keys, definitions.task_types.defaults(job.task.type))
    keys = merge_defaults(keys, defaults)
    # What is not compared may only make sense with other keys.
    keys = {name: value for name, value in keys.items() if name not in OPEN_KEYS - _COMPARED}
    try:
        return Job.model_validate({**keys, "id": job.id, "source": job.source})
    except ValidationError:
        # Then nothing is declared, not even a user.
        return Job.model_construct(None, id=job.id, source=job.source, user="")


def _type_name(job: Job, definitions: Definitions) -> str:
    """Return the name of the type of a task, also where the job names it by an alias."""
    assert job.task is not None  # noqa: S101 - who calls it has looked
    return definitions.task_types.own_name(job.task.type)


def _other_users(policy: AccessPolicy, job: Job, plain: Job) -> Iterator[str]:
    for name in ("user", "group"):
        value = getattr(job, name)
        if value != getattr(plain, name) and value not in policy.users:
            yield f"{name}: {value} is not allowed"


def _closed_parameters(policy: AccessPolicy, job: Job, definitions: Definitions) -> Iterator[str]:
    """Yield what the job gives its task that its type leaves to root."""
    task_type = definitions.task_types.get(job.task.type) if job.task else None
    if job.task is None or task_type is None:
        return
    name = _type_name(job, definitions)
    for parameter in task_type.closed_in(job.task.config):
        if f"task.{name}.{parameter}" not in policy.directives:
            yield f"task.config.{parameter}: only root may set it"


def _closed(policy: AccessPolicy, job: Job, plain: Job) -> Iterator[str]:
    """Yield what the job sets of that which reaches the host."""
    for name in sorted(Job.model_fields.keys() - OPEN_KEYS - RULED_KEYS):
        if name not in policy.directives and getattr(job, name) != getattr(plain, name):
            yield f"{name}: only root may set it"
    if job.task is not None and job.shell != plain.shell:
        yield "shell: only root may set it"
    for section in _SECTIONS:
        ours, theirs = getattr(job.unit, section), getattr(plain.unit, section)
        for directive, value in ours.items():
            name = f"{section}.{directive}"
            if theirs.get(directive) != value and name not in policy.directives:
                yield f"unit.{name}: only root may set it"
    declared = {each.unit for each in plain.depends_on}
    for each in job.depends_on:
        if each.unit and each.unit not in declared and DEPENDS_ON_UNIT not in policy.directives:
            yield f"depends_on: only root may let a job start {each.unit}"


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
