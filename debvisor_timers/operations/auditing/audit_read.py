# SPDX-License-Identifier: Apache-2.0
"""The audit, read: who changed what, and whether all of it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history.audit import AuditEvent, AuditRecord, read_audit
from debvisor_timers.history.chain import (
    ChainFinding,
    Fault,
    NotedDigest,
    Proof,
    Reach,
    boots_before,
    verify_chain,
)
from debvisor_timers.history.records import AUDIT_MESSAGE_ID
from debvisor_timers.operations.auditing.attempts import under_way
from debvisor_timers.operations.auditing.audit_head import HeadFile, KeptHead
from debvisor_timers.operations.auditing.caller import user_name
from debvisor_timers.operations.host import Host

_TRIES = 10
"""Somebody who writes while it is read looks like tampering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What is asked for; empty and None: all. since and until are included."""

    job: str = ""
    who: str = ""
    verb: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    def wants(self, event: AuditEvent) -> bool:
        """Return True where the event is one of those."""
        return (
            (not self.job or self.job in event.jobs)
            and (not self.who or self.who in event.caller.names)
            and (not self.verb or self.verb == event.verb)
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time <= self.until)
        )


def audit(host: Host, wanted: AuditFilter) -> Sequence[AuditRecord]:
    """Return who changed what, newest first: what is done right now before all that was.

    An attempt that a user who is not root has told by himself has no seal. Raises
    PermissionRefusedError where this user may not read the journal.
    """
    found = (record for record in _newest_first(host) if wanted.wants(record.event))
    return list(islice(found, wanted.limit))


def verify_audit(host: Host, noted: NotedDigest | None = None) -> Proof:
    """Return whether nothing was changed or taken away since the oldest record that is left.

    Raises PermissionRefusedError where this user may read neither head nor journal.
    """
    for _ in range(_TRIES):
        kept, problem, is_sent = _head(host)
        records, attempts = _read_all(host)
        if _head(host)[0] == kept:
            break  # nobody has written meanwhile
    proof = verify_chain(
        records,
        kept.head(is_sent=is_sent) if kept else None,
        attempts=attempts,
        reach=Reach(begins=_journal_begins(host), boots=_boots_begin(host, records, kept)),
        noted=noted,
    )
    if problem:
        broken = ChainFinding(fault=Fault.NO_HEAD, text=problem)
        return replace(proof, findings=(broken, *proof.findings))
    return proof


def _head(host: Host) -> tuple[KeptHead | None, str, bool]:
    """Return the head, or why it cannot be read, and whether the journal is known to have it."""
    file = HeadFile(host.layout)
    try:
        kept = file.read()
    except PermissionRefusedError:
        raise
    except SystemdError as error:
        return None, error.message, False
    return kept, "", kept is not None and file.is_sent(kept.digest)


def _read_all(host: Host) -> tuple[Sequence[AuditRecord], int]:
    """Return the records of root, and how many others have sent."""
    records: list[AuditRecord] = []
    attempts = 0
    for record in host.journal.records([{"MESSAGE_ID": AUDIT_MESSAGE_ID}]):
        if record.get("_UID") == "0":
            records.append(read_audit(record))
        else:
            attempts += 1
    return records, attempts


def _newest_first(host: Host) -> Iterator[AuditRecord]:
    """Yield every record once: what is under way, then what the journal and the head have."""
    yield from (AuditRecord(event=event) for event in under_way(host.layout.attempts))
    kept = list(_kept(host))
    seen: set[tuple[str, bool]] = set()
    for record in host.journal.records([{"MESSAGE_ID": AUDIT_MESSAGE_ID}], newest_first=True):
        found = _named(read_audit(record))
        if found.seal:
            # What the head has and the journal lacks is newer than all links that it has.
            yield from (each for each in kept if _is_newer(each, found))
            kept = []
            key = found.seal.digest, found.is_whole
            if key in seen:
                continue
            seen.add(key)
        yield found
    yield from kept


def _is_newer(kept: AuditRecord, found: AuditRecord) -> bool:
    return kept.seal is not None and found.seal is not None and kept.seal.number > found.seal.number


def _kept(host: Host) -> Iterator[AuditRecord]:
    """Yield what the head has in full, newest first."""
    try:
        kept = HeadFile(host.layout).read()
    except (SystemdError, PermissionRefusedError):
        return  # the journal has nearly all of it; --verify tells the rest
    if kept:
        yield from reversed(kept.read())


def _named(record: AuditRecord) -> AuditRecord:
    """Return it with the name of the user, where only his number is known."""
    caller = record.event.caller
    if caller.user:
        return record
    named = replace(caller, user=user_name(caller.uid) or str(caller.uid))
    return replace(record, event=replace(record.event, caller=named))


def _boots_begin(
    host: Host, records: Sequence[AuditRecord], kept: KeptHead | None
) -> Mapping[str, datetime]:
    """Return the time of the oldest entry of root of those boots that tell of vacuumed records."""
    oldest = {
        boot: next(iter(host.journal.records([{"_UID": "0", "_BOOT_ID": boot}])), None)
        for boot in (boots_before(records, kept.chain) if kept else ())
    }
    return {boot: record.realtime for boot, record in oldest.items() if record}


def _journal_begins(host: Host) -> datetime | None:
    """Return the time of the oldest entry of root: those of users are vacuumed by themselves."""
    oldest = next(iter(host.journal.records([{"_UID": "0"}])), None)
    return oldest.realtime if oldest else None
