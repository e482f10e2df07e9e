# SPDX-License-Identifier: Apache-2.0
"""The task archive: backups that no rule keeps are removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from debvisor_timers.tasks import backup_folders
from debvisor_timers.tasks.backups import DIRECTORY, Manifest, backups_of, is_like, machines_in
from debvisor_timers.tasks.base import WRONG, TaskFailed, run_time
from debvisor_timers.tasks.machines import texts
from debvisor_timers.tasks.outcomes import for_each
from debvisor_timers.tasks.retention import Kept, Rules, kept


class Folder:
    """The backups of a machine, as `for_each` wants them."""

    def __init__(self, path: Path) -> None:
        """Take the folder of a machine."""
        self.path = path

    def name(self) -> str:
        """Return the name of the machine."""
        return self.path.name


def archive(config: Mapping[str, Any]) -> dict[str, Any]:
    """Remove of each machine the backups that no rule keeps, the oldest last of each chain."""
    rules = Rules.of(config)
    if not rules:
        raise TaskFailed("no rule is given", fix="retention_days: 30", exit_status=WRONG)
    directory = Path(str(config.get("directory") or DIRECTORY))
    machines = texts(config.get("vm_id"))
    folders = [Folder(path) for path in machines_in(directory) if _is_meant(path, machines)]
    if not folders:
        print(f"there are no backups in {directory}", flush=True)
    is_dry = bool(config.get("dry_run"))
    return for_each(folders, lambda folder: _prune(folder.path, rules, is_dry=is_dry))


def _is_meant(folder: Path, machines: Sequence[str]) -> bool:
    found = backups_of(folder).manifests  # else it is a folder of something else
    return any(not machines or is_like(one, machines) for one in found)


def _prune(folder: Path, rules: Rules, *, is_dry: bool) -> dict[str, Any]:
    with backup_folders.held(folder, shared=is_dry):
        found = backups_of(folder)
        if found.problems:  # nobody knows what such a one needs
            raise TaskFailed(
                f"none is removed: {'; '.join(found.problems)}",
                fix=f"mend it, or move it out of {folder}",
                exit_status=WRONG,
            )
        if not is_dry:
            backup_folders.finish_removals(folder)
        reasons = _reasons(found.manifests, rules)
        removed = [one for one in reversed(found.manifests) if one.id not in reasons]
        for one in removed:
            if not is_dry:
                backup_folders.remove(one.folder)
            print(f"{folder.name}: {_words(is_dry=is_dry)} {one.id} ({one.mode})", flush=True)
    for identifier, reason in reasons.items():
        print(f"{folder.name}: keeps {identifier}: {reason}", flush=True)
    return {
        "outcome": "done",
        "would_remove" if is_dry else "removed": [one.id for one in removed],
        "kept": reasons,
        "bytes": sum(one.size for one in removed),
    }


def _reasons(manifests: Sequence[Manifest], rules: Rules) -> dict[str, str]:
    """Return what is kept of the machines that have had this name, each by itself."""
    reasons: dict[str, str] = {}
    for uuid in dict.fromkeys(one.uuid for one in manifests):
        backups = [
            Kept(id=one.id, time=one.time.astimezone(), parent=one.parent)
            for one in manifests
            if one.uuid == uuid
        ]
        reasons |= kept(backups, rules, now=_now())
    return reasons


def _now() -> datetime:
    return run_time().astimezone()


def _words(*, is_dry: bool) -> str:
    return "would remove" if is_dry else "removed"
