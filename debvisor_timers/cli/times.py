# SPDX-License-Identifier: Apache-2.0
"""How times look: in words for people, and in the form of --json."""

from __future__ import annotations

from datetime import UTC, datetime

from debvisor_timers.operations.times import delay, local, relative, short, span

__all__ = ["delay", "iso", "local", "now", "relative", "short", "span"]


def iso(moment: datetime | None) -> str | None:
    """Return ISO 8601 with the host's offset, None for None: the form of --json."""
    return None if moment is None else moment.astimezone().isoformat()


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)
