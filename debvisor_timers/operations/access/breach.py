# SPDX-License-Identifier: Apache-2.0
"""What of a change is against the policy, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_MOST = 3
"""Mends that are told: a list of all is no advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that nobody but root may do.

    job: its id, empty where it is none of a job. place: the key. mend: what `policy` would have to
    say, empty where nothing helps. is_before: the job is so already.
    """

    words: str
    job: str = ""
    place: str = ""
    mend: str = ""
    is_before: bool = False

    def __str__(self) -> str:
        """Return `backup: user: root is not allowed`, `backup, as it is: user: ...`."""
        job = f"{self.job}, as it is" if self.is_before else self.job
        return ": ".join(filter(None, (job, self.place, self.words)))


def fix_of(found: Iterable[Breach]) -> str:
    """Return how to mend it: root does it, or the policy is wider."""
    mends = list(dict.fromkeys(each.mend for each in found))
    fix = "let root make the change"
    if not all(mends) or len(mends) > _MOST:
        return f"{fix}, or widen `policy` in config.yaml" if any(mends) else fix
    return f"{fix}, or widen `policy` in config.yaml by {' and '.join(mends)}"
