# SPDX-License-Identifier: Apache-2.0
"""The audit, written: each change becomes a link of a chain, in the journal and in the head."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError, SystemdError
from debvisor_timers.history.audit import PREFIX, AuditEvent, Seal, sealed
from debvisor_timers.history.chain import FIRST
from debvisor_timers.history.records import AUDIT_MESSAGE_ID
from debvisor_timers.operations.auditing.attempts import left_behind
from debvisor_timers.operations.auditing.audit_head import Fields, HeadFile, KeptHead
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.signals import uninterrupted

_LOCK_SECONDS = 10.0
_POLL_SECONDS = 0.005


@dataclass(slots=True)
class _Trouble:
    """What went wrong: told, and nothing else; the change was made."""

    words: list[str] = field(default_factory=list)

    @contextmanager
    def caught(self, what: str) -> Iterator[None]:
        try:
            yield
        except (DebvisorTimersError, OSError) as error:
            said = error.message if isinstance(error, DebvisorTimersError) else str(error)
            self.words.append(f"{what}: {said}")


def write_audit(host: Host, event: AuditEvent) -> tuple[str, ...]:
    """Put `event` into the audit; return what a person has to know where that went wrong.

    Root's events become links of the chain: into the head first, then into the journal, then on
    the disk. Others cannot write the head: theirs go to the journal as they are.
    """
    trouble = _Trouble()
    with uninterrupted():
        if not event.caller.acts_as_root:
            with trouble.caught("this attempt is not in the audit"):
                host.journal.send(event.to_fields())
            return tuple(trouble.words)
        try:
            with _locked(host.layout.runtime):
                _append(host, event, trouble)
        except (DebvisorTimersError, OSError) as error:
            said = error.message if isinstance(error, DebvisorTimersError) else str(error)
            trouble.words.append(f"the audit's chain cannot be written: {said}")
            with trouble.caught("this change is not in the audit"):
                host.journal.send(event.to_fields())
    return tuple(trouble.words)


def _append(host: Host, event: AuditEvent, trouble: _Trouble) -> None:
    """Write the head, durably; then what the journal lacks. A crash in between loses nothing."""
    file = HeadFile(host.layout)
    old, begin = _old_head(host, file, trouble)
    known = {fields.get(f"{PREFIX}ID") for fields in old.records} if old else set()
    dead = list(left_behind(host.layout.attempts))
    events = [each for _, each in dead if each and each.id not in {*known, event.id}]
    head = _extended(host, file, old, [*events, event], begin)
    file.write(head)
    for path, _ in dead:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    with trouble.caught("the audit is kept, and sent to the journal by the next change"):
        for fields in head.records:
            host.journal.send(fields)
        host.journal.sync()
        file.note_sent(head.digest)


def _old_head(host: Host, file: HeadFile, trouble: _Trouble) -> tuple[KeptHead | None, str]:
    """Return the head, or else why a new chain has to begin."""
    try:
        head = file.read()
    except SystemdError as error:
        aside = file.set_aside()
        begin = f"the head of the one before was broken, and is now {aside}"
        trouble.words.append(f"the audit begins a new chain: {error.message}")
        return None, begin
    if head is not None:
        return head, ""
    match = {"MESSAGE_ID": AUDIT_MESSAGE_ID, "_UID": "0"}
    try:
        is_first = not any(True for _ in host.journal.records([match]))
    except DebvisorTimersError:
        return None, "there was no head, and the journal could not be read"
    if is_first:
        return None, FIRST
    trouble.words.append(f"the audit begins a new chain: its head, {file.path}, was lost")
    return None, "the head of the one before was lost"


def _extended(
    host: Host, file: HeadFile, old: KeptHead | None, events: Sequence[AuditEvent], begin: str
) -> KeptHead:
    """Return the head with links for `events`, and all records that the journal lacks."""
    head = old or KeptHead(chain=secrets.token_hex(8), number=0, digest="", records=())
    records = list(_unsent(host, file, head))
    number, digest, before = head.number, head.digest, head.seal
    boot, now = _boot_id(host), host.clock.now()
    for event in events:
        number += 1
        seal = Seal(
            chain=head.chain,
            number=number,
            previous=digest,
            begin=begin,
            time=now,
            boot=boot,
            previous_time=before.time if before else None,
            previous_boot=before.boot if before else "",
        )
        records.append(sealed(event, seal))
        digest, begin, before = records[-1][f"{PREFIX}DIGEST"], "", seal
    return KeptHead(chain=head.chain, number=number, digest=digest, records=tuple(records))


def _boot_id(host: Host) -> str:
    try:
        return host.journal.boot_id()
    except SystemdError:
        return ""


def _unsent(host: Host, file: HeadFile, head: KeptHead) -> Iterator[Fields]:
    """Yield the records of the head that the journal may lack.

    One that it has after all is sent twice then, which is no fault.
    """
    if file.is_sent(head.digest):
        return
    for fields in head.records:
        match = {"_UID": "0", f"{PREFIX}DIGEST": fields[f"{PREFIX}DIGEST"]}
        try:
            is_there = any(True for _ in host.journal.records([match]))
        except DebvisorTimersError:
            is_there = False
        if not is_there:
            yield fields


@contextmanager
def _locked(runtime: Path) -> Iterator[None]:
    """Hold the lock of the audit; the kernel drops it when the process dies."""
    runtime.mkdir(parents=True, exist_ok=True)
    path = runtime / "audit-lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SystemdError(f"{path} is held by another process") from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
