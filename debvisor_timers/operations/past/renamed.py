# SPDX-License-Identifier: Apache-2.0
"""Jobs that were given another id: whose runs before that belong to which job today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.rows import moment, usec
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """Runs of the job `old` that began before `at` are of the job `new`."""

    old: str
    new: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Renamings:
    """All renamings of a host, in their order."""

    several: Sequence[Renaming] = ()

    @classmethod
    def read(cls, layout: Layout) -> Renamings:
        """Return those that applies have noted. Raises SystemdError when they cannot be read."""
        document = durable.read_json(layout.renamed)
        rows = document if isinstance(document, list) else []
        try:
            return cls([Renaming(old=old, new=new, at=moment(at)) for old, new, at in rows])
        except (TypeError, ValueError, OverflowError) as error:
            raise SystemdError(f"cannot read {layout.renamed}: {error}") from error

    def write(self, layout: Layout) -> None:
        """Note them, durably; everybody may read them."""
        rows = [[each.old, each.new, usec(each.at)] for each in self.several]
        durable.write_json(layout.renamed, rows, mode=0o644)

    def name(self, job_id: str, start: datetime) -> str:
        """Return the id that the job has today which had that id in a run that began then."""
        for each in self.several:
            if each.old == job_id and start < each.at:
                job_id = each.new
        return job_id

    def today(self, job_id: str) -> str:
        """Return the id that the first job has today that had this one."""
        return self.name(job_id, _EVER)

    def ids(self, job_id: str) -> tuple[str, ...]:
        """Return the ids that a job has had, the one of today first."""
        found = {job_id: None}
        for each in reversed(self.several):
            if each.new in found:
                found[each.old] = None
        return tuple(found)

    def with_new(self, renames: Mapping[str, str], at: datetime) -> Renamings:
        """Return them with `renames` besides, new id by old id, as far as they are not known."""
        # A job may get back an id that it had: the newest renaming of an id is the one that holds.
        holds: dict[str, tuple[str, str]] = {}
        for each in self.several:
            holds[each.old] = holds[each.new] = (each.old, each.new)
        new = [
            Renaming(old=old, new=name, at=at)
            for old, name in renames.items()
            if holds.get(old) != (old, name)
        ]
        return Renamings([*self.several, *new])
