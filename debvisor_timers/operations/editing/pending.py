# SPDX-License-Identifier: Apache-2.0
"""What is edited by others and not applied: it is named, and left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.jobs.edit import jobs_in
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.task_files import TASKS_FOLDER
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.source import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Edits that the next `apply` will look at.

    jobs: whose definition is not the one that was applied. settings: the files of config.yaml and
    tasks.d that are not either. errors: what is wrong in the files of all these.
    """

    jobs: tuple[str, ...] = ()
    settings: tuple[Path, ...] = ()
    errors: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        """Return True when there is something."""
        return bool(self.jobs or self.settings or self.errors)


def pending_edits(
    files: JobTree, applied: JobTree, config: Path, generation: Path | None
) -> Pending:
    """Return what differs between the job files and those applied, comments aside."""
    names = sorted(
        name
        for name in files.files.keys() | applied.files.keys()
        if files.files.get(name) != applied.files.get(name)
    )
    # What an edit writes has no error any more, or is refused.
    paths = [files.home / name for name in names if name in files.files.keys() - files.changed]
    settings = tuple(_settings(config, generation)) if generation else ()
    found = load_files(paths, config=config).problems if paths or settings else ()
    here, there = _values(files, names), _values(applied, names)
    jobs = {
        job_id for job_id in here.keys() | there.keys() if here.get(job_id) != there.get(job_id)
    }
    return Pending(
        jobs=tuple(sorted(jobs)),
        settings=settings,
        errors=tuple(problem for problem in found if problem.is_error),
    )


def _values(tree: JobTree, names: list[str]) -> dict[str, object]:
    return {job_id: value for name in names for job_id, value in _jobs(tree, name)}


def _jobs(tree: JobTree, name: str) -> Iterator[tuple[str, object]]:
    if name not in tree.files:
        return
    try:
        yield from jobs_in(tree.document(name)).items()
    except DefinitionError:
        return


def _settings(config: Path, generation: Path) -> Iterator[Path]:
    """Yield the files of settings that are not what was applied."""
    for name in (CONFIG_NAME, *_task_files(config, generation)):
        if _content(config / name) != _content(generation / name):
            yield config / name


def _task_files(*folders: Path) -> list[str]:
    files = (path for folder in folders for path in (folder / TASKS_FOLDER).glob("*.yaml"))
    return sorted({f"{TASKS_FOLDER}/{path.name}" for path in files})


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
