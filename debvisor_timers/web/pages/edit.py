# SPDX-License-Identifier: Apache-2.0
"""Pages to create and edit a job: a form and its YAML, a plan, then an apply or a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from debvisor_timers.errors import DebvisorTimersError, RefusedError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.editing.draft import Draft
from debvisor_timers.operations.editing.rewrite import Rewrite
from debvisor_timers.source import Problem
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import Backend, BackendOf
from debvisor_timers.web.forms import Form
from debvisor_timers.web.pages import drafts
from debvisor_timers.web.pages.drafts import Written
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.told import with_told
from debvisor_timers.web.principal import Principal

router = APIRouter()
Editor = Annotated[Principal, Depends(needs(Role.EDITOR))]

_CONFLICT = (
    "the file of this job was changed by somebody else since this page was opened",
    "to go on with your text, send it again: the plan shows what it would change of theirs",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of an editor: who, of which server, for which job (empty: a new one)."""

    request: Request
    who: Principal
    backend: Backend
    job_id: str = ""

    @property
    def address(self) -> str:
        """Return the address of the page that is edited on."""
        return f"/jobs/{self.job_id}/edit" if self.job_id else "/new"


@router.get("/new")
async def new_page(
    request: Request, who: Editor, backend: BackendOf, view: str = "form"
) -> Response:
    """Show the form of a new job."""
    asked = Asked(request=request, who=who, backend=backend)
    text = await backend.read(drafts.new_text)
    fields = await backend.read(drafts.shown_fields, text, drafts.NEW_ID)
    fresh = Written(
        job_id=drafts.NEW_ID,
        is_new=True,
        text=text,
        base="",
        view=view,
        fields=fields or {},
    )
    return await _editor(asked, fresh)


@router.get("/jobs/{job_id}/edit")
async def edit_page(
    request: Request, job_id: str, who: Editor, backend: BackendOf, view: str = "form"
) -> Response:
    """Show the form of a job."""
    asked = Asked(request=request, who=who, backend=backend, job_id=job_id)
    file = await backend.read(drafts.opened, job_id)
    text = file.before.decode(errors="replace")
    fields = await backend.read(drafts.shown_fields, text, job_id)
    was = Written(
        job_id=job_id,
        is_new=False,
        text=text,
        base=drafts.digest(file.before),
        view=view if fields else "yaml",
        fields=fields or {},
    )
    return await _editor(asked, was, file=file)


@router.post("/draft", dependencies=[Depends(needs(Role.EDITOR))])
async def draft(backend: BackendOf, form: Form) -> Response:
    """Return what is to be said of what is being written, for the script of the page."""
    was, found = await backend.read(drafts.drafted, dict(form))
    said = drafts.check_document(found)
    error = {"message": was.error.message, "fix": was.error.fix} if was.error else None
    fields = None if was.error else was.fields or None
    about = {"name": was.name, "text": was.text, "fields": fields, "error": error}
    return JSONResponse({**said, **about})


@router.post("/new")
async def new(request: Request, who: Editor, backend: BackendOf, form: Form) -> Response:
    """Go on with a new job: show its plan, apply it, or try it."""
    was = await backend.read(drafts.written, dict(form), "")
    return await _go_on(Asked(request=request, who=who, backend=backend), was, dict(form))


@router.post("/jobs/{job_id}/edit")
async def edit(
    request: Request, job_id: str, who: Editor, backend: BackendOf, form: Form
) -> Response:
    """Go on with the edit of a job."""
    asked = Asked(request=request, who=who, backend=backend, job_id=job_id)
    was = await backend.read(drafts.written, dict(form), job_id)
    return await _go_on(asked, was, dict(form))


@router.post("/jobs/{job_id}/delete")
async def delete(job_id: str, who: Editor, backend: BackendOf, form: Form) -> Response:
    """Delete a job, once somebody has said that it is meant."""
    if form.get("sure") != job_id:
        raise RefusedError(
            f"{job_id} was not deleted: its id was not written into the field",
            fix="go back, write the id of the job there, and press the button again",
        )
    await backend.change(who, drafts.deleted, job_id)
    return RedirectResponse(with_told("/", "delete"), 303)


async def _go_on(asked: Asked, was: Written, form: dict[str, str]) -> Response:
    step = form.get("step", "plan")
    if step == "edit" or was.error is not None:
        return await _editor(asked, was, status=422 if was.error else 200)
    try:
        file = await _file(asked, was)
    except DebvisorTimersError as error:
        return await _editor(asked, replace(was, error=error), status=error.http_status)
    if not was.is_new and was.base != drafts.digest(file.before):
        theirs = RefusedError(_CONFLICT[0], fix=_CONFLICT[1])
        fresh = replace(was, base=drafts.digest(file.before), error=theirs, view="yaml")
        return await _editor(asked, fresh, status=409, file=file)
    rewrite = replace(file, after=was.text.encode())
    try:
        return await _carried_out(asked, was, rewrite, form)
    except DebvisorTimersError as error:
        return await _editor(asked, replace(was, error=error), status=error.http_status, file=file)


async def _carried_out(
    asked: Asked, was: Written, rewrite: Rewrite, form: dict[str, str]
) -> Response:
    backend, who, step = asked.backend, asked.who, form.get("step", "plan")
    here = f"/jobs/{was.job_id}"
    if step == "apply":
        result = await backend.change(who, drafts.applied, rewrite)
        done = "create" if was.is_new else "update"
        return RedirectResponse(with_told(here, done if result.has_changed else "unchanged"), 303)
    if step == "try":
        seconds = drafts.trial_seconds(form.get("seconds", ""))
        tried = await backend.change(who, drafts.tried, rewrite, seconds)
        if tried.trial is None:
            return RedirectResponse(with_told(here, "unchanged"), 303)
        return RedirectResponse(f"/trial?job={was.job_id}", 303)
    result = await backend.change(who, drafts.planned, rewrite)
    _, now = await backend.read(drafts.waiting)
    return page(
        asked.request,
        "plan.html.j2",
        who,
        was=was,
        plan=drafts.plan_view(result, now),
        address=asked.address,
        file=str(rewrite.path),
    )


async def _file(asked: Asked, was: Written) -> Rewrite:
    if was.is_new:
        return await asked.backend.read(drafts.opened_new, was.job_id)
    return await asked.backend.read(drafts.opened, was.job_id)


async def _editor(
    asked: Asked, was: Written, *, status: int = 200, file: Rewrite | None = None
) -> Response:
    """Return the page that is written on, with all that is wrong."""
    if file is None and not was.is_new:
        file = await asked.backend.read(drafts.opened, was.job_id)
    name = was.name if was.is_new or file is None else file.path.name
    found = await asked.backend.read(drafts.checked, _draft(was, name))
    return page(
        asked.request,
        "edit.html.j2",
        asked.who,
        status,
        was=was,
        check=found.check,
        said=drafts.check_document(found),
        problems=_all_problems(was, found.check.problems),
        address=asked.address,
        tasks=await asked.backend.read(drafts.task_names),
        name=name,
        line=file.line if file else 0,
    )


def _draft(was: Written, name: str) -> Draft:
    return Draft(name=name, text=was.text, job_id=was.job_id, is_ruled=True)


def _all_problems(was: Written, found: Sequence[Problem]) -> list[Problem]:
    """Return the problems of the check, and those that only the apply has seen."""
    known = {(problem.span.line, problem.message) for problem in found}
    further = [
        problem
        for problem in drafts.problems_of(was.error)
        if (problem.span.line, problem.message) not in known
    ]
    return [*found, *further]
