# SPDX-License-Identifier: Apache-2.0
"""The real Journal, over python3-systemd: lazy, and read from either end."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history.records import JournalMatch, JournalRecord

_FOLDERS = (Path("/var/log/journal"), Path("/run/log/journal"))
_VARLINK = Path("/run/systemd/journal/io.systemd.journal")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# What reading of a damaged entry or file ends with; libsystemd goes on with the next.
_DAMAGED = (errno.EBADMSG, errno.ENODATA, errno.EIO, errno.EADDRNOTAVAIL)
_PATIENCE = 100


class SystemdJournal:
    """The real Journal.

    folders: where journals are looked for when nothing can be read; `path`: read the journal files
    of that folder instead of those of this host.
    """

    def __init__(self, *, folders: Sequence[Path] = _FOLDERS, path: Path | None = None) -> None:
        """Open nothing yet."""
        self._folders = folders
        self._path = path

    def records(
        self,
        matches: Sequence[JournalMatch],
        *,
        newest_first: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`, oldest first unless said otherwise.

        since, until: both included. What cannot be read because the file is damaged is passed over.
        Raises SystemdError when the journal cannot be opened, PermissionRefusedError when this
        user may not read it.
        """
        if not matches:
            return
        with self._open() as reader:
            _match(reader, matches)
            _seek(reader, (until if newest_first else since), newest_first=newest_first)
            for record in _read(reader, newest_first=newest_first):
                if _is_past(record.realtime, since if newest_first else until, newest_first):
                    return
                if not _is_past(
                    record.realtime, until if newest_first else since, not newest_first
                ):
                    yield record

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield the records that satisfy one of `matches`, from the one at `cursor` on.

        None when the journal no longer has that record. Raises the errors of `records`.
        """
        if not matches:  # all records would satisfy it
            return iter(())
        reader = self._open()
        if not _has(reader, cursor):
            reader.close()
            return None
        return _from(reader, cursor, matches)

    def boot_id(self) -> str:
        """Return the id of this boot as records have it: 32 hex digits."""
        try:
            return _BOOT_ID.read_text().strip().replace("-", "")
        except OSError as error:
            raise SystemdError(f"cannot read {_BOOT_ID}: {error.strerror}") from error

    def boots(self) -> set[str]:
        """Return the ids of all boots that the journal has records of, from its index.

        Raises the errors of `records`.
        """
        with self._open() as reader:
            try:
                found = reader.query_unique("_BOOT_ID")
            except OSError as error:
                raise SystemdError(f"cannot read the journal: {error.strerror}") from error
            return {boot.decode("ascii", "replace") for boot in found}

    def send(self, fields: Mapping[str, str]) -> None:
        """Append a record with `fields` (native protocol; any text is allowed as a value)."""
        # systemd.journal, which only passes it on, takes 20 ms to import.
        from systemd._journal import sendv  # noqa: PLC0415

        try:
            sendv(
                *(
                    f"{name}={value}".encode(errors="surrogateescape")
                    for name, value in fields.items()
                )
            )
        except OSError as error:
            raise SystemdError(f"cannot write to the journal: {error.strerror}") from error

    def sync(self) -> None:
        """Return when all that was sent before can be read, and is on the disk.

        Raises SystemdError when journald does not answer, PermissionRefusedError without root.
        """
        from debvisor_timers.systemd.varlink import call  # noqa: PLC0415

        call(_VARLINK, "io.systemd.Journal.Synchronize")

    def _open(self) -> Any:
        # Not systemd.journal.Reader above it: that module loads logging, and converts each field.
        from systemd._reader import LOCAL_ONLY, _Reader  # noqa: PLC0415

        self._refuse_unreadable()
        try:
            reader = _Reader(0, str(self._path)) if self._path else _Reader(LOCAL_ONLY)
            # Whole fields; 64 KiB otherwise.
            reader.data_threshold = 0
        except OSError as error:
            raise SystemdError(f"cannot open the journal: {error.strerror}") from error
        return reader

    def _refuse_unreadable(self) -> None:
        # libsystemd passes over files that it may not read, which would look like an empty journal.
        if os.geteuid() == 0 or self._path:
            return
        files = [file for folder in self._folders for file in _system_journals(folder)]
        if files and not any(os.access(file, os.R_OK) for file in files):
            raise PermissionRefusedError(
                "this user may not read the journal of the system",
                fix="run it as root, or join the group: adduser USER systemd-journal",
            )


def _system_journals(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("*/system*.journal"))
    except OSError:
        return []


def _match(reader: Any, matches: Sequence[JournalMatch]) -> None:
    for number, match in enumerate(matches):
        if number:
            reader.add_disjunction()
        for field, wanted in match.items():
            for value in (wanted,) if isinstance(wanted, str) else wanted:
                reader.add_match(f"{field}={value}")


def _seek(reader: Any, when: datetime | None, *, newest_first: bool) -> None:
    if when is None:
        (reader.seek_tail if newest_first else reader.seek_head)()
    else:
        # Backwards, the entry at that very instant is wanted as well.
        usec = (when - _EPOCH) // _MICROSECOND + (1 if newest_first else 0)
        reader.seek_realtime(max(usec, 0))


def _has(reader: Any, cursor: str) -> bool:
    """Return whether the record at `cursor` is there; a reader without it is somewhere near."""
    try:
        reader.seek_cursor(cursor)
        return bool(reader._next(1)) and bool(reader.test_cursor(cursor))  # noqa: SLF001
    except (OSError, ValueError):  # no cursor at all, or a file that is damaged just there
        return False


def _from(reader: Any, cursor: str, matches: Sequence[JournalMatch]) -> Iterator[JournalRecord]:
    with reader:
        _match(reader, matches)
        reader.seek_cursor(cursor)
        yield from _read(reader, newest_first=False)


def _read(reader: Any, *, newest_first: bool) -> Iterator[JournalRecord]:
    # The public get_next() converts every field to a Python type and takes several times as long.
    step = -1 if newest_first else 1
    damaged = 0
    while damaged < _PATIENCE:
        try:
            if not reader._next(step):  # noqa: SLF001
                return
            record = _record(reader)
        except OSError as error:
            if error.errno not in _DAMAGED:
                raise SystemdError(f"cannot read the journal: {error.strerror}") from error
            damaged += 1
            continue
        yield record


def _record(reader: Any) -> JournalRecord:
    raw: Mapping[str, bytes | list[bytes]] = reader._get_all()  # noqa: SLF001
    fields = _Fields(raw)
    return JournalRecord(
        cursor=reader._get_cursor(),  # noqa: SLF001
        realtime=_EPOCH + timedelta(microseconds=reader._get_realtime()),  # noqa: SLF001
        boot_id=fields.get("_BOOT_ID", ("",))[0],
        fields=fields,
    )


class _Fields(Mapping[str, tuple[str, ...]]):
    """The fields of a record, as text once they are asked for: most never are."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[str, bytes | list[bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return _texts(self._raw[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def get(self, name: str, default: Any = None) -> Any:
        # The inherited one raises and catches an error for each field that is missing.
        value = self._raw.get(name)
        return default if value is None else _texts(value)


def _texts(value: bytes | list[bytes]) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(each.decode("utf-8", "replace") for each in value)
    return (value.decode("utf-8", "replace"),)


def _is_past(when: datetime, limit: datetime | None, backwards: bool) -> bool:  # noqa: FBT001
    if limit is None:
        return False
    return when < limit if backwards else when > limit
