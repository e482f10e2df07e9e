# SPDX-License-Identifier: Apache-2.0
"""What a job shares with others: conflicts with single jobs, and pools."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, Strict, model_validator

from debvisor_timers.jobs import names, values
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

LONGEST_WAIT = timedelta(hours=6)
"""How long a run waits for its locks where nothing is said; less if it is due again before."""

DEFAULT_POOL = "default"
"""The pool of config.yaml that jobs are in which name none."""

NO_POOL = "none"
"""What a job names that is to be in no pool at all."""

_MOST_SLOTS = 10_000

PoolName = Annotated[
    str,
    Strict(),
    AfterValidator(partial(names.check_short_name, kind="pool")),
    Shown("pool name", {"type": "string", "pattern": names.SHORT_NAME_PATTERN}),
]
Slots = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=1, high=_MOST_SLOTS)),
    Shown("number", {"type": "integer", "minimum": 1, "maximum": _MOST_SLOTS}),
]


class Policy(StrEnum):
    """What a run does while a job runs that it must not run beside."""

    WAIT = "wait"
    SKIP = "skip"


class Overlap(StrEnum):
    """What becomes of a time of the schedule that comes while the job still runs."""

    SKIP = "skip"
    QUEUE = "queue"


class Conflict(Model):
    """A job that must not run at the same time."""

    job: values.JobId = key(
        REQUIRED,
        help="The job that never runs at the same time as this one. A bare text in the list is the "
        "same as this key alone. One of the two may say it; the other then waits, unless it says "
        "something else itself.",
        directive="X-Conflict=",
        example="zfs-scrub",
    )
    policy: Policy = key(
        Policy.WAIT,
        help="What a run of this job does while the other one runs: `wait` for its end, or `skip` "
        "the run, with the reason.",
        directive="X-Conflict=",
        example="skip",
    )
    wait: values.Timespan | None = key(
        None,
        help="How long a run waits at most; then it is skipped. For the policy `wait`.",
        directive="X-Conflict=",
        example="2h",
        shown_default="until the job is due again, at most 6h",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text_is_a_job(cls, value: Any) -> Any:
        return {"job": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _only_who_waits(self) -> Conflict:
        if self.wait is not None and self.policy is Policy.SKIP:
            raise fault("has wait, but skips", fix="write policy: wait, or remove wait")
        return self


class Pool(Model):
    """A share of what only so many jobs may use at once."""

    name: PoolName = key(
        REQUIRED,
        help="The pool, one of those in `pools` of config.yaml. A bare text as `pool` is the same "
        "as this key alone. `none`: no pool, not even the one named `default`.",
        directive="X-Pool=",
        example="backup",
    )
    slots: Slots = key(
        1, help="How many slots of the pool a run takes.", directive="X-Pool=", example=2
    )
    wait: values.Timespan | None = key(
        None,
        help="How long a run waits for its slots at most; then it is skipped.",
        directive="X-Pool=",
        example="2h",
        shown_default="until the job is due again, at most 6h",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text_is_a_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value
