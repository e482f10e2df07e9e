# SPDX-License-Identifier: Apache-2.0
"""logs: how to ask journalctl for what a job said, and what systemd said of it."""

from __future__ import annotations

from debvisor_timers.render.names import service_unit


def journalctl_command(job_id: str, *, follow: bool, lines: int, as_json: bool) -> list[str]:
    """Return the argv of journalctl that shows the last `lines` records of the job."""
    return [
        "journalctl",
        f"--unit={service_unit(job_id)}",
        f"--lines={lines}",
        f"--output={'json' if as_json else 'short-iso'}",
        *(["--follow"] if follow else []),
    ]
