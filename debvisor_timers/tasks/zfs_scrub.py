# SPDX-License-Identifier: Apache-2.0
"""The task zfs_scrub: all data of pools is read and checked, and what is damaged is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from debvisor_timers.tasks.base import BUSY, FAILED, WRONG, TaskFailed, run_time
from debvisor_timers.tasks.outcomes import for_each
from debvisor_timers.tasks.progress import report_progress
from debvisor_timers.tasks.zfs import Place, ask, chosen, texts

_LONGEST_SECONDS: Final = 10.0
"""Between two looks at a pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The newest scrub or resilver of a pool. ended: None while it is under way.

    fraction: how much is done. repaired: bytes. errors: those that could not be repaired.
    """

    function: str = "NONE"
    state: str = "NONE"
    started: datetime | None = None
    ended: datetime | None = None
    is_paused: bool = False
    fraction: float = 0.0
    repaired: int = 0
    errors: int = 0

    @property
    def is_under_way(self) -> bool:
        """Return whether it goes on, or is paused."""
        return self.state == "SCANNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool as `zpool status` tells of it. errors: known damage of its data."""

    name: str
    state: str
    errors: int
    scan: Scan
    advice: str = ""


def pool_in(text: str, name: str) -> Pool:
    """Return the pool that `zpool status -j --json-int` tells of (ZFS 2.3).

    Raises TaskFailed where that is not understood.
    """
    try:
        found = json.loads(text)["pools"][name]
        return Pool(
            name=name,
            state=str(found["state"]),
            errors=int(found.get("error_count", 0)),
            scan=_scan(found.get("scan_stats", {})),
            advice=" ".join(str(found.get("action", "")).split()),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskFailed(f"zpool status of {name} is not understood: {error!r}") from error


def _scan(found: Mapping[str, Any]) -> Scan:
    function, state = str(found.get("function", "NONE")), str(found.get("state", "NONE"))
    total = int(found.get("to_examine", 0)) - int(found.get("skipped", 0))
    ended = int(found.get("end_time", 0))
    is_under_way = state == "SCANNING"
    return Scan(
        function=function,
        state=state,
        started=datetime.fromtimestamp(int(found.get("start_time", 0)), UTC),
        ended=datetime.fromtimestamp(ended, UTC) if ended and not is_under_way else None,
        is_paused=is_under_way and str(found.get("scrub_pause", 0)) not in {"0", "-"},
        fraction=min(int(found.get("issued", 0)) / total, 1.0) if total > 0 else 0.0,
        repaired=int(found.get("processed", 0)) if function == "SCRUB" else 0,
        errors=int(found.get("errors", 0)),
    )


def zfs_scrub(config: Mapping[str, Any]) -> dict[str, Any]:
    """Scrub the pools that `config` selects, one after the other, and wait for each."""
    known = ask("zpool", "list", "-H", "-o", "name").splitlines()
    pools = chosen(known, texts(config.get("pool")), texts(config.get("exclude")), noun="pool")
    done = iter(range(len(pools)))

    def work(pool: Place) -> dict[str, Any]:
        number = next(done)

        def tell(fraction: float) -> None:
            report_progress((number + fraction) / len(pools), pool.path)

        return _verdict(_scrub(pool.path, run_time(), tell))

    return for_each(pools, work, key="pools", noun="pools")


def _look(pool: str) -> Pool:
    return pool_in(ask("zpool", "status", "-j", "--json-int", "-p", pool), pool)


def _scrub(name: str, begun: datetime, tell: Callable[[float], None]) -> Pool:
    """Have a pool scrubbed, and return it as it is at the end."""
    pool = _look(name)
    if pool.scan.is_under_way and pool.scan.function != "SCRUB":
        raise TaskFailed(
            f"{name} is resilvering",
            fix=f"wait for its end; see: zpool status {name}",
            exit_status=BUSY,
        )
    if pool.scan.is_under_way and not pool.scan.is_paused:
        print(f"{name}: a scrub is under way already; waiting for its end", flush=True)
        begun = min(begun, pool.scan.started or begun)
    elif not _is_of(pool.scan, begun):
        print(f"{name}: scrub", flush=True)
        begun = min(begun, pool.scan.started or begun) if pool.scan.is_paused else begun
        ask("zpool", "scrub", name)
        pool = _look(name)
    pause = 0.5
    while pool.scan.is_under_way and pool.scan.function == "SCRUB":
        tell(pool.scan.fraction)
        pause = min(pause * 2, _LONGEST_SECONDS)
        time.sleep(pause)
        pool = _look(name)
    _check_end(pool, begun)
    return pool


def _is_of(scan: Scan, begun: datetime) -> bool:
    """Return whether this run, in an earlier attempt, has scrubbed already."""
    return (scan.function, scan.state) == ("SCRUB", "FINISHED") and (
        scan.started is not None and scan.started >= begun
    )


def _check_end(pool: Pool, begun: datetime) -> None:
    if _is_of(pool.scan, begun):
        return
    if (pool.scan.function, pool.scan.state) == ("SCRUB", "CANCELED"):
        # Somebody wanted that: another attempt would begin it anew.
        raise TaskFailed(f"the scrub of {pool.name} was cancelled", exit_status=WRONG)
    what = f"{pool.scan.function.lower()} {pool.scan.state.lower()}"
    raise TaskFailed(f"the scrub of {pool.name} has no end: {what}", exit_status=FAILED)


def _verdict(pool: Pool) -> dict[str, Any]:
    """Return what became of a pool; raise TaskFailed where it is not well."""
    scan = pool.scan
    seconds = (scan.ended - scan.started).total_seconds() if scan.ended and scan.started else None
    result = {
        "state": pool.state,
        "errors": max(scan.errors, pool.errors),
        "repaired_bytes": scan.repaired,
        "duration_seconds": seconds,
    }
    words = f"{pool.name}: {pool.state}, {result['errors']} errors, {scan.repaired} bytes repaired"
    print(words, flush=True)
    faults = [f"{result['errors']} errors in its data"] if result["errors"] else []
    faults += [f"its state is {pool.state}"] if pool.state != "ONLINE" else []
    if faults:
        raise TaskFailed(
            f"{pool.name} is not well: {'; '.join(faults)}",
            fix=pool.advice or f"see: zpool status -v {pool.name}",
            exit_status=WRONG,
            result=result,
        )
    return {"outcome": "done", **result}
