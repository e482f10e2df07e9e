# SPDX-License-Identifier: Apache-2.0
"""ZFS: its two commands, how their failures are told, and which datasets or pools are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from debvisor_timers.tasks.base import BUSY, FAILED, UNAVAILABLE, WRONG, TaskFailed, try_tool

PACKAGE: Final = "zfsutils-linux"

_STATUSES: Final = (
    ("modules cannot be auto-loaded", UNAVAILABLE, "modprobe zfs"),
    ("modules are not loaded", UNAVAILABLE, "modprobe zfs"),
    ("/dev/zfs", UNAVAILABLE, "modprobe zfs; a job with sandbox: strict sees no /dev/zfs"),
    ("does not exist", WRONG, ""),
    ("no such pool", WRONG, ""),
    ("permission denied", WRONG, "let the job run as root; or zfs allow"),
    ("pool is read-only", WRONG, ""),
    ("is busy", BUSY, ""),
    ("currently resilvering", BUSY, ""),
)
"""By words of what ZFS 2.3 says: the exit status that tells what helps, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A pool, or a dataset."""

    path: str

    def name(self) -> str:
        """Return its name, as for_each asks for it."""
        return self.path

    @property
    def pool(self) -> str:
        """Return the pool that it is part of."""
        return self.path.partition("/")[0]


def ask(*command: str) -> str:
    """Return what `zfs` or `zpool` prints.

    Raises TaskFailed with what it says, and an exit status that tells whether another try helps.
    """
    done = try_tool(command, package=PACKAGE)
    if done.returncode == 0:
        return done.stdout
    said = " ".join((done.stderr.strip() or done.stdout.strip() or "it says nothing").split())
    found = ((status, fix) for words, status, fix in _STATUSES if words in said)
    status, fix = next(found, (FAILED, ""))
    raise TaskFailed(f"{' '.join(command[:2])}: {said}", fix=fix, exit_status=status)


def texts(value: Any) -> tuple[str, ...]:
    """Return a parameter that is a text, a list of these, or is not given."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def chosen(
    known: Sequence[str], names: Sequence[str], exclude: Sequence[str], *, noun: str
) -> list[Place]:
    """Return those of `known` that are meant, in its order.

    names: names and globs, where * spans / as well; empty: all. exclude: globs; what lies below one
    of them is left out too. noun: what they are, for people.
    Raises TaskFailed for a name that is not there, and where nothing is meant.
    """
    for name in names:
        if not any(fnmatchcase(each, name) for each in known) and name not in known:
            if not set(name) & set("*?["):
                raise TaskFailed(f"there is no {noun} {name}", exit_status=WRONG)
            print(f"no {noun} matches {name}", flush=True)
    found = [
        each
        for each in known
        if (not names or each in names or any(fnmatchcase(each, name) for name in names))
        and not any(fnmatchcase(part, glob) for part in _lineage(each) for glob in exclude)
    ]
    if not found:
        raise TaskFailed(f"no {noun} is meant", fix=f"see: {_LISTS[noun]}", exit_status=WRONG)
    return [Place(path=each) for each in found]


_LISTS: Final = {"dataset": "zfs list", "pool": "zpool list"}


def below(known: Iterable[str], places: Iterable[Place]) -> list[Place]:
    """Return the places, and all of `known` that lie below one of them, in the order of `known`."""
    tops = {place.path for place in places}
    return [Place(path=each) for each in known if tops & set(_lineage(each))]


def _lineage(path: str) -> Iterator[str]:
    """Yield a dataset and all those above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
