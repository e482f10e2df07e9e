# SPDX-License-Identifier: Apache-2.0
"""What is said of a text that is no time."""

from __future__ import annotations

from debvisor_timers.errors import UsageError


def no_instant(text: str) -> UsageError:
    """Return the error for `text` that systemd reads no instant from."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return UsageError(
        f"'{shown}' is no time that systemd can read",
        fix='write one as systemd.time(7) has it: "2026-11-27 02:00", "tomorrow", "+3h", "now"',
    )
