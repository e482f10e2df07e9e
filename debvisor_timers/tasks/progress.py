# SPDX-License-Identifier: Apache-2.0
"""How far a handler has come: told to the journal, from the unit of the job."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress

from debvisor_timers.history.records import PROGRESS_MESSAGE_ID
from debvisor_timers.runtime import notes

_SECONDS = 1.0
"""So often, at most; the end is always told."""

_told_at = float("-inf")


def report_progress(fraction: float, text: str = "") -> None:
    """Say how far the task has come: `list` and `show` tell people while it runs.

    fraction: from 0 to 1; others are cut to that. text: what is being done, in a few words. Told
    once a second at most, so a handler may call it as often as it likes. Outside of a job, and
    where the journal takes nothing, it does nothing. Raises ValueError for no number.
    """
    global _told_at  # noqa: PLW0603 - a process does one task
    if math.isnan(fraction):
        raise ValueError("the fraction is not a number")
    done = min(max(float(fraction), 0.0), 1.0)
    now = time.monotonic()
    if "INVOCATION_ID" not in os.environ or (done < 1 and now - _told_at < _SECONDS):
        return
    _told_at = now
    words = " ".join(text.split())[:200]
    fields = {
        "MESSAGE": f"{done:.0%} {words}".rstrip(),
        "MESSAGE_ID": PROGRESS_MESSAGE_ID,
        "PRIORITY": "7",
        "SYSLOG_IDENTIFIER": os.environ.get("DEBVISOR_JOB", "task"),
        "DEBVISOR_PROGRESS": f"{done:.4f}",
        "DEBVISOR_PROGRESS_TEXT": words,
    }
    with suppress(OSError):
        notes.send(fields)
