# SPDX-License-Identifier: Apache-2.0
"""What happens to times that passed while the host was off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How long after its time a missed run may still take place; None: however long.

    Its text is what the timer says as X-CatchUp=: `skip`, `once`, or seconds, `21600s`.
    """

    within: timedelta | None

    def __str__(self) -> str:
        """Return `skip`, `once`, or the whole seconds with an `s`."""
        if self.within is None:
            return "once"
        return f"{self.within // timedelta(seconds=1)}s" if self.within else "skip"


SKIP = CatchUp(timedelta())
ONCE = CatchUp(None)
NAMED = {"once": ONCE, "skip": SKIP}
