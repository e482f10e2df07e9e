# SPDX-License-Identifier: Apache-2.0
"""Elapses of OnCalendar= values as systemd itself computes them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_SPECS_PER_CALL = 400
# systemd 252 writes "Iter. #2:", systemd 257 "Iteration #2:".
_ELAPSE = re.compile(
    r"\s*(?:Next elapse|Iter(?:ation|\.) #[0-9]+): (?:\w{3} )?(never|[0-9-]{10} [0-9:]{8}(?= UTC))"
)


def elapses(specs: Sequence[str], base: datetime, count: int) -> list[list[datetime]]:
    """Return for each spec its first `count` elapses after `base`, in UTC; fewer when they end.

    Raises ValueError when systemd refuses one of the specs.
    """
    found: list[list[datetime]] = []
    for start in range(0, len(specs), _SPECS_PER_CALL):
        found += _elapses(specs[start : start + _SPECS_PER_CALL], base, count)
    return found


def joined(lines: Iterable[Sequence[datetime]], count: int) -> list[datetime]:
    """Return the first `count` elapses of a timer with several lines: each instant once."""
    return sorted({instant for line in lines for instant in line})[:count]


def _elapses(specs: Sequence[str], base: datetime, count: int) -> list[list[datetime]]:
    options = [f"--iterations={count}", f"--base-time={base.astimezone(UTC):%F %T} UTC"]
    answer = subprocess.run(
        ["systemd-analyze", "calendar", *options, "--", *specs],
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[list[datetime]] = []
    for line in answer.stdout.splitlines():
        if line.lstrip().startswith("Normalized form:"):
            found.append([])
        elif (match := _ELAPSE.match(line)) and match[1] != "never":
            found[-1].append(datetime.fromisoformat(f"{match[1]}+00:00"))
    if len(found) != len(specs) or answer.returncode != 0:
        raise ValueError(f"systemd-analyze calendar: {answer.stderr.strip()}")
    return found
