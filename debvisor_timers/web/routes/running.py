# SPDX-License-Identifier: Apache-2.0
"""Runs: asked for, awaited, repeated, ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web import runs
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import Backend, BackendOf
from debvisor_timers.web.catalogue import CatalogueOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.idempotency import AnswersOf, Doing, IdempotencyKey
from debvisor_timers.web.openapi import spec, with_header
from debvisor_timers.web.parameters import JobText, RunText
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.questions import rehearsed, run_details
from debvisor_timers.web.schemas.runs import ExecutionDetails, Rehearsed, Started, Stopped

router = APIRouter(tags=["runs"])

Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Wait = Annotated[
    bool, Query(description="Answer when the run is over; false: at once, with 202 and its place.")
]


@router.post(
    "/jobs/{job}/run",
    summary="Execute job immediately",
    **with_header(
        spec(Role.OPERATOR, ExecutionDetails | Rehearsed, also={202: Started}),
        202,
        Location="The run.",
    ),
)
async def run_job(
    request: Request,
    who: Operator,
    backend: BackendOf,
    catalogue: CatalogueOf,
    answers: AnswersOf,
    job: JobText,
    wait: Wait = True,  # noqa: FBT002 - a parameter of the query
    force: Annotated[bool, Query(description="Not to ask the jobs it depends on.")] = False,  # noqa: FBT002
    dry_run: Annotated[bool, Query(description="Only tell what would happen.")] = False,  # noqa: FBT002
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Run a job now, by systemd, exactly as its timer would; the schedule is not touched.

    A run that fails is answered with 200 as well: `status` tells how it ended.
    """
    job_id = await catalogue.meant(backend, job)
    if dry_run:
        return success(await backend.read(rehearsed, job_id, force=force))

    async def carry_out() -> runs.Asked:
        return await runs.start(backend, who, job_id, force=force)

    async def tell(asked: runs.Asked) -> Response:
        return await _answer(backend, asked, wait=wait)

    doing = Doing(carry_out=carry_out, tell=tell)
    return await answers.once(who, request, idempotency_key, doing)


@router.post(
    "/jobs/{job}/executions/{run}/retry",
    summary="Retry execution",
    **with_header(
        spec(Role.OPERATOR, ExecutionDetails, also={202: Started}), 202, Location="The run."
    ),
)
async def retry_run(
    request: Request,
    who: Operator,
    backend: BackendOf,
    catalogue: CatalogueOf,
    answers: AnswersOf,
    job: JobText,
    run: RunText,
    wait: Wait = True,  # noqa: FBT002
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Run a failed run again; the new run is one of its own, with all its attempts."""
    job_id = await catalogue.meant(backend, job)

    async def carry_out() -> runs.Asked:
        whole = (await backend.read(run_details, job_id, run))["execution_id"]
        return await runs.start_again(backend, who, job_id, whole)

    async def tell(asked: runs.Asked) -> Response:
        return await _answer(backend, asked, wait=wait)

    doing = Doing(carry_out=carry_out, tell=tell)
    return await answers.once(who, request, idempotency_key, doing)


@router.post("/jobs/{job}/stop", summary="End the run under way", **spec(Role.OPERATOR, Stopped))
async def stop_run(
    who: Operator, backend: BackendOf, catalogue: CatalogueOf, job: JobText
) -> Response:
    """End the run of a job that is under way; `stopped` is false where there is none."""
    job_id = await catalogue.meant(backend, job)
    return success({"job_id": job_id, "stopped": await backend.change(who, _stop, job_id)})


async def _answer(backend: Backend, asked: runs.Asked, *, wait: bool) -> Response:
    if wait:
        seen = await runs.ended(backend, asked)
        return success(await backend.read(run_details, asked.job_id, seen.run_id))
    seen = await runs.begun(backend, asked)
    place = f"/api/v1/jobs/{asked.job_id}" + (f"/runs/{seen.run_id}" if seen.run_id else "")
    data = {
        "job_id": asked.job_id,
        "execution_id": seen.run_id or None,
        "status": "running" if seen.run_id else "pending",
        "start_time": None,
        "end_time": None,
        "duration_seconds": None,
        "exit_code": None,
        "retry_of": asked.again or None,
        "location": place,
    }
    return success(data, status=202, headers={"Location": place})


def _stop(scheduler: JobScheduler, job_id: str) -> bool:
    return scheduler.stop(job_id)
