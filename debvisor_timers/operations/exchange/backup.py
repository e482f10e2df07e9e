# SPDX-License-Identifier: Apache-2.0
"""config backup: what a host has been told, in one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from debvisor_timers import __version__
from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import RefusedError, SystemdError, UsageError
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.exchange.backup_file import FORMAT, Backup, Origin, encode
from debvisor_timers.operations.exchange.carried import read_carried
from debvisor_timers.operations.exchange.index_copy import copy_of
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive

_LOCK_WAIT = timedelta(seconds=30)
_BEGINNING = 200
"""So many bytes of a file tell whether it is a backup of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupResult:
    """What was written: how many files of the host, the size of the file."""

    path: Path
    files: int
    size: int
    has_history: bool


def backup(host: Host, output: Path, *, host_name: str, with_history: bool) -> BackupResult:
    """Write all that this host has been told into the file `output`: root's alone, and durable.

    Nothing is applied meanwhile. Raises RefusedError where something else is there,
    PermissionRefusedError without root, SystemdError where it cannot be written.
    """
    _check_place(output)
    with exclusive(host.layout.runtime, purpose="debvisor-timers config backup", wait=_LOCK_WAIT):
        taken = take(host, host_name=host_name, with_history=with_history)
    data = encode(taken)
    try:
        output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.replace_file(output, data, mode=0o600)
        sync_folder(output.parent)
    except OSError as error:
        raise durable.cannot("write", output, error) from error
    return BackupResult(
        path=output,
        files=len(taken.files),
        size=len(data),
        has_history=taken.history is not None,
    )


def take(host: Host, *, host_name: str, with_history: bool) -> Backup:
    """Return the backup of this host, now."""
    return Backup(
        created=host.clock.now(),
        origin=origin_of(host, host_name),
        generation=generations(host).latest(),
        files=read_carried(host.layout),
        history=copy_of(host.layout.index) if with_history else None,
    )


def origin_of(host: Host, host_name: str) -> Origin:
    """Return what of this host may be different on another; 0 where no systemd runs."""
    try:
        version = host.manager.version()
    except SystemdError:
        version = 0
    return Origin(
        host=host_name,
        zone=host.clock.zone(),
        systemd=version,
        program=__version__,
    )


def _check_place(output: Path) -> None:
    """Raise RefusedError where something is that is no older backup."""
    try:
        # Not opened: a pipe would wait. Not replaced: /dev/null would be a file from then on.
        if output.exists() and not (output.is_file() or output.is_dir()):
            raise UsageError(f"{output} is no file, but a device or a pipe", fix="name a file")
        with output.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except FileNotFoundError:
        return
    except IsADirectoryError as error:
        raise UsageError(f"{output} is a folder", fix="name a file in it") from error
    except OSError as error:
        raise durable.cannot("write", output, error) from error
    if beginning and f'"format": {json.dumps(FORMAT)}'.encode() not in beginning:
        raise RefusedError(
            f"{output} is there already, and is no backup of debvisor-timers",
            fix="name another file, or move that one away",
        )
