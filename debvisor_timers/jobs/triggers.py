# SPDX-License-Identifier: Apache-2.0
"""What starts a job besides its schedule."""

from __future__ import annotations

from pydantic import model_validator

from debvisor_timers.jobs import values
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import Model, key


class Trigger(Model):
    """One thing that starts a job: exactly one of these keys."""

    boot: values.Delay | None = key(
        None,
        help="How long after the boot of the host the job starts; 0 means at once.",
        directive="OnBootSec=",
        example="5min",
        shown_default="none",
    )
    path_changed: values.WatchedPath | None = key(
        None,
        help="A file or folder whose changes start the job: when it is made, written and closed, "
        "or removed; of a folder, when that happens to a file directly in it. What changes while "
        "the job runs starts it no second time, so let it look until there is nothing more to do.",
        directive="PathChanged=",
        example="/srv/import",
        shown_default="none",
    )
    path_exists: values.WatchedPath | None = key(
        None,
        help="A file or folder whose existence starts the job, again and again until it is gone: "
        "the job has to remove it. More than 30 runs within a minute stop the trigger.",
        directive="PathExists=",
        example="/srv/import/ready",
        shown_default="none",
    )
    success_of: values.JobIds = key(
        (),
        help="Jobs whose success starts this one: when all of them have succeeded since its last "
        "run. A skipped run of theirs starts nothing.",
        directive="X-SuccessOf=; OnSuccess= of these jobs",
        example=["backup", "verify"],
        shown_default="none",
    )
    any_success_of: values.JobIds = key(
        (),
        help="Jobs of which each success starts this one.",
        directive="X-AnySuccessOf=; OnSuccess= of these jobs",
        example=["import-a", "import-b"],
        shown_default="none",
    )
    failure_of: values.JobIds = key(
        (),
        help="Jobs of which each failure starts this one, when no retry is left.",
        directive="X-FailureOf=; OnFailure= of these jobs",
        example=["backup"],
        shown_default="none",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Trigger:
        written = self.model_fields_set
        if len(written) != 1:
            several = f"has {len(written)} of them" if written else "has nothing that starts a job"
            known = ", ".join(type(self).model_fields)
            raise fault(several, fix=f"write exactly one of {known} for each item of the list")
        return self
