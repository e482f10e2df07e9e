# SPDX-License-Identifier: Apache-2.0
"""A control group for each box: two systemds in one would kill each other's processes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from os import kill
from pathlib import Path

from tests.box.errors import BoxTimeoutError
from tests.box.wait import wait_until

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
        # A process that is killed is in its group until the kernel has taken it apart.
        with suppress(BoxTimeoutError):
            wait_until(partial(_is_gone, folder), deadline_seconds=60, what=f"no {folder}")


def _is_gone(folder: Path) -> bool:
    """Kill whatever is in `folder`, remove what is empty, and return whether all of it is gone."""
    for path in sorted([folder, *folder.rglob("*/")], reverse=True):
        with suppress(OSError):  # busy still, or gone while we look
            for pid in (path / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    kill(int(pid), signal.SIGKILL)
            path.rmdir()
    return not folder.exists()


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
