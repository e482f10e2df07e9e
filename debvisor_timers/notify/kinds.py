# SPDX-License-Identifier: Apache-2.0
"""What people can be told of."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What has happened."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    SUCCESS = "success"
    SKIPPED = "skipped"
    STARTED = "started"
    LONG_RUNNING = "long_running"
    MISSED = "missed"
    LOST = "lost"
    DISABLED = "disabled"
    APPLY_FAILED = "apply_failed"
    DIGEST = "digest"
    """Many messages in one: a storm of them was bundled."""
    TEST = "test"
    PING = "ping"
    """For a machine: an address that raises an alarm when nothing comes."""

    @classmethod
    def of(cls, text: object) -> EventKind | None:
        """Return the kind of that name; None for no name that there is."""
        return next((kind for kind in cls if kind == text), None)

    @property
    def is_trouble(self) -> bool:
        """Return True for what somebody has to look at."""
        return self in _TROUBLE


_TROUBLE = frozenset(
    (
        EventKind.FAILURE,
        EventKind.LONG_RUNNING,
        EventKind.MISSED,
        EventKind.LOST,
        EventKind.DISABLED,
        EventKind.APPLY_FAILED,
    )
)
