# SPDX-License-Identifier: Apache-2.0
"""What needs attention, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debvisor_timers.operations.safety.finding import Status


def status_document(status: Status) -> dict[str, object]:
    """Return whether all is well, and what is not."""
    return {
        "jobs": status.jobs,
        "timers": status.timers,
        "healthy": status.is_healthy,
        "findings": [
            {
                "kind": str(finding.kind),
                "subject": finding.subject,
                "message": finding.message,
                "fix": finding.fix,
            }
            for finding in status.findings
        ],
        "notes": list(status.notes),
    }
