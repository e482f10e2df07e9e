# SPDX-License-Identifier: Apache-2.0
"""Last-run files as `end` leaves them on a host: the twin runs no programs of ours."""

from __future__ import annotations

from tests.unit.operations.world import World

FAILED_AT_TWO = """\
DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c
DEBVISOR_INVOCATION_ID=5c40a60f20374471935030d7d39ed978
DEBVISOR_START_USEC=1795399200000000
DEBVISOR_RESULT=exit-code
DEBVISOR_EXIT_CODE=exited
DEBVISOR_EXIT_STATUS=3
DEBVISOR_END_USEC=1795399290500000
"""
"""On Monday 2026-11-23 at 02:00:00 UTC, for 90.5 seconds."""
SUCCEEDED_AT_TWO = FAILED_AT_TWO.replace("=exit-code", "=success").replace("STATUS=3", "STATUS=0")
STOPPED_AT_TWO = (
    FAILED_AT_TWO.replace("=exit-code", "=signal")
    .replace("=exited", "=killed")
    .replace("STATUS=3", "STATUS=TERM")
    + "DEBVISOR_STOPPED=1\n"
)


def note_last(world: World, job_id: str, text: str) -> None:
    """Put `text` where `end` would have put it."""
    folder = world.layout.last
    folder.mkdir(parents=True, exist_ok=True)
    (folder / job_id).write_text(text, encoding="utf-8")
