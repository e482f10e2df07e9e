# SPDX-License-Identifier: Apache-2.0
"""Journal records as values, and the message ids that tell of a job's life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

JournalMatch = Mapping[str, str | tuple[str, ...]]
"""Fields that must all match; a tuple of values means any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecord:
    """One journal entry.

    fields: every value of every field, as text (bytes that are not UTF-8 are replaced); a field
    can have several values (systemd 257: UNIT= of a cyclic transaction has).
    """

    cursor: str
    realtime: datetime
    boot_id: str
    fields: Mapping[str, tuple[str, ...]]

    def get(self, field: str) -> str:
        """Return the first value of `field`, empty when the record lacks it."""
        return self.fields.get(field, ("",))[0]
