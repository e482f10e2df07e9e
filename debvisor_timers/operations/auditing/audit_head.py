# SPDX-License-Identifier: Apache-2.0
"""The head of the audit's chain: its newest link, kept apart from the journal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.audit import AuditRecord, Seal, read_fields
from debvisor_timers.history.chain import Head
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable

Fields = Mapping[str, str]
"""A record as it is sent to the journal."""

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHead:
    """The head as it lies on the disk.

    records: the newest, and those before it that the journal did not have yet when it was written.
    """

    chain: str
    number: int
    digest: str
    records: tuple[Fields, ...]

    def head(self, *, is_sent: bool) -> Head:
        """Return what verification needs of it; `is_sent`: the journal is known to have it."""
        newest = self.read()[-1].event
        return Head(
            chain=self.chain,
            number=self.number,
            digest=self.digest,
            time=newest.time,
            unsent=0 if is_sent else len(self.records),
        )

    @property
    def seal(self) -> Seal | None:
        """Return the place of the newest in the chain, None of a chain that has none yet."""
        return read_kept(self.records[-1]).seal if self.records else None

    def read(self) -> Sequence[AuditRecord]:
        """Return the records that it has, oldest first."""
        return [read_kept(fields) for fields in self.records]


def read_kept(fields: Fields) -> AuditRecord:
    """Return what a record says that is no journal's (yet)."""
    return read_fields({name: (value,) for name, value in fields.items()}, _NO_TIME)


@dataclass(frozen=True, slots=True)
class HeadFile:
    """Where the head lies, and the note that the journal has it.

    The note is in /run: after a boot nobody knows, and whoever writes next looks.
    """

    layout: Layout

    @property
    def path(self) -> Path:
        """Return the file."""
        return self.layout.audit_head

    def read(self) -> KeptHead | None:
        """Return the head, None where there is none. Raises SystemdError for one that is broken."""
        value = durable.read_json(self.path)
        if value is None:
            return None
        try:
            return _read(value)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SystemdError(f"{self.path} is broken: {error!r}") from error

    def write(self, head: KeptHead) -> None:
        """Keep `head`, durably; whoever may read the job files may read it. Raises SystemdError."""
        value = {
            "chain": head.chain,
            "number": head.number,
            "digest": head.digest,
            "records": list(head.records),
        }
        durable.write_json(self.path, value, mode=0o600)
        with suppress(OSError):
            os.chown(self.path, -1, self.layout.config.stat().st_gid)
            self.path.chmod(0o640)

    def set_aside(self) -> Path:
        """Move a broken head out of the way; return where it is now. Raises OSError."""
        aside = self.path.with_suffix(".broken")
        self.path.replace(aside)
        return aside

    def is_sent(self, digest: str) -> bool:
        """Return True when the journal was seen to have the record with this digest."""
        try:
            return self._sent.read_text(encoding="ascii") == digest
        except (OSError, ValueError):
            return False

    def note_sent(self, digest: str) -> None:
        """Note that the journal has it. Raises OSError."""
        self._sent.parent.mkdir(parents=True, exist_ok=True)
        self._sent.write_text(digest, encoding="ascii")

    @property
    def _sent(self) -> Path:
        return self.layout.runtime / "audit-sent"


def _read(value: object) -> KeptHead:
    if not isinstance(value, dict):
        raise TypeError("it is no object")
    records = tuple(dict(fields) for fields in value["records"])
    head = KeptHead(
        chain=str(value["chain"]),
        number=int(value["number"]),
        digest=str(value["digest"]),
        records=records,
    )
    newest = head.read()[-1]
    seal = newest.seal
    if seal is None or not newest.is_whole:
        raise ValueError("its newest record is not whole")
    if (seal.chain, seal.number, seal.digest) != (head.chain, head.number, head.digest):
        raise ValueError("its newest record is not the one that it names")
    return head
