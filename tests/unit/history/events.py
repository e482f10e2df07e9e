# SPDX-License-Identifier: Apache-2.0
"""Events of the audit, and chains of them as a journal has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from debvisor_timers.history.audit import (
    AuditEvent,
    AuditRecord,
    AuditResult,
    Seal,
    Verb,
    read_audit,
    sealed,
)
from debvisor_timers.history.caller import Caller
from debvisor_timers.history.chain import FIRST, Head
from debvisor_timers.history.records import JournalRecord

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHAIN = "0123456789abcdef"
BOOT = "b0" * 16
ALICE = Caller(uid=0, user="root", login_uid=1000, login_user="alice", sudo_uid=1000,
               sudo_user="alice", door="cli")  # fmt: skip

Fields = dict[str, str]


def event(number: int = 1, **changes: object) -> AuditEvent:
    values: dict[str, object] = {
        "id": f"{number:016x}",
        "time": NOON + timedelta(minutes=number),
        "verb": Verb.RUN,
        "caller": ALICE,
        "result": AuditResult.DONE,
        "jobs": (f"job-{number}",),
        "host": "here",
        **changes,
    }
    return AuditEvent(**values)  # type: ignore[arg-type]


def chain(count: int, *, name: str = CHAIN, begin: str = FIRST) -> list[Fields]:
    """Return the records 1 to `count`, as they are sent."""
    records: list[Fields] = []
    previous = ""
    for number in range(1, count + 1):
        reason = begin if number == 1 else ""
        seal = Seal(
            chain=name,
            number=number,
            previous=previous,
            begin=reason,
            time=event(number).time,
            boot=BOOT,
            previous_time=event(number - 1).time if number > 1 else None,
            previous_boot=BOOT if number > 1 else "",
        )
        records.append(sealed(event(number), seal))
        previous = records[-1]["DEBVISOR_AUDIT_DIGEST"]
    return records


def head_of(records: Sequence[Fields], *, unsent: int = 0) -> Head:
    """Return the head that belongs to a chain as it was sent."""
    newest = read(records[-1])
    assert newest.seal is not None
    return Head(
        chain=newest.seal.chain,
        number=newest.seal.number,
        digest=newest.seal.digest,
        time=newest.event.time,
        unsent=unsent,
    )


def read(fields: Fields, uid: int = 0) -> AuditRecord:
    """Return a record as a reader of the journal gets it."""
    return read_audit(
        JournalRecord(
            cursor="c",
            realtime=NOON + timedelta(days=1),
            boot_id="b",
            fields={name: (value,) for name, value in {**fields, "_UID": str(uid)}.items()},
        )
    )


def read_all(records: Sequence[Fields]) -> list[AuditRecord]:
    return [read(fields) for fields in records]
