# SPDX-License-Identifier: Apache-2.0
"""Versions of jobs: so that nobody changes what is not any more as he has seen it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from debvisor_timers.errors import ChangedMeanwhileError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.editing.tree import JobTree

_DIGITS = 16
"""Of a digest: enough to tell versions of one file apart."""


def version_of(definitions: Definitions, job: Job | None) -> str:
    """Return the version of a job: another one whenever its file has changed; empty for none."""
    if job is None:
        return ""
    return definitions.sources.get(job.source.file, "")[:_DIGITS]


def require_versions(files: JobTree, versions: Mapping[str, str]) -> None:
    """Raise ChangedMeanwhileError where the file of a job is not of that version."""
    for job_id, version in versions.items():
        name = files.find(job_id)
        now = "" if name is None else sha256(files.files[name]).hexdigest()[:_DIGITS]
        if now != version:
            words = f"is of version {now} by now" if now else "is not there any more"
            raise ChangedMeanwhileError(
                f"job {job_id!r} has changed meanwhile: it {words}, not of {version}",
                fix="read it again, and make the change on what is there now",
            )
