# SPDX-License-Identifier: Apache-2.0
"""All jobs as answers have them; each is made when it is asked for, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from debvisor_timers.operations.documents.jobs import job_document
from debvisor_timers.operations.editing.version import version_of
from debvisor_timers.operations.list import JobRow
from debvisor_timers.web.backend import Backend, JobsSnapshot, backend_of
from debvisor_timers.web.envelope import json_of
from debvisor_timers.web.questions import details, meant

_DETAILS_SECONDS = 10.0
"""So long what a snapshot does not tell of a job, its units say, may be another by now."""


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """The jobs of one snapshot, as JSON; details: of single jobs, with the time of each."""

    snapshot: JobsSnapshot
    rows: Mapping[str, JobRow]
    raw: dict[str, bytes] = field(default_factory=dict)
    details: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: JobsSnapshot) -> Catalogue:
        """Return the catalogue of a snapshot; nothing is made yet."""
        return cls(snapshot=snapshot, rows={row.job_id: row for row in snapshot.jobs.rows})

    def version(self, job_id: str) -> str:
        """Return the version of a job's file; empty for a job that no file has."""
        row = self.rows.get(job_id)
        return version_of(self.snapshot.jobs.definitions, row.job) if row else ""

    def document(self, job_id: str) -> bytes:
        """Return a job, as `list --json` has it, with its version."""
        if job_id not in self.raw:
            found = job_document(self.rows[job_id], self.snapshot.counts)
            self.raw[job_id] = json_of({**found, "version": self.version(job_id)})
        return self.raw[job_id]

    async def in_full(self, backend: Backend, job_id: str) -> bytes:
        """Return all that is known of a job. Raises NotFoundError."""
        now = monotonic()
        at, found = self.details.get(job_id, (-_DETAILS_SECONDS, b""))
        if now - at >= _DETAILS_SECONDS:
            told = await backend.read(details, job_id)
            base = self.document(job_id) if job_id in self.rows else b""
            found = base[:-1] + b"," + json_of(told)[1:] if base else json_of(told)
            self.details[job_id] = now, found
        return found

    async def meant(self, backend: Backend, text: str) -> str:
        """Return the id of the job that `text` means: an id, how one begins, or a name."""
        return text if text in self.rows else await backend.read(meant, text)


async def catalogue_of(request: Request) -> Catalogue:
    """Return all jobs as they are now: the last catalogue again, where nothing has changed."""
    snapshot = await backend_of(request).jobs()
    kept: Catalogue | None = getattr(request.app.state, "catalogue", None)
    if kept is None or kept.snapshot.etag != snapshot.etag:
        kept = request.app.state.catalogue = Catalogue.of(snapshot)
    return kept


CatalogueOf = Annotated[Catalogue, Depends(catalogue_of)]
