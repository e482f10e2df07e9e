# SPDX-License-Identifier: Apache-2.0
"""Drop-ins on the disk: systemd tells only of those that it has loaded, one unit at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

# Source: systemd.unit(5), UNIT FILE LOAD PATH, of the system; without those of generators.
UNIT_PATH = (
    Path("/etc/systemd/system.control"),
    Path("/run/systemd/system.control"),
    Path("/run/systemd/transient"),
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/usr/local/lib/systemd/system"),
    Path("/usr/lib/systemd/system"),
)


def user_unit_path() -> tuple[Path, ...]:
    """Return the same of the manager of the user who asks."""
    mine, runtime = Path.home(), Path(f"/run/user/{os.geteuid()}/systemd")
    return (
        mine / ".config/systemd/user.control",
        runtime / "user.control",
        runtime / "transient",
        mine / ".config/systemd/user",
        Path("/etc/systemd/user"),
        Path("/run/systemd/user"),
        mine / ".local/share/systemd/user",
        Path("/usr/local/lib/systemd/user"),
        Path("/usr/lib/systemd/user"),
    )


def drop_in_files(unit_path: Sequence[Path], folders: Sequence[str]) -> dict[Path, str]:
    """Return the files *.conf in the subfolders with one of these patterns, and what is in each."""
    return {
        path: _text(path)
        for place in unit_path
        for name in _names(place)
        # Thousands of names are none, and a pattern costs ten times as much as this.
        if name.endswith(".d") and any(fnmatchcase(name, pattern) for pattern in folders)
        for path in sorted((place / name).glob("*.conf"))
    }


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from sorted(os.listdir(folder))  # noqa: PTH208 - names alone, of 20,000 entries
    except OSError:
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
