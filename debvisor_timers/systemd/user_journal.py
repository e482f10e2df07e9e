# SPDX-License-Identifier: Apache-2.0
"""The journal of one user's own manager, in the words of the journal of PID 1.

What PID 1 says of a unit stands in UNIT=, what the manager of a user says in USER_UNIT=; and what
only root can have sent there, only that user (or root) can have sent here. So questions and answers
are translated, and the rest of the program knows one journal.
Source: systemd 257, systemd.journal-fields(7); seen in tests/system/test_user_units.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.systemd.ports import Journal

_NAMES = {
    "UNIT": "USER_UNIT",
    "INVOCATION_ID": "USER_INVOCATION_ID",
    "_SYSTEMD_UNIT": "_SYSTEMD_USER_UNIT",
    "_SYSTEMD_SLICE": "_SYSTEMD_USER_SLICE",
}
"""Fields of PID 1's and of its units' records, and what they are called here."""
_MANAGER = "init.scope"
"""_SYSTEMD_USER_UNIT= of the manager itself."""


class UserJournal:
    """The records of one user's own, as if that user's manager were PID 1 and the user root."""

    def __init__(self, journal: Journal, uid: int) -> None:
        """Ask `journal` for what has to do with the user `uid`."""
        self._journal = journal
        self._uid = str(uid)

    def records(
        self,
        matches: Sequence[JournalMatch],
        *,
        newest_first: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`, oldest first unless said otherwise."""
        asked = [user_match(match, self._uid) for match in matches]
        found = self._journal.records(asked, newest_first=newest_first, since=since, until=until)
        return map(self._told, found)

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield the records that satisfy one of `matches`, from the record at `cursor` on."""
        asked = [user_match(match, self._uid) for match in matches]
        found = self._journal.records_from(cursor, asked)
        return None if found is None else map(self._told, found)

    def boot_id(self) -> str:
        """Return the id of this boot as records have it: 32 hex digits."""
        return self._journal.boot_id()

    def boots(self) -> set[str]:
        """Return the ids of all boots that the journal has records of."""
        return self._journal.boots()

    def send(self, fields: Mapping[str, str]) -> None:
        """Append a record with `fields`."""
        self._journal.send(fields)

    def sync(self) -> None:
        """Ask journald to write what was sent before, which it does for root alone.

        For others it does so by itself, within minutes.
        """
        with suppress(PermissionRefusedError):
            self._journal.sync()

    def _told(self, record: JournalRecord) -> JournalRecord:
        return replace(record, fields=_AsOfRoot(record.fields, self._uid))


def user_match(match: JournalMatch, uid: str) -> JournalMatch:
    """Return what to ask the journal for in the place of `match`: of that user's records alone."""
    asked: dict[str, str | tuple[str, ...]] = {"_UID": uid}
    for name, wanted in match.items():
        if name == "_PID":
            asked["_SYSTEMD_USER_UNIT"] = _MANAGER
        elif name != "_UID":
            asked[_NAMES.get(name, name)] = wanted
    return asked


def user_terms(argv: Sequence[str], uid: int) -> list[str]:
    """Return the argv of journalctl that asks the same of the units of a user."""
    shown = []
    for word in argv:
        name, is_term, value = word.partition("=")
        if name == "--unit":
            shown.append(f"--user-unit={value}")
        elif name == "_UID":
            shown.append(f"_UID={uid}")
        elif name == "_PID":
            shown += [f"_UID={uid}", f"_SYSTEMD_USER_UNIT={_MANAGER}"]
        else:
            shown.append(f"{_NAMES.get(name, name)}{is_term}{value}")
    return shown


class _AsOfRoot(Mapping[str, tuple[str, ...]]):
    """The fields of a record of the user's, by the names that those of PID 1's units have."""

    __slots__ = ("_fields", "_uid")

    def __init__(self, fields: Mapping[str, tuple[str, ...]], uid: str) -> None:
        self._fields = fields
        self._uid = uid

    def __getitem__(self, name: str) -> tuple[str, ...]:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        values: tuple[str, ...] = found
        return values

    def get(self, name: str, default: Any = None) -> Any:
        if name == "_UID":
            values = self._fields.get(name, ())
            return tuple("0" if value == self._uid else value for value in values) or default
        if name == "_PID" and _MANAGER in self._fields.get("_SYSTEMD_USER_UNIT", ()):
            return ("1",)
        return self._fields.get(_NAMES.get(name, name), default)

    def __iter__(self) -> Iterator[str]:
        ours = {theirs: name for name, theirs in _NAMES.items()}
        # What is of PID 1 in such a record is about the manager as a unit: user@UID.service.
        return (ours.get(name, name) for name in self._fields if name not in _NAMES)

    def __len__(self) -> int:
        return sum(1 for _ in self)
