# SPDX-License-Identifier: Apache-2.0
"""Jobs: listed, looked at, made, changed, deleted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from debvisor_timers.errors import ChangedMeanwhileError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.chosen import JobChoice, chosen_rows
from debvisor_timers.operations.documents.holding import mark_document
from debvisor_timers.operations.list import JobRow
from debvisor_timers.web import changes, etags, paging
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.catalogue import Catalogue, CatalogueOf, catalogue_of
from debvisor_timers.web.envelope import failure_of, json_of, success, success_of
from debvisor_timers.web.idempotency import AnswersOf, Doing, IdempotencyKey
from debvisor_timers.web.openapi import spec, unchanged, with_header
from debvisor_timers.web.parameters import JobText, Tags, tags_of
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.questions import meant_whole
from debvisor_timers.web.schemas.jobs import Deleted, Job, JobDetails, Jobs
from debvisor_timers.web.schemas.requests import JobUpdate, NewJob

router = APIRouter(tags=["jobs"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Editor = Annotated[Principal, Depends(needs(Role.EDITOR))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which jobs a list is to have; text: in the id, the name or the description."""

    choice: JobChoice
    task_type: str
    text: str

    def rows(self, rows: Sequence[JobRow]) -> Sequence[JobRow]:
        """Return the rows that are wanted."""
        found = rows if self.choice.is_all else chosen_rows(rows, self.choice)
        if not (self.task_type or self.text):
            return found
        return [row for row in found if self._is_wanted(row)]

    def _is_wanted(self, row: JobRow) -> bool:
        job = row.job
        if self.task_type and not (job and job.task and job.task.type == self.task_type):
            return False
        words = (row.job_id, job.title, job.description) if job else (row.job_id,)
        return not self.text or any(self.text in each.casefold() for each in words)


async def _wanted(
    *,
    owner: Annotated[str, Query(max_length=200)] = "",
    tag: Tags = [],
    status: Annotated[
        list[str],
        Query(description="Of several one must hold: running, failed, disabled, paused, ..."),
    ] = [],
    task_type: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=200, description="In the id, name or text.")] = "",
) -> _Wanted:
    choice = JobChoice(owner=owner, tags=tags_of(tag), statuses=status)
    return _Wanted(choice=choice, task_type=task_type, text=q.casefold())


@router.get(
    "/jobs",
    summary="List jobs",
    **with_header(
        unchanged(spec(Role.VIEWER, Jobs)), 200, ETag="Of this list.", Link="The next page."
    ),
)
async def list_jobs(
    request: Request,
    _who: Viewer,
    catalogue: CatalogueOf,
    wanted: Annotated[_Wanted, Depends(_wanted)],
    limit: paging.Limit = 100,
    cursor: paging.Cursor = "",
) -> Response:
    """Jobs in order of their ids, those that are all of what the query says."""
    rows = wanted.rows(catalogue.snapshot.jobs.rows)
    (after,) = paging.place_of(cursor, str) if cursor else ("",)
    begin = bisect_right(rows, str(after), key=lambda row: row.job_id)
    page = rows[begin : begin + limit]
    is_last = begin + limit >= len(rows)
    following = None if is_last else paging.next_link(request, paging.cursor_of(page[-1].job_id))
    documents = [catalogue.document(row.job_id) for row in page]
    frame = {
        "count": len(page),
        "total": len(rows),
        "next": following,
        "maintenance": mark_document(catalogue.snapshot.jobs.maintenance),
    }
    data = b'{"jobs":[%b],%b' % (b",".join(documents), json_of(frame)[1:])
    tag = etags.tag_of("", data)
    if etags.is_known(request, tag):
        return etags.not_modified(tag)
    return success_of(data, headers={"ETag": tag, **paging.link_header(following)})


