# SPDX-License-Identifier: Apache-2.0
"""Whether root alone can change a file: what root's jobs are made of must be such."""

from __future__ import annotations

import glob
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# As many links as Linux follows in one path.
_MOST_LINKS = 40
_ACL = "system.posix_acl_access"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A file, link or folder that others than root can change, and how to mend it."""

    path: Path
    fix: str

    def __str__(self) -> str:
        """Return it as a sentence, without its fix."""
        return f"{str(self.path)!r} can be changed by others than root"


def doubts_on(pattern: str, *, below_shared: bool = False) -> Iterator[Doubt]:
    """Yield where others than root can change what the absolute path or glob `pattern` leads to.

    The folders of a glob are looked at as well: what is made in them later would match too.
    """
    paths = [Path(pattern)]
    if glob.has_magic(pattern):
        prefixes = [path for path in (paths[0], *paths[0].parents) if glob.has_magic(str(path))]
        paths += [Path(found) for path in prefixes for found in glob.glob(str(path))]  # noqa: PTH207
    found = (doubt_on(path, below_shared=below_shared) for path in paths)
    yield from dict.fromkeys(doubt for doubt in found if doubt is not None)


def doubt_on(path: Path, *, below_shared: bool = False) -> Doubt | None:
    """Return the first part on the way to `path` that others than root can change.

    Each folder of the path as it is written is looked at, and each of the target of each link.
    below_shared: what is root's may be in a folder as /tmp is, where others cannot remove it.
    """
    here, rest, links, shared = Path("/"), _parts(path), 0, False
    while rest:
        part = here / rest.pop()
        if part.name == "..":
            here, shared = here.parent, False
            continue
        try:
            status = part.lstat()
        except OSError:
            # In a shared folder anybody can make what is missing.
            return Doubt(here, f"move the file out of {shlex.quote(str(here))}") if shared else None
        if (doubt := _doubt(part, status, shared=shared)) is not None:
            return doubt
        shared = _is_shared(status)
        if shared and not below_shared:
            return Doubt(part, f"move the file out of {shlex.quote(str(part))}")
        if stat.S_ISLNK(status.st_mode):
            links += 1
            target = part.readlink()
            if links > _MOST_LINKS:
                return None
            rest += _parts(target)
            here, shared = (Path("/"), False) if target.is_absolute() else (here, False)
            continue
        here = part
    return None


def _parts(path: Path) -> list[str]:
    """Return the names in `path`, the first of them last."""
    return [part for part in reversed(path.parts) if part != "/"]


def _is_shared(status: os.stat_result) -> bool:
    """Return True for a folder as /tmp is: each may add, and remove what is theirs alone."""
    mode = status.st_mode
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX) and bool(mode & stat.S_IWOTH)


def _doubt(part: Path, status: os.stat_result, *, shared: bool) -> Doubt | None:
    name = shlex.quote(str(part))
    if stat.S_ISLNK(status.st_mode):
        # The owner of a link can do nothing with it, but where it may be removed for being theirs.
        return Doubt(part, f"chown -h root {name}") if shared and status.st_uid != 0 else None
    if status.st_uid != 0:
        return Doubt(part, f"chown root {name}; chmod go-w {name}")
    if _is_shared(status) or not _others_write(part, status):
        return None
    return Doubt(part, f"chmod go-w {name}")


def _others_write(part: Path, status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    # With an access control list these bits are the most that any of its users has.
    return status.st_gid != 0 or _has_acl(part)


def _has_acl(part: Path) -> bool:
    try:
        return bool(os.getxattr(part, _ACL, follow_symlinks=False))
    except OSError:
        return False
