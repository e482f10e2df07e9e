# SPDX-License-Identifier: Apache-2.0
"""The five kinds of cron fields: what each is called, and which values and names it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def _numbered(names: list[str], first: int) -> Mapping[str, int]:
    return MappingProxyType({name: number for number, name in enumerate(names, first)})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldKind:
    """What a field may hold: values from low to high, and names for them (lower case).

    hint: what may stand in the field, to follow the word "use".
    forms: what else may stand there, for messages about forms.
    """

    name: str
    low: int
    high: int
    hint: str
    forms: str = "ranges a-b, steps */n or a-b/n"
    names: Mapping[str, int] = field(default_factory=lambda: _numbered([], 0), hash=False)


MINUTE = FieldKind(name="minute", low=0, high=59, hint="a minute from 0 to 59")
HOUR = FieldKind(name="hour", low=0, high=23, hint="an hour from 0 to 23")
DAY_OF_MONTH = FieldKind(
    name="day of month",
    low=1,
    high=31,
    hint="a day from 1 to 31",
    forms="ranges a-b, steps */n or a-b/n, L, L-3, LW, 15W",
)
MONTH = FieldKind(
    name="month",
    low=1,
    high=12,
    hint="a month from 1 to 12, or jan to dec",
    names=_numbered(_MONTHS, 1),
)
DAY_OF_WEEK = FieldKind(
    name="day of week",
    low=0,
    high=7,
    hint="a day from 0 to 7 (0 and 7 are Sunday), or sun to sat",
    forms="ranges a-b, steps */n or a-b/n, 5#3 (third Friday), 5L (last Friday)",
    names=_numbered(_WEEKDAYS, 0),
)
FIELDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
