# SPDX-License-Identifier: Apache-2.0
"""The folder of a machine's backups: held by one, and with whole backups only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from debvisor_timers.disk import sync_folder
from debvisor_timers.tasks.backups import DEFINITION, MANIFEST, PARTIAL, REMOVED, File, Manifest
from debvisor_timers.tasks.base import BUSY, FAILED, WRONG, TaskFailed

_RESERVE = 64 * 1024**2
"""Bytes that stay free: for what images need beside data."""


@contextmanager
def stopping_by_signal() -> Iterator[None]:
    """Let SIGTERM, by which systemd stops and times out a job, raise KeyboardInterrupt."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # cleaning up is not cut short
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the backups of a machine; `shared`: with others who only read.

    The kernel lets go of them whatever becomes of the process. Raises TaskFailed where somebody
    else holds them.
    """
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise TaskFailed(
            f"another backup, check or removal is at work in {folder}",
            fix="wait for its end",
            exit_status=BUSY,
        ) from error
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder for backups, where it is missing.

    QEMU writes into it as another user, who has to reach his file: so others may pass.
    """
    if not folder.is_absolute():
        raise TaskFailed(f"{folder} is not an absolute path", exit_status=WRONG)
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o711, exist_ok=True)
        each.chmod(0o711)
        sync_folder(each.parent)


def leftovers(folder: Path) -> list[Path]:
    """Return what a crash has left in the folder of a machine, whose lock is held."""
    return [each for each in folder.iterdir() if each.name.startswith((PARTIAL, REMOVED))]


@contextmanager
def staged(folder: Path, name: str) -> Iterator[Path]:
    """Make the folder of a backup under another name, and remove it unless it was finished."""
    stage = folder / f"{PARTIAL}{name}"
    stage.mkdir(mode=0o711)
    try:
        yield stage
    finally:
        if stage.exists():
            shutil.rmtree(stage)


def finish(stage: Path, manifest: Manifest) -> Path:
    """Give a backup its name, once all of it is on the disk."""
    path = stage / MANIFEST
    path.write_text(manifest.text(), encoding="utf-8")
    path.chmod(0o600)
    _sync(path)
    sync_folder(stage)
    stage.chmod(0o700)
    final = stage.with_name(manifest.id)
    stage.rename(final)
    sync_folder(final.parent)
    return final


def remove(folder: Path) -> None:
    """Remove a backup; its name goes first, so no half one is ever seen."""
    hidden = folder.with_name(f"{REMOVED}{folder.name}")
    folder.rename(hidden)
    sync_folder(folder.parent)
    shutil.rmtree(hidden)


def finish_removals(folder: Path) -> None:
    """Remove what is left of removals that were cut off, from a folder whose lock is held."""
    for each in leftovers(folder):
        if each.name.startswith(REMOVED):
            shutil.rmtree(each)


def file_of(path: Path, *, target: str = "", capacity: int = 0) -> File:
    """Return what a manifest says of a file, once it is on the disk and root's own."""
    os.chown(path, os.geteuid(), os.getegid())
    path.chmod(0o600)
    _sync(path)
    return File(
        name=path.name,
        size=path.stat().st_size,
        sha256=digest_of(path),
        target=target,
        capacity=capacity,
    )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_definition(stage: Path, text: str) -> File:
    """Keep the definition of a machine; it may have passwords, so it is root's alone."""
    path = stage / DEFINITION
    path.write_text(text, encoding="utf-8")
    return file_of(path)


def check_room(folder: Path, needed: int) -> None:
    """Raise TaskFailed where so many bytes may not fit into a folder."""
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if free < needed + _RESERVE:
        raise TaskFailed(
            f"no room in {folder}: the backup may need {_mib(needed + _RESERVE)} MiB, and "
            f"{_mib(free)} MiB are free",
            fix="make room, as by a job of type archive; or another directory",
            exit_status=FAILED,
        )


def _mib(size: int) -> int:
    return -(-size // 1024**2)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
