# SPDX-License-Identifier: Apache-2.0
"""The page of what is being tried: keep it, or take it back; else a timer does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.audit import AuditEvent, Verb
from debvisor_timers.jobs.names import JOB_ID
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.forms import Form, checked_form
from debvisor_timers.web.pages.drafts import waiting
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.told import with_told
from debvisor_timers.web.principal import Principal

router = APIRouter()
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Editor = Annotated[Principal, Depends(needs(Role.EDITOR))]

_LOOKED_AT = 20


@router.get("/trial")
async def trial_page(request: Request, who: Viewer, backend: BackendOf, job: str = "") -> Response:
    """Show what is being tried, and for how long yet."""
    found, now = await backend.read(waiting)
    left = max((found.until - now).total_seconds(), 0) if found and found.until else None
    return page(
        request,
        "trial.html.j2",
        who,
        trial=found,
        left=None if left is None else round(left),
        job=job if JOB_ID.fullmatch(job) else "",
        last=None if found else await backend.read(last_decision),
        now=now,
    )


@router.get("/trial/state", dependencies=[Depends(needs(Role.VIEWER))])
async def trial_state(backend: BackendOf) -> Response:
    """Return whether something is being tried, for the script of the page."""
    found, now = await backend.read(waiting)
    left = (found.until - now).total_seconds() if found and found.until else None
    return JSONResponse({"trying": found is not None, "left_seconds": left})


@router.post("/trial/confirm")
async def confirm(who: Editor, backend: BackendOf, form: Form) -> Response:
    """Keep what is being tried."""
    await backend.change(who, _confirm)
    return RedirectResponse(with_told(_after(form.get("job", "")), "confirm"), 303)


@router.post("/trial/undo", dependencies=[Depends(checked_form)])
async def undo(who: Editor, backend: BackendOf) -> Response:
    """Take back what is being tried."""
    await backend.change(who, _undo)
    # The job may be gone with it.
    return RedirectResponse(with_told("/trial", "undo"), 303)


def last_decision(scheduler: JobScheduler) -> AuditEvent | None:
    """Return how the newest trial has ended; None where this user may not know."""
    ends = {Verb.CONFIRM, Verb.ROLLBACK}
    try:
        records = scheduler.audit(AuditFilter(limit=_LOOKED_AT))
    except DebvisorTimersError:
        return None
    return next((record.event for record in records if record.event.verb in ends), None)


def _confirm(scheduler: JobScheduler) -> int:
    return scheduler.confirm()


def _undo(scheduler: JobScheduler) -> bool:
    return scheduler.undo_unconfirmed() is not None


def _after(job: str) -> str:
    return f"/jobs/{job}" if JOB_ID.fullmatch(job) else "/"
