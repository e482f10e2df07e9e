# SPDX-License-Identifier: Apache-2.0
"""What was told of a job: one file each, so that nothing is told twice, and a recovery once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.history.fields import format_fields, parse_fields
from debvisor_timers.history.outcome import moment
from debvisor_timers.history.rows import usec
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a job stands in the eyes of those who are told.

    seen: the newest run that was looked at, which began at seen_start. failures: how many runs have
    failed in a row up to that, the first of which began at `since`; failed_at: when the newest of
    them ended. told_at: when a failure of this row was told last. skip: the cause of the skip that
    was told last, at skip_at, in the words of skip_reason; skip_again: when it may be told
    again though the job has not run since, None for never. By these `end` knows that there is
    nothing to tell.
    """

    seen: str = ""
    seen_start: datetime | None = None
    failures: int = 0
    since: datetime | None = None
    failed_at: datetime | None = None
    told_at: datetime | None = None
    skip: str = ""
    skip_at: datetime | None = None
    skip_reason: str = ""
    skip_again: datetime | None = None


def read_told(layout: Layout, job_id: str) -> Told | None:
    """Return what was told of the job; None where nothing was."""
    path = layout.notified / job_id
    try:
        text = path.read_text(encoding="utf-8")
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError):
        return None
    if "=" not in text:  # of a version that noted no more than the newest failure that was told
        run = text.strip()
        if not run:
            return None
        return Told(seen=run, failures=1, since=written, failed_at=written, told_at=written)
    return _of(parse_fields(text))


def write_told(layout: Layout, job_id: str, told: Told) -> None:
    """Note durably what was told of the job. Raises SystemdError."""
    fields = {
        "SEEN": told.seen,
        "SEEN_USEC": _text(told.seen_start),
        "FAILURES": str(told.failures or ""),
        "SINCE_USEC": _text(told.since),
        "FAILED_USEC": _text(told.failed_at),
        "TOLD_USEC": _text(told.told_at),
        "SKIP": told.skip,
        "SKIP_USEC": _text(told.skip_at),
        "SKIP_REASON": " ".join(told.skip_reason.splitlines()),
        "SKIP_AGAIN_USEC": _text(told.skip_again),
    }
    known = {name: value for name, value in fields.items() if value}
    durable.write_bytes(layout.notified / job_id, format_fields(known), mode=0o644)


def read_run(folder: Path, job_id: str) -> str:
    """Return the run that is noted in `folder` as told; empty for none."""
    try:
        return (folder / job_id).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _of(fields: Mapping[str, str]) -> Told:
    failures = fields.get("FAILURES", "")
    return Told(
        seen=fields.get("SEEN", ""),
        seen_start=moment(fields.get("SEEN_USEC", "")),
        failures=int(failures) if failures.isascii() and failures.isdigit() else 0,
        since=moment(fields.get("SINCE_USEC", "")),
        failed_at=moment(fields.get("FAILED_USEC", "")),
        told_at=moment(fields.get("TOLD_USEC", "")),
        skip=fields.get("SKIP", ""),
        skip_at=moment(fields.get("SKIP_USEC", "")),
        skip_reason=fields.get("SKIP_REASON", ""),
        skip_again=moment(fields.get("SKIP_AGAIN_USEC", "")),
    )


def _text(at: datetime | None) -> str:
    return str(usec(at)) if at else ""
