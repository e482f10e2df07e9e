# SPDX-License-Identifier: Apache-2.0
"""Records of the audit for programs, and the proof that they are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso

if TYPE_CHECKING:
    from debvisor_timers.history.audit import AuditRecord
    from debvisor_timers.history.chain import Proof


def audit_document(record: AuditRecord) -> dict[str, object]:
    """Return who has changed what, or has tried to."""
    event, seal = record.event, record.seal
    caller = event.caller
    return {
        "number": seal.number if seal else None,
        "time": iso(event.time),
        "verb": str(event.verb) if event.verb else None,
        "jobs": list(event.jobs),
        "file": event.file or None,
        "what": event.what,
        "result": str(event.result),
        "error": event.error or None,
        "generation": event.generation,
        "uid": caller.uid,
        "user": caller.user,
        "login_uid": caller.login_uid,
        "login_user": caller.login_user or None,
        "sudo_uid": caller.sudo_uid,
        "sudo_user": caller.sudo_user or None,
        "token": caller.token or None,
        "address": caller.address or None,
        "request": caller.request or None,
        "door": str(caller.door),
        "host": event.host or None,
        "diff": event.diff,
        "proven": record.is_proven,
        "digest": seal.digest if seal else None,
    }


def proof_document(proof: Proof) -> dict[str, object]:
    """Return whether the records are whole, and what is not as it was written."""
    return {
        "whole": proof.is_whole,
        "checked": proof.checked,
        "first": proof.first or None,
        "last": proof.last or None,
        "head": f"{proof.head.number}:{proof.head.digest}" if proof.head else None,
        "vacuumed": proof.vacuumed,
        "unsent": proof.unsent,
        "attempts": proof.attempts,
        "noted": proof.noted or None,
        "findings": [
            {"fault": str(each.fault), "number": each.number, "text": each.text}
            for each in proof.findings
        ],
    }
