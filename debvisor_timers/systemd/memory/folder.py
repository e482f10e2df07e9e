# SPDX-License-Identifier: Apache-2.0
"""The twin's UnitDirectory: a mapping that is written in the same steps as a real folder."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from fnmatch import fnmatchcase

from debvisor_timers.systemd.memory.steps import Steps
from debvisor_timers.systemd.ports import Entry


class MemoryFolder:
    """A UnitDirectory over a mapping of relative paths to entries.

    Its steps are `NAME.write` (staging, before anything changes) and one `NAME.put PATH` for each
    rename or removal, so that a write can be made to fail between two of them.
    """

    def __init__(
        self,
        name: str,
        steps: Steps,
        entries: MutableMapping[str, Entry],
        patterns: Sequence[str],
        folders: Sequence[str] = (),
    ) -> None:
        """Own what matches one of `patterns`, at the top and in the subfolders `folders`."""
        self._name = name
        self._steps = steps
        self._entries = entries
        self._patterns = tuple(patterns)
        self._folders = frozenset(("", *folders))

    def read(self) -> dict[str, Entry]:
        """Return every entry of ours by its path."""
        self._steps.look(f"{self._name}.read")
        return {path: entry for path, entry in self._entries.items() if self._owns(path)}

    def entry(self, name: str) -> Entry | None:
        """Return the entry of ours with this name at the top, None where there is none."""
        self._steps.look(f"{self._name}.read")
        return self._entries.get(name) if "/" not in name and self._owns(name) else None

    def write(self, changes: Mapping[str, Entry | None]) -> None:
        """Make `changes` (None removes), in order."""
        if not changes:
            return
        for path in changes:
            if path.startswith("/") or ".." in path.split("/") or not path:
                raise ValueError(f"not a path below the folder: {path!r}")
        self._steps.take(f"{self._name}.write")
        for path, entry in changes.items():
            self._steps.take(f"{self._name}.put", path)
            if entry is None:
                self._entries.pop(path, None)
            else:
                self._entries[path] = entry

    def _owns(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            return False
        return any(fnmatchcase(name, pattern) for pattern in self._patterns)
