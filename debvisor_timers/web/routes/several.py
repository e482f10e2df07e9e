# SPDX-License-Identifier: Apache-2.0
"""Several jobs changed as one; which jobs have runs, what those printed, forgetting some."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web import several
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.idempotency import AnswersOf, Doing, IdempotencyKey
from debvisor_timers.web.openapi import spec
from debvisor_timers.web.parameters import JobText, RunText
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.questions import meant
from debvisor_timers.web.schemas.several import Changed, Forgotten, Kept, KeptRuns, Printed, Several

router = APIRouter(tags=["jobs"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Editor = Annotated[Principal, Depends(needs(Role.EDITOR))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


@router.post("/batch", summary="Change several jobs as one", **spec(Role.EDITOR, Changed))
async def change_several(
    request: Request,
    who: Editor,
    backend: BackendOf,
    answers: AnswersOf,
    body: Several,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make, change and delete jobs by one apply: all of it or nothing. None is started."""

    async def carry_out() -> list[str]:
        return await several.change(backend, who, body.changes)

    async def tell(jobs: list[str]) -> Response:
        return success({"jobs": jobs, "count": len(jobs)})

    doing = Doing(carry_out=carry_out, tell=tell)
    return await answers.once(who, request, idempotency_key, doing)


@router.get("/history/jobs", summary="List jobs with a history", **spec(Role.VIEWER, KeptRuns))
async def jobs_with_runs(_who: Viewer, backend: BackendOf) -> Response:
    """The ids of all jobs that have runs, also of those that were deleted."""
    jobs = await backend.read(several.jobs_with_runs)
    return success({"jobs": jobs, "count": len(jobs)})


@router.get(
    "/jobs/{job}/runs/{run}/output",
    summary="Get what a run printed",
    **spec(Role.VIEWER, Printed, fails=[404]),
)
async def run_output(_who: Viewer, backend: BackendOf, job: JobText, run: RunText) -> Response:
    """What a run printed, standard output and standard error apart: 1,000 lines of each."""
    job_id = await backend.read(meant, job)
    return success(await backend.read(several.printed, job_id, run))


@router.post(
    "/jobs/{job}/history/forget", summary="Forget runs of a job", **spec(Role.ADMIN, Forgotten)
)
async def forget_runs(who: Admin, backend: BackendOf, job: JobText, body: Kept) -> Response:
    """Forget the runs of a job but those to keep, and those of the last minute.

    The index forgets them; the journal is left as it is.
    """
    job_id = await backend.read(meant, job)
    runs = await backend.change(who, several.forget, job_id, tuple(body.keep))
    return success({"job_id": job_id, "forgotten": runs})
