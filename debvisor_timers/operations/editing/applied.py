# SPDX-License-Identifier: Apache-2.0
"""What was applied last, with some jobs alone as they are edited: what is applied of an edit."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.jobs.edit import copy_job, edit_jobs, jobs_in, parse_jobs
from debvisor_timers.jobs.task_files import TASKS_FOLDER
from debvisor_timers.layout import Layout
from debvisor_timers.operations.editing.stage import Stage, StagedFile
from debvisor_timers.operations.editing.tree import JobTree

_PREFIX = ".edit-"
JOBS_FOLDER = "jobs.d"
_OF_JOBS = {"generation.json", "units.json.gz", JOBS_FOLDER}
"""What a generation holds besides the settings that its jobs share."""
_SETTINGS = (CONFIG_NAME, TASKS_FOLDER)


def put_into(applied: JobTree, stage: Stage, files: JobTree) -> None:
    """Let `applied` have the jobs of `stage` as they are edited in `files`, and no other change."""
    for job_id in sorted(stage.jobs):
        _remove_elsewhere(applied, job_id, stage)
    for file in stage.files:
        if applied.files.get(file.name) == file.before and not file.has_others:
            applied.put(file.name, file.after)
        else:
            _put_jobs(applied, file, files.path(file.name))


def _remove_elsewhere(applied: JobTree, job_id: str, stage: Stage) -> None:
    """Remove a job from the file where it was applied, unless that is the one that is edited."""
    here = next((file.name for file in stage.files if job_id in file.jobs), None)
    name = applied.find(job_id)
    if name is None or name == here:
        return
    text = edit_jobs(applied.document(name), {job_id: None})
    is_left = bool(jobs_in(parse_jobs(Path(name), text)))
    applied.put(name, text.encode() if is_left else None)


def _put_jobs(applied: JobTree, file: StagedFile, path: Path) -> None:
    """Take over some jobs of a file of which other edits are pending."""
    edited = parse_jobs(path, file.after or b"jobs: {}\n")
    for job_id in sorted(file.jobs):
        now = applied.files.get(file.name, b"jobs: {}\n")
        document = parse_jobs(path, now)
        if job_id in jobs_in(edited):
            text = copy_job(document, edited, job_id)
        elif job_id in jobs_in(document):
            text = edit_jobs(document, {job_id: None})
        else:
            continue
        is_left = bool(jobs_in(parse_jobs(path, text)))
        applied.put(file.name, text.encode() if is_left else None)


@contextmanager
def laid_out(layout: Layout, applied: JobTree, generation: Path | None) -> Iterator[Path]:
    """Give the block a folder like the configuration with the files of `applied`.

    What is not a job is that of the generation; where there is none yet, that of the
    administrator. The folder is root's alone, and goes with the block.
    """
    folder = _make_folder(layout)
    try:
        _fill(folder, applied, generation, layout.config)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, applied: JobTree, generation: Path | None, config: Path) -> None:
    try:
        if generation is not None:
            _copy({path.name for path in generation.iterdir()} - _OF_JOBS, generation, folder)
        else:
            _copy(_SETTINGS, config, folder)
        (folder / JOBS_FOLDER).mkdir()
        for name, data in applied.files.items():
            if name in applied.changed:
                (folder / JOBS_FOLDER / name).write_bytes(data)
            else:
                _link(applied.home / name, folder / JOBS_FOLDER / name)
    except OSError as error:
        # shutil tells of several files at once, without a word for all.
        reason = error.strerror or (error.args[0][0][2] if isinstance(error, shutil.Error) else "")
        raise SystemdError(f"nothing was changed: cannot write {folder}: {reason}") from error


def _link(applied: Path, path: Path) -> None:
    """Let a file be there once more: no file of a generation is ever written to again."""
    try:
        path.hardlink_to(applied)
    except OSError:
        shutil.copyfile(applied, path)


def _copy(names: Iterable[str], source: Path, folder: Path) -> None:
    for path in (source / name for name in names):
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        elif path.exists():
            shutil.copyfile(path, folder / path.name)


def _make_folder(layout: Layout) -> Path:
    try:
        layout.state.mkdir(parents=True, exist_ok=True)
        for left in layout.state.glob(f"{_PREFIX}*"):
            process = left.name.removeprefix(_PREFIX).split("-")[0]
            if not Path("/proc", process).exists():
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=layout.state))
    except OSError as error:
        raise SystemdError(
            f"nothing was changed: cannot write to {layout.state}: {error.strerror}"
        ) from error
