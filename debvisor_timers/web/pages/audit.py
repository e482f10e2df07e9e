# SPDX-License-Identifier: Apache-2.0
"""The page of the audit: who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.audit import AuditRecord, AuditResult, Verb
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()

_PER_PAGE = 50
_INSTANT = timedelta(microseconds=1)

_TONES = {
    AuditResult.DONE: "good",
    AuditResult.REFUSED: "warn",
    AuditResult.FAILED: "bad",
    AuditResult.UNDONE: "warn",
    AuditResult.CUT_OFF: "bad",
    AuditResult.UNDER_WAY: "busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was asked for; job: to link to."""

    at: datetime
    who: str
    words: str
    job: str
    tone: str
    result: str
    error: str
    diff: str
    generation: int | None
    is_whole: bool


@router.get("/audit")
async def audit(
    request: Request,
    who: Annotated[Principal, Depends(needs(Role.VIEWER))],
    backend: BackendOf,
) -> Response:
    """Return who changed what, newest first."""
    asked = {name: request.query_params.get(name, "")[:100] for name in ("job", "who", "verb")}
    until = _moment(request.query_params.get("until", ""))
    wanted = AuditFilter(
        job=asked["job"],
        who=asked["who"],
        verb=asked["verb"],
        until=until,
        limit=_PER_PAGE + 1,
    )
    records, now = await backend.read(read_audit, wanted)
    shown = records[:_PER_PAGE]
    older = ""
    if len(records) > _PER_PAGE:
        before = (shown[-1].event.time - _INSTANT).isoformat()
        pairs = {**{name: each for name, each in asked.items() if each}, "until": before}
        older = f"/audit?{urlencode(pairs)}"
    return page(
        request,
        "audit.html.j2",
        who,
        entries=[_entry(record) for record in shown],
        asked=asked,
        verbs=[str(verb) for verb in Verb],
        older=older,
        now=now,
    )


def read_audit(
    scheduler: JobScheduler, wanted: AuditFilter
) -> tuple[Sequence[AuditRecord], datetime]:
    """Return what is wanted of the audit, and the time."""
    return scheduler.audit(wanted), scheduler.now()


def _entry(record: AuditRecord) -> Entry:
    event = record.event
    return Entry(
        at=event.time,
        who=str(event.caller),
        words=event.words,
        job=event.jobs[0] if len(event.jobs) == 1 else "",
        tone=_TONES[event.result] if record.is_whole else "bad",
        result=str(event.result),
        error=event.error,
        diff=event.diff,
        generation=event.generation,
        is_whole=record.is_whole,
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
