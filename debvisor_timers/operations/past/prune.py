# SPDX-License-Identifier: Apache-2.0
"""Forgetting runs: the index keeps them so long, and so many of each job, as config.yaml says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history.index import Index
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import may_write, synchronize

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the index keeps: runs that began within `keep`, at most `keep_runs` of each job.

    None: as the config.yaml says that was applied last.
    """

    keep: timedelta | None = None
    keep_runs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many runs were forgotten, by which limits; notes: for people."""

    runs: int
    keep: timedelta
    keep_runs: int
    notes: tuple[str, ...] = ()


def forget_runs(host: Host, job_id: str, keep: Collection[str]) -> int:
    """Bring the index up to date, then forget the runs of a job but those with the ids `keep`.

    Runs that are not over, or were a minute ago, stay. Returns how many were forgotten. Raises the
    errors of `prune_history`.
    """
    _require_writer(host)
    found: list[int] = []
    done = synchronize(host, then=lambda index: found.append(index.forget_of(job_id, keep)))
    if not done.is_done:
        raise SystemdError("; ".join(done.notes), fix="look at the disk and at its rights")
    return sum(found)


def _require_writer(host: Host) -> None:
    if not may_write(host.layout.index):
        raise PermissionRefusedError(
            f"only root may change the index {host.layout.index}", fix="run the command with sudo"
        )


def prune_history(host: Host, limits: Limits, *, dry_run: bool = False) -> Pruned:
    """Bring the index up to date, then forget what it does not have to keep.

    dry_run: only count. The journal is left alone. Raises PermissionRefusedError without root,
    SystemdError when the index cannot be written.
    """
    _require_writer(host)
    settings = applied_config(host).history
    keep = settings.keep if limits.keep is None else limits.keep
    keep_runs = settings.keep_runs if limits.keep_runs is None else limits.keep_runs
    found: list[int] = []

    def forget(index: Index) -> None:
        now = host.clock.now()
        # Longer than there is time.
        before = now - keep if keep < now - _BEGINNING else _BEGINNING
        found.append(index.forget(before=before, keep=keep_runs, dry_run=dry_run))

    done = synchronize(host, then=forget)
    if not done.is_done:
        raise SystemdError("; ".join(done.notes), fix="look at the disk and at its rights")
    return Pruned(runs=sum(found), keep=keep, keep_runs=keep_runs, notes=done.notes)
