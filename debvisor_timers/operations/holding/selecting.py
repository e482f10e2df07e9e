# SPDX-License-Identifier: Apache-2.0
"""Which jobs a command means: by id, by tag, or all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from debvisor_timers.errors import NotFoundError, UsageError
from debvisor_timers.operations.holding.marks import names
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.unknown import unknown_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Jobs by their ids, those that have all of `tags`, or all; one of the three.

    tags: an empty value means any.
    """

    jobs: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    all: bool = False

    def require_one(self) -> None:
        """Raise UsageError where nothing is named, or in two ways."""
        ways = sum(map(bool, (self.jobs, self.tags, self.all)))
        if ways != 1:
            message = "no job is named" if ways == 0 else "jobs are named in more than one way"
            raise UsageError(message, fix="write ids of jobs, or --tag NAME=VALUE, or --all")


def chosen(host: Host, choice: Choice) -> tuple[str, ...]:
    """Return the ids of the jobs that are meant, in order.

    Jobs that are applied count, whatever the YAML says meanwhile, and those with a mark.
    Raises UsageError, NotFoundError for a job that nobody knows or a tag that no job has, and
    DefinitionError for a tag where some file of the YAML is wrong: a job could be overlooked.
    """
    choice.require_one()
    known = set(owned_by_job(host.units.read()))
    known |= {*names(host.layout.paused), *names(host.layout.skip_next)}
    if known.issuperset(choice.jobs) and choice.jobs:
        return tuple(dict.fromkeys(choice.jobs))
    # To read all files takes longer than all the rest.
    from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415

    definitions = load_definitions(host.layout.config)
    if choice.tags:
        jobs = definitions.require().jobs.values()
        found = [job.id for job in jobs if _has(job.tags, choice.tags)]
        if not found:
            named = " and ".join(
                f"{name}={value}" if value else name for name, value in choice.tags.items()
            )
            raise NotFoundError(f"no job has the tag {named}", fix="see `debvisor-timers show JOB`")
        return tuple(sorted(found))
    known |= definitions.jobs.keys()
    if choice.all:
        return tuple(sorted(known))
    for job_id in choice.jobs:
        if job_id not in known:
            raise unknown_job(job_id, known)
    return tuple(dict.fromkeys(choice.jobs))


def _has(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(name in tags and value in {"", tags[name]} for name, value in wanted.items())
