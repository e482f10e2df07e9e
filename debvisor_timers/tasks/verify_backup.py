# SPDX-License-Identifier: Apache-2.0
"""The task verify_backup: whether backups are whole, and on request whether they start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debvisor_timers.tasks import backup_folders
from debvisor_timers.tasks.backups import (
    DIRECTORY,
    LATEST,
    File,
    Manifest,
    backups_of,
    chain,
    chosen,
    read_manifests,
)
from debvisor_timers.tasks.base import FAILED, WRONG, TaskFailed, run_id, try_tool
from debvisor_timers.tasks.machines import URI, connected, texts
from debvisor_timers.tasks.outcomes import for_each
from debvisor_timers.tasks.progress import report_progress
from debvisor_timers.tasks.scratch import Trial, try_out

_QEMU = "qemu-utils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup to be checked, as `for_each` wants it."""

    manifest: Manifest
    trial: Trial | None

    def name(self) -> str:
        """Return the name of its machine."""
        return self.manifest.machine


def verify_backup(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check the backups that are meant; with `restore` start a scratch machine from each."""
    directory = Path(str(config.get("directory") or DIRECTORY))
    found = read_manifests(directory)
    for problem in found.problems:
        print(problem, flush=True)
    backup = str(config.get("backup_id", LATEST))
    manifests = chosen(directory, found.manifests, backup, texts(config.get("vm_id")))
    trial = None
    if config.get("restore"):
        seconds = float(config.get("run_seconds", 10))
        trial = Trial(uri=str(config.get("uri") or URI), seconds=seconds, run=run_id())
        with connected(trial.uri):
            pass  # before hours of checks
    with backup_folders.stopping_by_signal():
        return for_each([Backup(manifest=one, trial=trial) for one in manifests], _verify)


def _verify(backup: Backup) -> dict[str, Any]:
    manifest = backup.manifest
    folder = manifest.folder.parent
    outcome: dict[str, Any] = {"backup": manifest.id, "mode": manifest.mode}
    with backup_folders.held(folder, shared=True):
        try:
            links = chain(manifest, backups_of(folder).manifests)
        except ValueError as error:
            raise _damaged(manifest, str(error), outcome) from error
        total = sum(one.size for one in links) or 1
        done = 0
        for above, one in zip([None, *links], links, strict=False):
            for file in one.files:
                _check(one, file, above, outcome)
                done += file.size
                report_progress(done / total, f"{one.machine}: {one.id}/{file.name}")
        outcome |= {"chain": [one.id for one in links], "bytes": total}
        print(f"{manifest.machine}: {manifest.id} is whole: {len(links)} backups", flush=True)
        if backup.trial:
            outcome |= {"restored": try_out(manifest, backup.trial)}
            words = f"a scratch machine from it ran for {backup.trial.seconds:g} s"
            print(f"{manifest.machine}: {manifest.id}: {words}", flush=True)
    return {"outcome": "done", **outcome}


def _check(one: Manifest, file: File, above: Manifest | None, outcome: Mapping[str, Any]) -> None:
    path = one.folder / file.name
    try:
        size = path.stat().st_size
        digest = backup_folders.digest_of(path) if size == file.size else ""
    except OSError as error:
        raise _damaged(one, f"{file.name}: {error.strerror}", outcome) from error
    if size != file.size:
        raise _damaged(one, f"{file.name} has {size} bytes, not {file.size}", outcome)
    if digest != file.sha256:
        raise _damaged(one, f"{file.name} was changed: its SHA-256 is another", outcome)
    if file.target:
        _check_image(one, file, above, outcome)


def _check_image(
    one: Manifest, file: File, parent: Manifest | None, outcome: Mapping[str, Any]
) -> None:
    path = str(one.folder / file.name)
    info = json.loads(_tool(["qemu-img", "info", "--output=json", "-f", "qcow2", path]))
    if info["virtual-size"] != file.capacity:
        capacity = f"{info['virtual-size']} bytes, not {file.capacity}"
        raise _damaged(one, f"the disk of {file.name} has {capacity}", outcome)
    below = f"../{parent.id}/{file.name}" if parent else None
    if info.get("backing-filename") != below:
        named = info.get("backing-filename") or "nothing"
        raise _damaged(one, f"{file.name} is on {named}, not {below or 'nothing'}", outcome)
    done = try_tool(["qemu-img", "check", "-f", "qcow2", path], package=_QEMU)
    if done.returncode not in {0, 3}:  # 3: clusters that are leaked, which harms nothing
        said = " ".join((done.stderr or done.stdout).split())
        raise _damaged(one, f"qemu-img check of {file.name}: {said}", outcome)


def _tool(command: Sequence[str]) -> str:
    done = try_tool(command, package=_QEMU)
    if done.returncode != 0:
        raise TaskFailed(" ".join(done.stderr.split()), exit_status=FAILED)
    return done.stdout


def _damaged(manifest: Manifest, what: str, outcome: Mapping[str, Any]) -> TaskFailed:
    return TaskFailed(
        f"the backup {manifest.id} is damaged: {what}",
        fix="make a full backup now, by a job with mode: full; look at the disk that it is on",
        exit_status=WRONG,
        result=outcome,
    )