@router.get(
    "/jobs/{job}",
    summary="Get job details",
    **unchanged(spec(Role.VIEWER, JobDetails, fails=[404])),
)
async def get_job(
    request: Request, _who: Viewer, backend: BackendOf, catalogue: CatalogueOf, job: JobText
) -> Response:
    """All that is known of one job; with its unit files."""
    job_id = await catalogue.meant(backend, job)
    data = await catalogue.in_full(backend, job_id)
    tag = etags.tag_of(catalogue.version(job_id), data)
    if etags.is_known(request, tag):
        return etags.not_modified(tag)
    return success_of(data, headers={"ETag": tag})


@router.post(
    "/jobs",
    summary="Create a new job",
    **with_header(
        spec(Role.EDITOR, Job, status=201), 201, Location="The job.", ETag="Its version."
    ),
)
async def create_job(
    request: Request,
    who: Editor,
    backend: BackendOf,
    answers: AnswersOf,
    body: NewJob,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A new job in a file of its own, applied at once; no other job is touched, none is started."""

    async def carry_out() -> str:
        return await changes.create(backend, who, body)

    async def tell(job_id: str) -> Response:
        return await _job(request, job_id, status=201)

    doing = Doing(carry_out=carry_out, tell=tell)
    return await answers.once(who, request, idempotency_key, doing)


@router.put(
    "/jobs/{job}",
    summary="Update a job",
    **with_header(spec(Role.EDITOR, Job, fails=[412]), 200, ETag="Its version."),
)
async def update_job(
    request: Request,
    who: Editor,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    body: JobUpdate,
    if_match: etags.IfMatch = None,
) -> Response:
    """Change the fields that are named, in the job's file, and apply that job alone.

    What is not named stays as it is, comments too; null takes a field away. With If-Match, or
    `version` in the body, nothing is done where the file has changed meanwhile.
    """
    job_id = await catalogue.meant(backend, job)
    if (refused := _refusal(catalogue, job_id, if_match or "")) is not None:
        return refused
    version = body.version or _exact(catalogue, job_id, if_match or "")
    try:
        await changes.update(backend, who, job_id, changes.Versioned(body=body, version=version))
    except ChangedMeanwhileError as error:
        return failure_of(error, status=409 if body.version else 412)
    return await _job(request, job_id)


@router.delete("/jobs/{job}", summary="Delete a job", **spec(Role.EDITOR, Deleted, fails=[412]))
async def delete_job(
    who: Editor,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    if_match: etags.IfMatch = None,
) -> Response:
    """Remove a job from its file and from systemd; its history stays. A run goes on.

    JOB is a whole id, or a name: how an id begins is not enough to delete a job.
    """
    known = job in catalogue.rows
    job_id = job if known else await backend.read(meant_whole, job)
    if (refused := _refusal(catalogue, job_id, if_match or "")) is not None:
        return refused
    try:
        await changes.delete(backend, who, job_id, _exact(catalogue, job_id, if_match or ""))
    except ChangedMeanwhileError as error:
        return failure_of(error, status=412)
    return success({"job_id": job_id, "deleted": True})


def _exact(catalogue: Catalogue, job_id: str, if_match: str) -> str:
    """Return the version that a change is for; empty for any."""
    return catalogue.version(job_id) if if_match and if_match.strip() != "*" else ""


def _refusal(catalogue: Catalogue, job_id: str, if_match: str) -> Response | None:
    """Return the answer for a job that is not of the version that If-Match names."""
    wanted, now = etags.versions_in(if_match), catalogue.version(job_id)
    if not if_match or now in wanted or ("*" in wanted and now):
        return None
    words = f"is of version {now}" if now else "is in no file"
    return failure_of(
        ChangedMeanwhileError(
            f"job {job_id!r} is not any more as If-Match has it: it {words}",
            fix="read it again, and make the change on what is there now",
        ),
        status=412,
    )


async def _job(request: Request, job_id: str, *, status: int = 200) -> Response:
    """Return a job as it is after a change."""
    catalogue = await catalogue_of(request)
    data = catalogue.document(job_id)
    headers = {"ETag": etags.tag_of(catalogue.version(job_id), data)}
    if status == 201:
        headers["Location"] = f"/api/v1/jobs/{job_id}"
    return success_of(data, status=status, headers=headers)
