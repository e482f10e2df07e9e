# SPDX-License-Identifier: Apache-2.0
"""Finding the job that a user means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from debvisor_timers.errors import DebvisorTimersError, NotFoundError, RefusedError
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.unknown import unknown_job
from debvisor_timers.render.names import job_of, service_unit
from debvisor_timers.systemd.ports import FileEntry

if TYPE_CHECKING:
    from debvisor_timers.jobs.load import Definitions
    from debvisor_timers.jobs.model import Job

_SHOWN = 8


def find_job(definitions: Definitions, job_id: str) -> Job:
    """Return the job with this id. Raises NotFoundError naming the nearest one."""
    if job_id in definitions.jobs:
        return definitions.jobs[job_id]
    raise unknown_job(job_id, definitions.jobs)


def meant_job(host: Host, text: str, *, whole: bool = False) -> str:
    """Return the id of the job that `text` means: an id, how one id alone begins, or a name.

    whole: the beginning of an id is not enough. A script that deletes a job twice must not delete
    the one whose id begins so.

    An id counts before all else, also that of a job that was removed and has a history; upper and
    lower case are one in names. Of an id that nobody knows the id itself, so that each operation
    can tell of it. Reads no YAML for the id of a job that is applied or has run. Raises
    NotFoundError where several jobs could be meant, and for what is neither an id nor a name.
    """
    is_id = job_of(service_unit(text)) == text
    if not text or (is_id and _is_known(host, text)):
        return text
    # Reading all files takes longer than all the rest.
    from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415

    jobs = load_definitions(host.layout.config).jobs
    if text in jobs:
        return text
    applied = _titles(host)
    written = {job_id: job.title for job_id, job in jobs.items()}
    found = {id_ for id_ in applied.keys() | written.keys() if id_.startswith(text) and not whole}
    for titles in (applied, written):
        found |= {id_ for id_, title in titles.items() if title.casefold() == text.casefold()}
    if len(found) > 1:
        raise _ambiguous(text, {id_: written.get(id_) or applied[id_] for id_ in sorted(found)})
    if not found and not is_id:
        raise unknown_job(text, [*applied, *written, *applied.values(), *written.values()])
    return found.pop() if found else text


def applied_service(host: Host, job_id: str) -> str:
    """Return the text of the job's service unit as it stands on disk.

    Raises NotFoundError for a job that nobody knows, RefusedError for one that is not applied.
    """
    entry = host.units.entry(service_unit(job_id))
    if isinstance(entry, FileEntry):
        return entry.text
    from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415

    known = load_definitions(host.layout.config).jobs
    if job_id not in known:
        raise missing_job(host, job_id, known)
    raise RefusedError(
        f"job {job_id!r} is not applied yet", fix="run `debvisor-timers apply` first"
    )


def missing_job(host: Host, job_id: str, known: Iterable[str]) -> NotFoundError:
    """Return the error for a job that is not among the `known`: there was one, or never."""
    if job_of(service_unit(job_id)) == job_id and _has_run(host, job_id):
        return NotFoundError(
            f"there is no job {job_id!r} any more",
            fix=f"its runs are kept: debvisor-timers history {job_id}",
        )
    return unknown_job(job_id, known)


def _is_known(host: Host, job_id: str) -> bool:
    """Return whether a job with this very id is applied, or has runs."""
    return host.units.entry(service_unit(job_id)) is not None or _has_run(host, job_id)


def _has_run(host: Host, job_id: str) -> bool:
    from debvisor_timers.operations.past.past import has_runs  # noqa: PLC0415

    try:
        return has_runs(host, job_id)
    except DebvisorTimersError:
        return False  # who may not read the journal may still ask for other jobs


def _titles(host: Host) -> Mapping[str, str]:
    """Return the name of each job that is applied, by its id."""
    from debvisor_timers.operations.past.outline import outline  # noqa: PLC0415

    services = {
        job_id: outline(job_id, entry, None)
        for name, entry in host.units.read().items()
        if (job_id := job_of(name)) is not None and name == service_unit(job_id)
    }
    return {job_id: told.title for job_id, told in services.items() if told is not None}


def _ambiguous(text: str, found: Mapping[str, str]) -> NotFoundError:
    words = [id_ if title == id_ else f"{id_} ({title})" for id_, title in found.items()]
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return NotFoundError(
        f"{text!r} may mean {len(found)} jobs: {', '.join(words[:_SHOWN])}{more}",
        fix="write more of the id, or all of it",
    )
