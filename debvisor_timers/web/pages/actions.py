# SPDX-License-Identifier: Apache-2.0
"""The buttons: each a form that is posted, asks the agent, and leads back to where it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from debvisor_timers.errors import NotFoundError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.holding.pause import Wish
from debvisor_timers.operations.holding.selecting import Choice
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.forms import Form, checked_form, own_address
from debvisor_timers.web.pages.told import with_told
from debvisor_timers.web.pages.watching import watching_of
from debvisor_timers.web.principal import Principal

router = APIRouter()

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]


def run(scheduler: JobScheduler, job_id: str) -> str:
    """Start a job; return what is to be said of it, as all of these do."""
    scheduler.run(job_id, wait=False)
    return "run"


def retry(scheduler: JobScheduler, job_id: str, run_id: str | None = None) -> str:
    """Run a failed run again, the newest one where none is named."""
    scheduler.retry(job_id, run_id, wait=False)
    return "retry"


def stop(scheduler: JobScheduler, job_id: str) -> str:
    """End the run that is under way."""
    return "stop" if scheduler.stop(job_id) else "not-running"


def pause(scheduler: JobScheduler, job_id: str) -> str:
    """Let nothing start the job but people."""
    scheduler.pause(Choice(jobs=(job_id,)), Wish())
    return "pause"


def resume(scheduler: JobScheduler, job_id: str) -> str:
    """Let it start again by its schedule."""
    scheduler.resume(Choice(jobs=(job_id,)))
    return "resume"


def skip(scheduler: JobScheduler, job_id: str) -> str:
    """Skip its next run."""
    scheduler.skip_next(job_id, 1)
    return "skip"


def unskip(scheduler: JobScheduler, job_id: str) -> str:
    """Skip none after all."""
    scheduler.skip_next(job_id, 0)
    return "unskip"


@router.post("/jobs/{job_id}/runs/{run_id}/retry", dependencies=[Depends(checked_form)])
async def retry_run(request: Request, who: Operator, backend: BackendOf) -> RedirectResponse:
    """Run one failed run again, and lead to its job."""
    job_id, run_id = request.path_params["job_id"], request.path_params["run_id"]
    said = await backend.change(who, retry, job_id, run_id)
    watching_of(request).forget()
    return RedirectResponse(with_told(f"/jobs/{job_id}", said), 303)


def _route(verb: str, function: Callable[[JobScheduler, str], str]) -> None:
    async def act(
        request: Request, job_id: str, who: Operator, form: Form, backend: BackendOf
    ) -> RedirectResponse:
        if not _ID.fullmatch(job_id):
            raise NotFoundError(f"there is no job {job_id!r}", fix="the first page shows all jobs")
        said = await backend.change(who, function, job_id)
        watching_of(request).forget()
        back = own_address(form.get("back", ""), f"/jobs/{job_id}")
        return RedirectResponse(with_told(back, said), 303)

    act.__doc__ = function.__doc__
    router.add_api_route(f"/jobs/{{job_id}}/{verb}", act, methods=["POST"], name=f"page_{verb}")


for _verb, _function in {
    "run": run,
    "retry": retry,
    "stop": stop,
    "pause": pause,
    "resume": resume,
    "skip": skip,
    "unskip": unskip,
}.items():
    _route(_verb, _function)
