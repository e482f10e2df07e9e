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
