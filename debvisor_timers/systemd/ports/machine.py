# SPDX-License-Identifier: Apache-2.0
"""The port for what else of the host is looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """Whose a file or folder is; `mode`: its permissions, without its type."""

    uid: int
    group: str
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """How much of a file system is free, from 0 to 1; inodes: 1 where it has no limit of them."""

    free_bytes: int
    bytes: float
    inodes: float


class Machine(Protocol):
    """What else of the host is looked at; nothing of it is changed, and no service started."""

    def enablement(self, unit: str) -> str:
        """Return `enabled`, `disabled`, `static`, `masked`, ...; empty for a unit of no file."""

    def status(self, path: Path) -> FileStatus | None:
        """Return whose `path` is, links followed; None where it is not there.

        Raises PermissionRefusedError where the caller may not look.
        """

    def space(self, path: Path) -> Space | None:
        """Return what is free on the file system of `path`; None where it is not there."""

    def has_group(self, name: str) -> bool:
        """Return whether there is a group of that name."""

    def library(self, name: str) -> str | None:
        """Return the version of an installed Python distribution; None for none."""

    def missing_packages(self, names: Collection[str]) -> frozenset[str]:
        """Return those of `names` that dpkg has not installed; none where there is no dpkg."""

    def requirements(self) -> Sequence[str]:
        """Return what our own distribution says that it needs: `click<9,>=8.1.7`."""

    def differing(self, programs: Path) -> list[str]:
        """Return the modules in `programs` that are missing or not those of this package."""

    def fault_of(self, program: Path) -> str:
        """Return why the program cannot be loaded, empty where it can; it is not executed."""

    def journald(self) -> Mapping[str, str]:
        """Return the settings of journald that are not its defaults: `Storage` to `volatile`."""

    def journal_bytes(self) -> int:
        """Return how much room the journal takes on the disk."""

    def clock_error(self) -> timedelta:
        """Return by how much the kernel believes the clock to be wrong, at the most."""
