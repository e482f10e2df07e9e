# SPDX-License-Identifier: Apache-2.0
"""The apply record: what an apply is about to do, on disk before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from debvisor_timers.errors import SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry

Entries = Mapping[str, Entry | None]
"""Entries of the unit directory by path; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRecord:
    """Enough to undo an apply that died at any point.

    generation: the number that it will commit; while that generation is missing it is not done.
    before, after: every entry that changes, as it was and as it shall be.
    scripts: the scripts that did not exist before.
    obsolete_scripts: the scripts that no job needs afterwards.
    stopped: timers and path units that were active and are stopped; started: those that start.
    forgotten: units that go for good, whose stamps and failures systemd shall forget.
    due: when each stopped timer would have fired next (ISO 8601); no boot trigger that had fired.
    waiting: of these, those whose time had come, but not the end of their jitter: that time.
    swallowed: of these, what a run under way has kept off, as fields of a journal record.
    edits: files of the administrator that change with it.
    """

    generation: int
    before: Entries
    after: Entries
    scripts: tuple[str, ...] = ()
    obsolete_scripts: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    due: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    swallowed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    edits: tuple[FileEdit, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordFile:
    """Where the record lies; its existence means that an apply is under way or was cut off."""

    path: Path

    def write(self, record: ApplyRecord) -> None:
        """Put `record` on disk, durably."""
        plain = asdict(record)
        plain["before"] = plain_entries(record.before)
        plain["after"] = plain_entries(record.after)
        plain["edits"] = [plain_edit(edit) for edit in record.edits]
        durable.write_json(self.path, plain)

    def read(self) -> ApplyRecord | None:
        """Return the record of an apply that did not end, None when there is none."""
        try:
            plain = durable.read_json(self.path)
            return None if plain is None else _parse(plain)
        except (SystemdError, KeyError, TypeError, ValueError) as error:
            raise SystemdError(
                f"the apply record {self.path} cannot be understood: {error}",
                fix=f"look at `debvisor-timers plan`, remove {self.path}, and apply again",
            ) from error

    def remove(self) -> None:
        """Say that the apply has ended."""
        durable.remove(self.path)


_NAMES = ("scripts", "obsolete_scripts", "stopped", "started", "forgotten")


def plain_entries(entries: Entries) -> dict[str, list[str] | None]:
    """Return `entries` as JSON has them."""

    def one(entry: Entry | None) -> list[str] | None:
        if entry is None:
            return None
        return ["file", entry.text] if isinstance(entry, FileEntry) else ["link", entry.target]

    return {name: one(entry) for name, entry in entries.items()}


def parsed_entries(plain: Mapping[str, list[str] | None]) -> Entries:
    """Return the entries of which `plain_entries` has made that. Raises what Python does."""

    def one(value: list[str] | None) -> Entry | None:
        if value is None:
            return None
        kind, text = value
        return FileEntry(text) if kind == "file" else LinkEntry(text)

    return {name: one(value) for name, value in plain.items()}


def plain_edit(edit: FileEdit) -> list[str | int | None]:
    """Return an edit as JSON has it."""
    texts = (None if text is None else text.decode("latin-1") for text in (edit.before, edit.after))
    return [str(edit.path), *texts, edit.mode]


def parsed_edit(path: str, before: str | None, after: str | None, mode: int = 0o640) -> FileEdit:
    """Return the edit of which `plain_edit` has made that."""
    texts = (None if text is None else text.encode("latin-1") for text in (before, after))
    return FileEdit(path=Path(path), before=next(texts), after=next(texts), mode=mode)


def _parse(plain: Any) -> ApplyRecord:
    return ApplyRecord(
        generation=int(plain["generation"]),
        before=parsed_entries(plain["before"]),
        after=parsed_entries(plain["after"]),
        due=dict(plain["due"]),
        waiting=dict(plain.get("waiting", {})),
        swallowed={timer: dict(fields) for timer, fields in plain.get("swallowed", {}).items()},
        edits=tuple(parsed_edit(*edit) for edit in plain.get("edits", ())),
        **{key: tuple(plain[key]) for key in _NAMES},
    )
