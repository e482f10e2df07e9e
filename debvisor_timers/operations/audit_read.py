# SPDX-License-Identifier: Apache-2.0
"""The audit, read: who changed what, and whether all of it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.history.audit import AuditEvent, AuditRecord, read_audit
from debvisor_timers.history.chain import NotedDigest, Proof, verify_chain
from debvisor_timers.history.records import AUDIT_MESSAGE_ID
from debvisor_timers.operations.attempts import under_way
from debvisor_timers.operations.audit_head import HeadFile, KeptHead
from debvisor_timers.operations.caller import user_name
from debvisor_timers.operations.host import Host


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
    file = HeadFile(host.layout)
    kept = file.read()
    records: list[AuditRecord] = []
    attempts = 0
    for record in host.journal.records([{"MESSAGE_ID": AUDIT_MESSAGE_ID}]):
        if record.get("_UID") == "0":
            records.append(read_audit(record))
        else:
            attempts += 1
    head = kept.head(is_sent=file.is_sent(kept.digest)) if kept else None
    return verify_chain(
        records, head, attempts=attempts, journal_begins=_journal_begins(host), noted=noted
    )


def _newest_first(host: Host) -> Iterator[AuditRecord]:
    """Yield every record once: what is under way, what only the head has, what the journal has."""
    alive = under_way(host.layout.attempts)
    yield from (AuditRecord(event=event) for event in alive)
    seen: set[str] = set()
    kept = _kept(host)
    in_journal = host.journal.records([{"MESSAGE_ID": AUDIT_MESSAGE_ID}], newest_first=True)
    records = (_named(read_audit(record)) for record in in_journal)
    for record in (*(reversed(kept.read()) if kept else ()), *records):
        digest = record.seal.digest if record.seal else ""
        if not digest or digest not in seen:
            seen.add(digest)
            yield record


def _kept(host: Host) -> KeptHead | None:
    file = HeadFile(host.layout)
    try:
        kept = file.read()
    except PermissionRefusedError:
        return None
    return kept


def _named(record: AuditRecord) -> AuditRecord:
    """Return it with the name of the user, where only his number is known."""
    caller = record.event.caller
    if caller.user:
        return record
    named = replace(caller, user=user_name(caller.uid) or str(caller.uid))
    return replace(record, event=replace(record.event, caller=named))


def _journal_begins(host: Host) -> datetime | None:
    """Return the time of the oldest entry of the journal, as far as systemd itself writes one."""
    oldest = next(
        iter(host.journal.records([{"_TRANSPORT": ("journal", "stdout", "syslog")}])), None
    )
    return oldest.realtime if oldest else None
