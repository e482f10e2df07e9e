# SPDX-License-Identifier: Apache-2.0
"""Which jobs a plan changes, also where no unit tells of it: as the address of a ping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.document import Value
from debvisor_timers.jobs.edit import jobs_in, parse_jobs
from debvisor_timers.jobs.load import Definitions, load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.applying.plan import Change, Plan
from debvisor_timers.operations.host import Host

_NO_JOBS = b"jobs: {}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Some jobs of definitions.

    ids: of those that are meant; one that cannot be read is in no definition. config: the folder
    with the settings that hold for them.
    """

    ids: frozenset[str]
    definitions: Definitions
    config: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a plan does to jobs.

    after: those that it makes or changes, in their units or in their files alone. before: those
    that it changes or takes away, as they are: as they were applied, and as the files have them
    that are edited with it, for what somebody has written and not applied yet counts as well.
    """

    after: Jobs
    before: tuple[Jobs, ...]


def touched_jobs(host: Host, plan: Plan) -> Touched:
    """Return the jobs that the plan makes, changes or takes away."""
    kept = Generations(host.layout.state / "generations")
    newest = kept.latest()
    folder, jobs = kept.folder / str(newest), host.layout.jobs.name
    names = {path.name for config in (plan.config, folder) for path in _files(config / jobs)}
    edited = {name for name in names if not _same(plan.config / jobs / name, folder / jobs / name)}
    now = plan.definitions.jobs
    wanted = edited | {now[each].source.file.name for each in plan.updated if each in now}
    paths = [path for path in _files(folder / jobs) if path.name in wanted]
    applied = load_files(paths, config=folder if newest else plan.config)
    there = applied.jobs
    after = {job.job_id for job in plan.jobs if job.change is not Change.REMOVE}
    after |= {
        job.id
        for job in now.values()
        if job.source.file.name in edited and not _is_as_it_was(job, there.get(job.id))
    }
    before = (after & there.keys()) | {*plan.updated, *plan.removed} | (there.keys() - now.keys())
    return Touched(
        after=Jobs(ids=frozenset(after), definitions=plan.definitions, config=plan.config),
        before=(
            Jobs(ids=frozenset(before), definitions=applied, config=folder),
            _as_files_have_them(plan),
        ),
    )


def _as_files_have_them(plan: Plan) -> Jobs:
    """Return the jobs of the files that are edited, as they are; meant are those that differ."""
    edits = [edit for edit in plan.edits if edit.path.suffix == ".yaml" and edit.before is not None]
    ids: set[str] = set()
    with TemporaryDirectory(prefix="debvisor-before-") as folder:
        paths = [Path(folder) / edit.path.name for edit in edits]
        for path, edit in zip(paths, edits, strict=True):
            path.write_bytes(edit.before or b"")
            after = jobs_in(parse_jobs(path, edit.after or _NO_JOBS))
            ids.update(_differing(path, edit.before or _NO_JOBS, after))
        definitions = load_files(paths, config=plan.config)
    return Jobs(ids=frozenset(ids), definitions=definitions, config=plan.config)


def _differing(path: Path, text: bytes, after: Mapping[str, Value]) -> Iterator[str]:
    """Yield the jobs of a text that are others in `after`; all of it where it cannot be read."""
    try:
        before = jobs_in(parse_jobs(path, text))
    except DefinitionError:
        yield from after
        return
    yield from (name for name, keys in before.items() if after.get(name) != keys)


def _files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.yaml")


def _same(one: Path, other: Path) -> bool:
    try:
        # What an edit leaves alone is the very file.
        return one.samefile(other) or one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _is_as_it_was(job: Job, before: Job | None) -> bool:
    if before is None:
        return False
    names = Job.model_fields.keys() - {"source"}
    return all(getattr(job, name) == getattr(before, name) for name in names)
