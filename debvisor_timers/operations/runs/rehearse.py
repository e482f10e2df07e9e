# SPDX-License-Identifier: Apache-2.0
"""run --dry-run: what would happen if a job were run now, read from its service as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from debvisor_timers.operations.holding.marks import Mark, pause
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service
from debvisor_timers.operations.past.outline import outline
from debvisor_timers.operations.runs.running import is_running
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.render.names import service_unit
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import FileEntry


class AskedFor(StrEnum):
    """What a run asks of another job before it begins.

    REQUIRES: its success. STEP: a run of it, for this one. AFTER: that it does not run.
    """

    REQUIRES = "requires"
    STEP = "step"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A job that would be asked for; wait: how long for it at most; max_age: of its success."""

    job_id: str
    kind: AskedFor
    wait: timedelta | None
    max_age: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that would be taken: places of a pool, or that which keeps two jobs apart.

    name: of the pool, or the id of the other job. places, of: in a pool; 1 of 1 in a conflict.
    skips: the run is left out while it is taken. wait: how long for it at most, where that is said.
    """

    name: str
    is_pool: bool
    places: int = 1
    of: int = 1
    skips: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a run by hand would be, were it begun now.

    text: the service. program: the command line as the service has it. refused: why it would not
    begin at all, empty where it would. timeout: of one attempt, None for none. pause: of the job;
    whoever starts it by hand means it, so it would run all the same.
    """

    job_id: str
    text: str
    program: str
    user: str
    timeout: timedelta | None
    attempts: int
    needs: tuple[Need, ...]
    locks: tuple[Lock, ...]
    units: tuple[str, ...]
    pause: Mark | None
    refused: str

    @property
    def service(self) -> str:
        """Return the name of the unit that would be started."""
        return service_unit(self.job_id)


def rehearse(host: Host, job_id: str) -> Rehearsal:
    """Return what a run of the job would be. Changes nothing, and needs no root.

    Raises NotFoundError for a job that nobody knows, RefusedError for one that is not applied.
    """
    text = applied_service(host, job_id)
    unit = UnitFile.parse(text)
    told = outline(job_id, FileEntry(text), None)
    return Rehearsal(
        job_id=job_id,
        text=text,
        program=_last(unit, "ExecStart").split(" ", 2)[-1],
        user=_last(unit, "User") or "root",
        timeout=told.timeout if told else None,
        attempts=len(_last(unit, "X-Delays").split()) + 1,
        needs=tuple(_needs(unit)),
        locks=tuple(_locks(unit, job_id)),
        units=tuple(word for line in unit.get("Unit", "Requires") for word in line.split()),
        pause=_pause(host, job_id),
        refused=_refusal(host, job_id),
    )


def _pause(host: Host, job_id: str) -> Mark | None:
    mark = pause(host.layout, job_id)
    return mark if mark is not None and mark.holds(host.clock.now()) else None


def _last(unit: UnitFile, key: str) -> str:
    values = unit.get("Service", key)
    return values[-1].replace("%%", "%") if values else ""


_NEEDS: Mapping[str, AskedFor] = {
    "X-Requires": AskedFor.REQUIRES,
    "X-Step": AskedFor.STEP,
    "X-After": AskedFor.AFTER,
}


def _needs(unit: UnitFile) -> Iterator[Need]:
    """Yield what `begin` reads off the same lines: JOB | WAIT | MAX AGE."""
    for key, kind in _NEEDS.items():
        for line in unit.get("Service", key):
            job, wait, age = [*line.split(" | "), "", ""][:3]
            yield Need(job_id=job, kind=kind, wait=_seconds(wait), max_age=_seconds(age))


def _locks(unit: UnitFile, job_id: str) -> Iterator[Lock]:
    for line in unit.get("Service", "X-Pool"):
        name, places, size, wait = [*line.split(" | "), ""][:4]
        yield Lock(name=name, is_pool=True, places=int(places), of=int(size), wait=_seconds(wait))
    for line in unit.get("Service", "X-Conflict"):
        pair, policy, wait = [*line.split(" | "), ""][:3]
        other = next((one for one in pair.split("+") if one != job_id), pair)
        yield Lock(name=other, is_pool=False, skips=policy == "skip", wait=_seconds(wait))


def _seconds(text: str) -> timedelta | None:
    return timedelta(seconds=float(text.removesuffix("s"))) if text else None


def _refusal(host: Host, job_id: str) -> str:
    if not is_running(host, job_id):
        return ""
    noted = under_way(host, job_id)
    waiting = f": it waits {noted.waiting}" if noted is not None and noted.waiting else ""
    return f"a run of it is under way{waiting}"
