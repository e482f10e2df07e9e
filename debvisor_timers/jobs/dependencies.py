# SPDX-License-Identifier: Apache-2.0
"""What a job needs before it runs: other jobs, and units of the system."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from debvisor_timers.jobs import names, values
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.field import Model, key

DEFAULT_WAIT = timedelta(hours=1)
"""How long a run waits for another job that is due or runs."""


class DependencyType(StrEnum):
    """What a run makes of the result of another job."""

    REQUIRES = "requires"
    AFTER = "after"
    OPTIONAL = "optional"


class Dependency(Model):
    """A job, or a unit of the system, that a job needs."""

    job: values.JobId | None = key(
        None,
        help="A job that this one needs. Exactly one of `job` and `unit` is wanted. A bare text in "
        "the list is the same as this key alone.",
        directive="X-Requires=, X-Step=, X-After=",
        example="quiesce",
        shown_default="none",
    )
    unit: values.UnitName | None = key(
        None,
        help="A unit of the system that is started before the job, and without which the job does "
        "not start.",
        directive="Requires=, After=",
        example="network-online.target",
        shown_default="none",
    )
    type: DependencyType = key(
        DependencyType.REQUIRES,
        help="Whether the other job must have succeeded, or is only waited for. `requires`: this "
        "job runs only if the other has succeeded since it was last due; while the other is due, "
        "waiting, running or retrying, it waits. A job with neither schedule nor trigger is "
        "started, and its result in this very run counts. `after`: waits in the same way, whatever "
        "the result. `optional`: as `after`, and the other job need not exist.",
        directive="X-Requires=, X-Step=, X-After=",
        example="after",
        beside={"job": "report"},
    )
    wait: values.Delay = key(
        DEFAULT_WAIT,
        help="How long a run waits for the other job at most; 0 does not wait. After that it is "
        "skipped (`requires`), or goes on.",
        directive="X-Requires=, X-Step=, X-After=",
        example="30min",
        shown_default="1h",
        beside={"job": "quiesce"},
    )
    max_age: values.Timespan | None = key(
        None,
        help="How old the success of the other job may be, where it need not be that of the newest "
        "run that was due. For `requires` alone.",
        directive="X-Requires=, X-Step=",
        example="24h",
        shown_default="since it was last due",
        beside={"job": "quiesce"},
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text_is_a_job(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if names.is_unit(value):
            raise fault(f"{quoted(value)} is a unit, not a job", fix=f"write {{unit: {value}}}")
        return {"job": value}

    @model_validator(mode="after")
    def _one_other(self) -> Dependency:
        if (self.job is None) == (self.unit is None):
            told = "has neither job nor unit" if self.job is None else "has both job and unit"
            raise fault(told, fix="write exactly one of job and unit")
        if self.unit is not None and (wrong := self.model_fields_set - {"job", "unit"}):
            raise fault(
                f"has {min(wrong)}, which is for jobs", fix="a unit is required, always: remove it"
            )
        if self.max_age is not None and self.type is not DependencyType.REQUIRES:
            raise fault(
                f"has max_age, but only waits ({self.type})",
                fix="write type: requires, or remove max_age",
            )
        return self
