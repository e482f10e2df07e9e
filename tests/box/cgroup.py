# SPDX-License-Identifier: Apache-2.0
"""A control group for each box: two systemds in one would kill each other's processes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from os import kill
from pathlib import Path

_HOST_HAS_SYSTEMD = Path("/run/systemd/system").exists()
# The shell moves itself, then becomes the program: no moment outside the group.
_MOVE = 'while [ "$1" != -- ]; do echo $$ > "$1"/cgroup.procs; shift; done; shift; exec "$@"'


def enter(name: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` in a new control group `name`.

    With systemd as the host's PID 1 the group is a delegated scope, since no one else may touch the
    tree; otherwise (a container, a small VM) it is a folder made by hand beside our own.
    """
    if _HOST_HAS_SYSTEMD:
        scope = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={name}"]
        return [*scope, "--property=Delegate=yes", "--", *argv]
    folders = _folders(name)
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return ["/bin/sh", "-ec", _MOVE, "sh", *map(str, folders), "--", *argv]


def remove(name: str) -> None:
    """Kill every process in the control group `name` and remove it; fine if there is none."""
    if _HOST_HAS_SYSTEMD:
        kill_argv = ["systemctl", "kill", "--signal=KILL", f"{name}.scope"]
        subprocess.run(kill_argv, capture_output=True, check=False)
        return
    for folder in _folders(name):
        _kill_all(folder)
        _remove_tree(folder)


def _kill_all(folder: Path) -> None:
    for procs in folder.rglob("cgroup.procs"):
        with suppress(OSError):  # a group may go away while we look
            for pid in procs.read_text().split():
                with suppress(ProcessLookupError):
                    kill(int(pid), signal.SIGKILL)


def _remove_tree(folder: Path) -> None:
    below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in [*below, folder]:
        # Busy for a moment while the kernel reaps the last process: the next sweep gets it.
        with suppress(OSError):
            path.rmdir()


def _folders(name: str) -> list[Path]:
    return [hierarchy / name for hierarchy in _hierarchies()]


def _hierarchies() -> list[Path]:
    """Return our own folder in each hierarchy that systemd uses; a hybrid host has two."""
    mounts = _hierarchy_mounts()
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in mounts:
            own = mounts[controllers] / path.lstrip("/")
            found.append(own if own.is_dir() else mounts[controllers])
    return found


def _hierarchy_mounts() -> dict[str, Path]:
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, options = right.split()[0], right.split()[-1]
        if kind == "cgroup2":
            mounts[""] = Path(left.split()[4])
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            mounts["name=systemd"] = Path(left.split()[4])
    return mounts
