# SPDX-License-Identifier: Apache-2.0
"""Amounts of memory and of CPU time, as systemd reads them."""

from __future__ import annotations

import re

from debvisor_timers.jobs.faults import fault, quoted

_SIZE = re.compile(r"([0-9]{1,15})(?:\.[0-9]{1,3})?([BKMGTPE]?)")
_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,2})?)%")
MEMORY_PATTERN = r"^(infinity|[0-9]{1,15}(\.[0-9]{1,3})?[BKMGTPE]?|[0-9]{1,6}(\.[0-9]{1,2})?%)$"
"""How an amount of memory looks, for editors."""
QUOTA_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,2})?%$"
"""How a share of CPU time looks, for editors."""
_UNITS_OF_SIZE = "KMGTPE"


def check_memory(size: str) -> str:
    """Return an amount of memory as systemd reads it: `512M`, `50%`, `infinity`."""
    if size == "infinity" or _is_share(size):
        return size
    parts = _SIZE.fullmatch(size)
    if parts is None:
        raise fault(f"{quoted(size)} is not an amount of memory", fix=_memory_fix(size))
    exponent = 10 * (_UNITS_OF_SIZE.find(parts[2]) + 1) if parts[2] else 0
    if not 0 < float(size.rstrip("BKMGTPE")) * 2**exponent < 2**63:
        raise fault(f"{size} is out of range", fix="write an amount such as 512M, 1G or 50%")
    return size


def _is_share(size: str) -> bool:
    share = _PERCENT.fullmatch(size)
    if share and not 0 < float(share[1]) <= 100:
        raise fault(f"{size} is outside 0%-100%", fix="write an amount such as 512M, 1G or 50%")
    return share is not None


def _memory_fix(size: str) -> str:
    loose = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([kmgtpe])(?:i?b)?", size.lower())
    example = f"{loose[1]}{loose[2].upper()}" if loose else "512M, 1G, 50% or infinity"
    return f"write {example}"


def check_quota(quota: str) -> str:
    """Return a share of one CPU's time, which may be more than 100%."""
    share = _PERCENT.fullmatch(quota)
    if share is None:
        raise fault(
            f"{quoted(quota)} is not a percentage", fix="write 100% for one whole CPU, 200% for two"
        )
    if not 0 < float(share[1]) <= 100_000:
        raise fault(f"{quota} is outside 0%-100000%", fix="write 100% for one whole CPU")
    return quota
