# SPDX-License-Identifier: Apache-2.0
"""The error for a job that nobody knows; apart from what reads the YAML, which readers need not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from debvisor_timers.errors import NotFoundError


def unknown_job(job_id: str, known: Iterable[str], *, now: str = "") -> NotFoundError:
    """Return the error for a job that does not exist; now: the id that it has today, if any."""
    near = difflib.get_close_matches(job_id, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`debvisor-timers list` shows all jobs"
    if now not in {"", job_id}:
        hint = f"its id is {now!r} now"
    return NotFoundError(f"there is no job {job_id!r}", fix=hint)
