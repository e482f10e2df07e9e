# SPDX-License-Identifier: Apache-2.0
"""Overlay mounts: many folders read as one, written into the topmost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.box.errors import BoxError

# Whatever the kernel's defaults are: a layer must be readable as a lower folder elsewhere.
_OPTIONS = "index=off,metacopy=off,redirect_dir=off"


def mount(lower: Sequence[Path], place: Path) -> Path:
    """Mount `lower` (topmost first) with `place`/upper on top, at `place`/root; return that."""
    root = place / "root"
    for folder in (place / "upper", place / "work", root):
        folder.mkdir(exist_ok=True)
    place.joinpath("upper").chmod(0o755)
    stack = ":".join(str(path).replace("\\", r"\\").replace(":", r"\:") for path in lower)
    options = f"lowerdir={stack},upperdir={place}/upper,workdir={place}/work,{_OPTIONS}"
    _run("mount", "-t", "overlay", "debvisor-timers-box", "-o", options, str(root))
    return root


@contextmanager
def mounted(lower: Sequence[Path], place: Path) -> Iterator[Path]:
    """Mount as `mount` does, for the length of a with block."""
    root = mount(lower, place)
    try:
        yield root
    finally:
        unmount_below(place)


def mount_tmpfs(place: Path) -> None:
    """Mount memory at `place`: fast, and gone with the mount."""
    place.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", "mode=0755,size=4G", "debvisor-timers-box", str(place))


def unmount_below(place: Path) -> None:
    """Unmount whatever is mounted at or below `place`, the last mounted first."""
    for target in reversed(_mounts()):
        if target == place or place in target.parents:
            # Lazy: a program of the host that looks in (find, updatedb) must not make us fail.
            _run("umount", "--lazy", str(target))


def _mounts() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BoxError(f"{' '.join(argv)}: {done.stderr.strip()} (the box needs root)")
