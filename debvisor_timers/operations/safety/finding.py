# SPDX-License-Identifier: Apache-2.0
"""What `status` answers with: findings, each with the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What kind of thing needs attention."""

    DEFINITIONS = "definitions"
    INTERRUPTED = "interrupted"
    PENDING = "pending"
    CLOCK = "clock"
    ZONE = "zone"
    UPGRADED = "upgraded"
    EDITED = "edited"
    DELETED = "deleted"
    MASKED = "masked"
    DISABLED = "disabled"
    ENABLED = "enabled"
    DROP_IN = "drop-in"
    FOREIGN = "foreign"
    STALE = "stale"
    BRAKE = "brake"
    STOPPED = "stopped"
    FAILED = "failed"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFinding:
    """One thing that needs attention: about what, in words, and the command that mends it."""

    kind: FindingKind
    subject: str
    message: str
    fix: str


def finding(kind: FindingKind, subject: str, message: str, command: str) -> StatusFinding:
    """Return a finding that a command of ours mends: `apply --yes`."""
    fix = f"debvisor-timers {command}"
    return StatusFinding(kind=kind, subject=subject, message=message, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How many jobs and running timers there are, all that needs attention, and what is to know.

    notes: sentences; they need no attention.
    """

    jobs: int
    timers: int
    findings: tuple[StatusFinding, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Return True when nothing needs attention."""
        return not self.findings
