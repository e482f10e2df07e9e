# SPDX-License-Identifier: Apache-2.0
"""How often a run that failed is tried again, and after which delays."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from itertools import takewhile
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, model_validator

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.faults import fault, kind_of
from debvisor_timers.jobs.field import Model, Shown, key
from debvisor_timers.jobs.scalar import Plain

MOST = 100
"""The most further attempts that a run can have."""

_USUAL_MAX_DELAY = timedelta(minutes=10)
_MICROSECOND = timedelta(microseconds=1)
_FACTOR = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


def read_factor(value: object) -> Decimal:
    """Return a number from 1 to 100 with at most three decimals; in YAML without quotes."""
    if isinstance(value, Decimal):
        return value
    is_number = isinstance(value, Plain | int | float) and not isinstance(value, bool)
    if not is_number or not _FACTOR.fullmatch(str(value)):
        raise fault(f"{kind_of(value)} is not a factor", fix="write a number such as 2 or 1.5")
    factor = Decimal(str(value))
    if not 1 <= factor <= 100:
        raise fault(f"{value} is outside 1-100", fix="use a number from 1 to 100")
    return factor


Factor = Annotated[
    Decimal,
    PlainValidator(read_factor),
    Shown("number", {"type": "number", "minimum": 1, "maximum": 100}),
]
Attempts = Annotated[
    int,
    PlainValidator(partial(values.read_count, low=0, high=MOST)),
    Shown("number", {"type": "integer", "minimum": 0, "maximum": MOST}),
]
_STATUS = {
    "type": "integer",
    "minimum": 1,
    "maximum": 255,
    "not": {"const": values.TIMED_OUT_STATUS},
}
ExitStatuses = Annotated[
    tuple[Annotated[int, PlainValidator(values.read_exit_status)], ...],
    BeforeValidator(checks.as_list),
    Shown("number | list of numbers", {"anyOf": [_STATUS, {"type": "array", "items": _STATUS}]}),
]


class RetryOn(StrEnum):
    """How an attempt can fail."""

    FAILURE = "failure"
    TIMEOUT = "timeout"
    SIGNAL = "signal"


_ON = {"enum": [*RetryOn]}
RetryOns = Annotated[
    tuple[RetryOn, ...],
    BeforeValidator(checks.as_list_of_some),
    Shown(
        "list of failure | timeout | signal",
        {"anyOf": [_ON, {"type": "array", "items": _ON, "minItems": 1}]},
    ),
]


class Retries(Model):
    """Further attempts of a run that failed."""

    max: Attempts = key(
        0,
        help="How many further attempts a run has, after the first one failed.",
        directive="Restart=, StartLimitBurst=, X-Delays=",
        example=3,
        shown_default="0, none",
    )
    delay: values.Delay = key(
        timedelta(seconds=60),
        help="How long after the first failure the second attempt begins.",
        directive="RestartSec=, X-Delays=",
        example="60s",
        shown_default="60s",
    )
    factor: Factor = key(
        Decimal(2),
        help="By how much each delay is longer than the one before; 1 keeps them equal.",
        directive="RestartSteps=, X-Delays=",
        example=1.5,
        shown_default="2",
    )
    max_delay: values.Timespan | None = key(
        None,
        help="The longest delay.",
        directive="RestartMaxDelaySec=, X-Delays=",
        example="10min",
        shown_default="10min, or `delay` where that is longer",
    )
    never_on_exit: ExitStatuses = key(
        (),
        help="Exit statuses after which no attempt is of use: the run fails at once.",
        directive="RestartPreventExitStatus=",
        example=[5],
        shown_default="none",
    )
    on: RetryOns = key(
        tuple(RetryOn),
        help="Which failures are tried again: `failure` (an exit status other than 0), `timeout`, "
        "`signal` (the program was killed, or crashed).",
        directive="X-RetryOn=",
        example=["failure", "timeout"],
        shown_default="all three",
    )

    @model_validator(mode="after")
    def _no_delay_is_longer_than_the_longest(self) -> Retries:
        if self.max_delay is not None and self.max_delay < self.delay:
            longest = format_timespan(self.delay)
            raise fault(
                f"max_delay is shorter than delay ({longest})", fix=f"write max_delay: {longest}"
            )
        return self

    @property
    def delays(self) -> tuple[timedelta, ...]:
        """Return the delay before each further attempt, as many as `max`."""
        return self.first_delays(self.max)

    def first_delays(self, count: int) -> tuple[timedelta, ...]:
        """Return the delays of as many further attempts, whether there are so many or not."""
        growing = self.growing_delays(count)
        return growing + (self._longest,) * (count - len(growing))

    def growing_delays(self, count: int) -> tuple[timedelta, ...]:
        """Return those of the first delays that `max_delay` does not cut: a geometric series.

        Cut to whole microseconds, the unit of systemd.
        """
        first, factor = Fraction(self.delay // _MICROSECOND), Fraction(self.factor)
        series = (first * factor**number for number in range(count))
        longest = Fraction(self._longest // _MICROSECOND)
        growing = takewhile(lambda delay: delay <= longest, series)
        return tuple(int(delay) * _MICROSECOND for delay in growing)

    @property
    def _longest(self) -> timedelta:
        return self.max_delay or max(_USUAL_MAX_DELAY, self.delay)
