# SPDX-License-Identifier: Apache-2.0
"""The policy for callers that are not root, and what of a job is against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.access.breach import Breach, fix_of
from debvisor_timers.operations.access.changed import Jobs, touched_jobs
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem

_COMPARED = frozenset({"task", "depends_on"})
_UNREADABLE = "nobody knows what it does: its definition, of an older version, cannot be read"
_SECTIONS = ("Unit", "Service", "Timer", "Path")


def policy_in_force(host: Host) -> AccessPolicy:
    """Return the policy of config.yaml; while that file has an error, the one that was applied."""
    loaded = load_config(host.layout.config / CONFIG_NAME, home=host.layout.config)
    if any(problem.is_error for problem in loaded.problems):
        return applied_config(host).policy
    return loaded.config.policy


def check_plan(host: Host, policy: AccessPolicy, plan: Plan) -> None:
    """Raise PermissionRefusedError where the plan does what nobody but root may do.

    That is to make a job that is outside the policy, and to change or take away one that is.
    """
    touched = touched_jobs(host, plan)
    settings = [
        Breach(place=str(edit.path), words="only root may change settings")
        for edit in plan.edits
        if host.layout.jobs not in edit.path.parents
    ]
    found = [*settings, *_against_all(host, policy, touched.after)]
    known = {(each.job, each.place, each.words) for each in found}
    for jobs in touched.before:
        for each in _against_all(host, policy, jobs):
            if (each.job, each.place, each.words) not in known:
                known.add((each.job, each.place, each.words))
                found.append(replace(each, is_before=True))
    count, most = len(plan.definitions.jobs), policy.max_jobs
    if most is not None and plan.created and count > most:
        words = f"there would be {count} jobs, and max_jobs is {most}"
        found.append(Breach(words=words, mend=f"max_jobs: {count}"))
    if found:
        raise PermissionRefusedError(
            "the policy of this host does not allow it: " + "; ".join(map(str, found)),
            fix=fix_of(found),
        )


def policy_problems(host: Host, definitions: Definitions, job: Job) -> Iterator[Problem]:
    """Yield an error for each value of a job that nobody but root may give it."""
    policy = policy_in_force(host)
    defaults = load_config(host.layout.config / CONFIG_NAME, home=host.layout.config).defaults
    for each in _against(policy, definitions, defaults, job):
        complaint = Complaint(
            path=tuple(each.place.split(".")),
            message=f"the policy of this host does not allow it: {each.words}",
            fix=fix_of([each]),
        )
        yield problem_at(job, complaint)


def _against_all(host: Host, policy: AccessPolicy, jobs: Jobs) -> Iterator[Breach]:
    if not jobs.ids:
        return
    defaults = load_config(jobs.config / CONFIG_NAME, home=host.layout.config).defaults
    for job_id in sorted(jobs.ids):
        job = jobs.definitions.jobs.get(job_id)
        if job is None:
            yield Breach(job=job_id, words=_UNREADABLE)
            continue
        for each in _against(policy, jobs.definitions, defaults, job):
            yield replace(each, job=job_id)


def _against(
    policy: AccessPolicy, definitions: Definitions, defaults: Mapping[str, Value], job: Job
) -> Iterator[Breach]:
    plain = _baseline(job, definitions, defaults)
    if job.task is None:
        yield from _raw(policy, job)
    elif not _fits(_type_name(job, definitions), policy.task_types):
        words = f"the type {job.task.type} is not allowed"
        mend = f"task_types: [{_type_name(job, definitions)}]"
        yield Breach(place="task", words=words, mend=mend)
    yield from _other_users(policy, job, plain)
    yield from _closed_parameters(policy, job, definitions)
    if job.pool is not None and not _fits(job.pool.name, policy.pools):
        name = job.pool.name
        yield Breach(place="pool", words=f"{name} is not allowed", mend=f"pools: [{name}]")
    yield from _closed(policy, job, plain)


def _raw(policy: AccessPolicy, job: Job) -> Iterator[Breach]:
    if not policy.raw_commands:
        mend = "raw_commands: true"
        if job.user not in policy.users:
            mend += f", users: [{job.user}]"
        what = "command" if job.command else "script"
        yield Breach(place=what, words="only tasks are allowed", mend=mend)
    elif job.user not in policy.users:
        words = f"a command may not run as {job.user}"
        yield Breach(place="user", words=words, mend=f"users: [{job.user}]")


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


def _other_users(policy: AccessPolicy, job: Job, plain: Job) -> Iterator[Breach]:
    for name in ("user", "group"):
        value = getattr(job, name)
        if value != getattr(plain, name) and value not in policy.users:
            yield Breach(place=name, words=f"{value} is not allowed", mend=f"users: [{value}]")


def _closed_parameters(
    policy: AccessPolicy, job: Job, definitions: Definitions
) -> Iterator[Breach]:
    """Yield what the job gives its task that its type leaves to root.

    A type that does not say leaves it all to root, where its jobs run as root.
    """
    if job.task is None:
        return
    types, name = definitions.task_types, _type_name(job, definitions)
    task_type = types.get(name) or TaskType.model_construct()
    if types.says_closed(name) or name in policy.task_types or not _is_root(job.user):
        closed, why, mend = task_type.closed_in(job.task.config), "", ""
    else:
        closed = task_type.given_in(job.task.config)
        why, mend = f", for the type {name} has no `closed`", f"task_types: [{name}]"
    for parameter in closed:
        allowed = f"task.{name}.{parameter}"
        if allowed not in policy.directives:
            yield Breach(
                place=f"task.config.{parameter}",
                words=f"only root may set it{why}",
                mend=mend or f"directives: [{allowed}]",
            )


def _is_root(user: str) -> bool:
    return user == "root" or (user.isdecimal() and int(user) == 0)


def _closed(policy: AccessPolicy, job: Job, plain: Job) -> Iterator[Breach]:
    """Yield what the job sets of that which reaches the host."""
    for name in sorted(Job.model_fields.keys() - OPEN_KEYS - RULED_KEYS):
        if name not in policy.directives and getattr(job, name) != getattr(plain, name):
            yield _only_root(name, name)
    if job.task is not None and job.shell != plain.shell:
        yield Breach(place="shell", words="only root may set it")
    for section in _SECTIONS:
        ours, theirs = getattr(job.unit, section), getattr(plain.unit, section)
        for directive, value in ours.items():
            name = f"{section}.{directive}"
            if theirs.get(directive) != value and name not in policy.directives:
                yield _only_root(f"unit.{name}", name)
    declared = {each.unit for each in plain.depends_on}
    for each in job.depends_on:
        if each.unit and each.unit not in declared and DEPENDS_ON_UNIT not in policy.directives:
            words = f"only root may let a job start {each.unit}"
            yield Breach(place="depends_on", words=words, mend=f"directives: [{DEPENDS_ON_UNIT}]")


def _only_root(place: str, directive: str) -> Breach:
    return Breach(place=place, words="only root may set it", mend=f"directives: [{directive}]")


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
