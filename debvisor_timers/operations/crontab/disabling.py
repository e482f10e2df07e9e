# SPDX-License-Identifier: Apache-2.0
"""import crontab --disable-original: cron stops running what jobs run, once they are applied."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import RefusedError
from debvisor_timers.jobs.crontab.disabled import comment_out, original
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.layout import BOOT_TARGET, TARGET
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.applied import applied_folder
from debvisor_timers.operations.crontab.importing import (
    FileState,
    Imported,
    ImportedFile,
    ImportedJob,
)
from debvisor_timers.operations.crontab.places import CronPlaces, read_text
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.render.names import boot_unit, service_unit, timer_unit
from debvisor_timers.systemd.ports import ActiveState

_WAIT = timedelta(seconds=30)
_STEPS = "debvisor-timers import crontab --write, then debvisor-timers apply, then this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """A file that cron no longer runs, in part or at all.

    lines: how many were commented out; 0 for a script, which lost its right to be executed.
    package: whose conffile it is, empty for none.
    """

    path: Path
    backup: Path
    lines: int
    package: str = ""


def backup_folder(host: Host) -> Path:
    """Return the folder, which cron does not read, with each file as it was before."""
    return host.layout.state / "crontab-backup"


def was_taken(host: Host, path: Path) -> bool:
    """Return True for a script that this has disabled.

    Whatever is in it now: an upgrade of its package brings another text, and keeps the mode (dpkg
    1.22, seen in a box).
    """
    try:
        return _backup(host, path).exists()
    except OSError:
        return False


def check_applied(host: Host, imported: Imported) -> None:
    """Raise RefusedError unless systemd runs every job of an import: else nobody would.

    It has to run them as the crontabs have them now, or as somebody has edited their files.
    """
    folder = applied_folder(host)
    for file in imported.files:
        if file.jobs and not (folder and _is_applied(file, folder)):
            raise RefusedError(
                f"nothing was disabled: {file.target.name} is not applied as {file.source} is now",
                fix=_STEPS,
            )
    jobs = [job for file in imported.files for job in file.jobs]
    missing = sorted({job.job_id for job in jobs} - _at_work(host))
    if missing:
        some = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
        raise RefusedError(
            f"nothing was disabled: not applied, or not enabled: {some}",
            fix=_STEPS,
        )


def _is_applied(file: ImportedFile, folder: Path) -> bool:
    """Return True where the newest generation has the job file, as it is to be now."""
    try:
        now = file.target.read_bytes()
        is_written = file.state is FileState.EDITED or now == file.text.encode()
        return is_written and (folder / "jobs.d" / file.target.name).read_bytes() == now
    except OSError:
        return False


def disable(host: Host, imported: Imported, places: CronPlaces) -> list[Disabled]:
    """Let cron leave to systemd what was imported; each file is changed whole or not at all.

    The job files, and the units of each job, have to be there already: see `check_applied`.
    A file that is done already is passed over, so that a run that was cut off can be repeated.
    """
    with exclusive(host.layout.runtime, purpose="import crontab", wait=_WAIT):
        check_applied(host, imported)
        by_path: dict[Path, list[ImportedJob]] = {}
        for file in imported.files:
            for job in file.jobs:
                by_path.setdefault(job.path, []).append(job)
        found = (_disable_file(host, places, path, jobs) for path, jobs in by_path.items())
        return [done for done in found if done is not None]


def _disable_file(
    host: Host, places: CronPlaces, path: Path, jobs: Sequence[ImportedJob]
) -> Disabled | None:
    real = places.at(path).resolve()
    if all(job.line == 0 for job in jobs):
        return _disable_script(host, places, path, real)
    text = read_text(real)
    _check_lines(path, text, jobs)
    after = comment_out(text, {job.line: job.job_id for job in jobs})
    if after == text:
        return None
    backup = _keep(host, path, real)
    _replace(real, after.encode("utf-8", "surrogateescape"))
    lines = sum(a != b for a, b in zip(text.split("\n"), after.split("\n"), strict=True))
    return Disabled(path=path, backup=backup, lines=lines, package=places.package_of(path))


def _check_lines(path: Path, text: str, jobs: Sequence[ImportedJob]) -> None:
    """Raise RefusedError where a line is another one than that which was imported."""
    lines = text.split("\n")
    for job in jobs:
        if lines[job.line - 1 : job.line] and original(lines[job.line - 1]) == job.text:
            continue
        raise RefusedError(
            f"{path} was not disabled: its line {job.line} has changed since it was imported",
            fix=_STEPS,
        )


def _disable_script(host: Host, places: CronPlaces, path: Path, real: Path) -> Disabled | None:
    mode = stat.S_IMODE(real.stat().st_mode)
    if not mode & 0o111:
        return None
    backup = _keep(host, path, real)
    try:
        real.chmod(mode & ~0o111)
        sync_folder(real.parent)
    except OSError as error:
        raise durable.cannot("change", real, error) from error
    return Disabled(path=path, backup=backup, lines=0, package=places.package_of(path))


def _keep(host: Host, path: Path, real: Path) -> Path:
    """Keep a file as it is, with its mode; an older backup with something else is numbered."""
    backup = _backup(host, path)
    data = real.read_bytes()
    if backup.exists() and backup.read_bytes() != data:
        number = 1
        while (older := backup.with_name(f"{backup.name}.{number}")).exists():
            number += 1
        durable.write_bytes(older, backup.read_bytes(), mode=stat.S_IMODE(backup.stat().st_mode))
    durable.write_bytes(backup, data, mode=stat.S_IMODE(real.stat().st_mode))
    return backup


def _backup(host: Host, path: Path) -> Path:
    return backup_folder(host) / path.relative_to("/")


def _replace(path: Path, data: bytes) -> None:
    """Write a crontab anew, with the owner and the mode that cron asks for."""
    try:
        status = path.stat()
        # Hidden names are none of cron's; and nothing that is there is followed.
        mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
        durable.replace_file(path, data, mode=mode, owner=owner)
        sync_folder(path.parent)
    except OSError as error:
        raise durable.cannot("write", path, error) from error


def _at_work(host: Host) -> set[str]:
    """Return the ids of the jobs that were applied and that systemd starts by itself."""
    folder = applied_folder(host)
    if folder is None:
        return set()
    entries = host.units.read()
    on_disk = owned_by_job(entries).keys()
    jobs = load_definitions(folder).jobs
    units = host.manager.units(timer_unit("*"))
    armed = {unit.name for unit in units if unit.active_state is ActiveState.ACTIVE}
    found = set()
    for job in jobs.values():
        is_there = job.id in on_disk and service_unit(job.id) in entries and job.enabled
        timer = timer_unit(job.id)
        has_timer = job.schedule is None or (
            timer in armed and f"{TARGET}.wants/{timer}" in entries
        )
        has_boot = not job.boot_delays or f"{BOOT_TARGET}.wants/{boot_unit(job.id)}" in entries
        if is_there and has_timer and has_boot and not job.is_step:
            found.add(job.id)
    return found
