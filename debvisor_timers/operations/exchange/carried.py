# SPDX-License-Identifier: Apache-2.0
"""What a backup carries: a table of folders and files, by the names that they have in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable

HISTORY = "history.sqlite"
"""The name of the index of runs in a backup, which is there on request."""

CONFIG = "config/"
"""How the names of the administrator's files begin: what an apply reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One row: `name` in the backup is `path` here.

    is_folder: all its files are carried. suffix: those that end so.
    """

    name: str
    path: Path
    is_folder: bool = True
    suffix: str = ""

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield what is there of it on this host, as names in a backup with their paths."""
        if not self.is_folder:
            if _is_file(self.path):
                yield self.name, self.path
            return
        try:
            paths = sorted(self.path.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise durable.cannot("read", self.path, error) from error
        for path in paths:
            if self.fits(path.name) and _is_file(path):
                yield f"{self.name}/{path.name}", path

    def fits(self, name: str) -> bool:
        """Return True for the name of a file that belongs to this folder."""
        is_hidden = name.startswith(".") or name.endswith("~")
        is_plain = bool(name) and "/" not in name and name.isprintable()
        return is_plain and not is_hidden and name.endswith(self.suffix)

    def path_of(self, name: str) -> Path | None:
        """Return where a file of a backup belongs, None where that is not here."""
        if not self.is_folder:
            return self.path if name == self.name else None
        folder, _, file = name.rpartition("/")
        return self.path / file if folder == self.name and self.fits(file) else None


def carried(layout: Layout) -> Sequence[Carried]:
    """Return the table; what a version of the program does not have yet is not there."""
    config = layout.config
    return (
        Carried(name="config/config.yaml", path=config / "config.yaml", is_folder=False),
        Carried(name="config", path=config, suffix=".ics"),
        Carried(name="config/jobs.d", path=layout.jobs, suffix=".yaml"),
        Carried(name="config/tasks.d", path=layout.tasks, suffix=".yaml"),
        Carried(name="config/templates", path=config / "templates", suffix=".j2"),
        Carried(name="state/paused", path=layout.paused),
        Carried(name="state/skip_next", path=layout.skip_next),
        Carried(name="state/maintenance.json", path=layout.maintenance, is_folder=False),
        Carried(name="state/tokens.json", path=layout.tokens, is_folder=False),
    )


def read_carried(layout: Layout) -> Mapping[str, bytes]:
    """Return every file that a backup of this host has now, by its name in it."""
    return {name: _read(path) for row in carried(layout) for name, path in row.files()}


def place_of(layout: Layout, name: str) -> Path | None:
    """Return where a file of a backup belongs on this host; None for a name of no row."""
    places = (row.path_of(name) for row in carried(layout))
    return next((path for path in places if path is not None), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # in a folder that may not be searched
        raise durable.cannot("read", path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise durable.cannot("read", path, error) from error
