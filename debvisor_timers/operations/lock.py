# SPDX-License-Identifier: Apache-2.0
"""One change at a time: the lock that every writing operation holds."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from debvisor_timers.errors import LockedError, PermissionRefusedError

_POLL_SECONDS = 0.05


@contextmanager
def exclusive(runtime: Path, *, purpose: str, wait: timedelta) -> Iterator[None]:
    """Hold the lock of the folder `runtime` while the block runs.

    The kernel drops it when the process dies, whatever happens. Raises LockedError, naming the
    holder, when it is not free within `wait`; PermissionRefusedError without root.
    """
    descriptor = _open(runtime / "lock")
    try:
        _acquire(descriptor, wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)  # who can open it, if only to read, can hold it
    except PermissionError as error:
        raise PermissionRefusedError(
            f"only root may change jobs (cannot open {path})",
            fix="run the command with sudo, or as a member of the group debvisor-timers",
        ) from error
    return descriptor


def _acquire(descriptor: int, wait: timedelta) -> None:
    deadline = time.monotonic() + wait.total_seconds()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _locked(descriptor) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _locked(descriptor: int) -> LockedError:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        who = f"process {holder['pid']} ({holder['purpose']})"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return LockedError(
        f"{who} is changing jobs right now", fix="wait for it to end, then try again"
    )
