# SPDX-License-Identifier: Apache-2.0
"""Why starts are skipped, in a few words: the reasons of runs hold names, days and times."""

from __future__ import annotations

import re
from enum import StrEnum


class SkipCause(StrEnum):
    """Which of a handful of causes kept a start from taking place.

    OVERLAP: the run before was still under way. EXCLUDED: a day that a calendar leaves out.
    DEPENDENCY: another job did not do what this one needs. CONFLICT: a job was running that it must
    not run beside. NO_SLOT: it waited too long for a lock or a pool. ELSEWHERE: the job belongs on
    another host. CONDITION: a condition of the unit. HELD: an apply held its timer.
    """

    OVERLAP = "overlap"
    EXCLUDED = "excluded"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    DEPENDENCY = "dependency"
    CONFLICT = "conflict"
    NO_SLOT = "no_slot"
    ELSEWHERE = "elsewhere"
    CONDITION = "condition"
    HELD = "held"
    ON_REQUEST = "on_request"
    OTHER = "other"


_CAUSES = tuple(
    (re.compile(pattern, re.DOTALL), cause)
    for pattern, cause in (
        (r"still (running|waiting)\b.*", SkipCause.OVERLAP),
        (r"excluded: .*", SkipCause.EXCLUDED),
        (r"maintenance(: .*)?", SkipCause.MAINTENANCE),
        (r"paused( by [^:]+)?(: .*)?", SkipCause.PAUSED),
        (r"on request, \d+ of \d+", SkipCause.ON_REQUEST),
        (r"conflict: .*", SkipCause.CONFLICT),
        (r"no turn after .*", SkipCause.NO_SLOT),
        (r"this host is .*, not .*", SkipCause.ELSEWHERE),
        (r"virtual machine .* does not run on this host", SkipCause.ELSEWHERE),
        (r"virtual machine .* is still being migrated after .*", SkipCause.ELSEWHERE),
        (r"its condition was not met|Condition\w+=.* is not met", SkipCause.CONDITION),
        (r"an apply held its timer", SkipCause.HELD),
        (r"a dependency failed|the last success of \S+ is too old .*", SkipCause.DEPENDENCY),
        (r"\S+ (never ran.*|began on .* is not known here)", SkipCause.DEPENDENCY),
        (r"\S+ ended in the future: .*", SkipCause.DEPENDENCY),
        (r"\S+ (did not run|has not succeeded since .*)", SkipCause.DEPENDENCY),
        (r"\S+ (was skipped \(.*\)|is still .* after .*)", SkipCause.DEPENDENCY),
        (r"\S+ (failed|timed out|was stopped) \(run .*\)", SkipCause.DEPENDENCY),
    )
)
"""The reasons as `begin`, `end`, an apply and systemd 257 word them."""


def skip_cause(reason: str) -> SkipCause:
    """Return the cause that `reason`, of a run that was skipped, stands for."""
    return next((cause for form, cause in _CAUSES if form.fullmatch(reason)), SkipCause.OTHER)
