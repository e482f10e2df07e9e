# SPDX-License-Identifier: Apache-2.0
"""Which jobs a plan changes, also where no unit tells of it: as the address of a ping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.applying.plan import Change, Plan
from debvisor_timers.operations.host import Host


def changed_jobs(host: Host, plan: Plan) -> list[str]:
    """Return the jobs that the plan makes or changes, in their units or in their files alone."""
    found = {job.job_id for job in plan.jobs if job.change is not Change.REMOVE}
    kept = Generations(host.layout.state / "generations")
    if newest := kept.latest():
        found.update(_differing(host, plan, kept.folder / str(newest)))
    return sorted(found)


def _differing(host: Host, plan: Plan, generation: Path) -> Iterator[str]:
    """Yield the jobs of files that were edited, whose definition is not the one applied last."""
    folder = host.layout.jobs.name
    names = {path.name for config in (plan.config, generation) for path in _files(config / folder)}
    edited = {name for name in names if not _same(plan.config, generation, Path(folder, name))}
    jobs = [job for job in plan.definitions.jobs.values() if job.source.file.name in edited]
    if not jobs:
        return
    paths = [path for path in _files(generation / folder) if path.name in edited]
    before = load_files(paths, config=generation).jobs if paths else {}
    yield from (job.id for job in jobs if not _is_as_it_was(job, before.get(job.id)))


def _files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.yaml")


def _same(one: Path, other: Path, name: Path) -> bool:
    try:
        # What an edit leaves alone is the very file.
        return (one / name).samefile(other / name) or (
            (one / name).read_bytes() == (other / name).read_bytes()
        )
    except OSError:
        return False


def _is_as_it_was(job: Job, before: Job | None) -> bool:
    if before is None:
        return False
    names = Job.model_fields.keys() - {"source"}
    return all(getattr(job, name) == getattr(before, name) for name in names)
