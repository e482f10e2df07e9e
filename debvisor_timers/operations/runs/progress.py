# SPDX-License-Identifier: Apache-2.0
"""How far runs have come that are under way, where their handlers tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.records import PROGRESS_MESSAGE_ID, JournalMatch, JournalRecord
from debvisor_timers.operations.host import Host

_MOST = 10_000
"""Records that are read at most: a handler tells once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """fraction: from 0 to 1. text: what is being done; empty where the handler does not say."""

    fraction: float
    text: str = ""

    @property
    def words(self) -> str:
        """Return it for people: `42 % copying vda`."""
        return f"{self.fraction * 100:.0f} % {self.text}".rstrip()


def progress_of(host: Host, invocations: Mapping[str, str]) -> dict[str, Progress]:
    """Return the newest that each run has told.

    invocations: of the attempt that is under way, by anything: the result is by the same. Nothing
    of those that tell nothing, nor where this user may not read the journal.
    """
    if not invocations:
        return {}
    match: JournalMatch = {
        "MESSAGE_ID": PROGRESS_MESSAGE_ID,
        "_SYSTEMD_INVOCATION_ID": tuple(sorted(set(invocations.values()))),
    }
    newest: dict[str, Progress] = {}
    try:
        for record in islice(host.journal.records([match], newest_first=True), _MOST):
            newest.setdefault(record.get("_SYSTEMD_INVOCATION_ID"), _progress(record))
            if len(newest) == len(set(invocations.values())):
                break
    except DebvisorTimersError:
        return {}
    return {
        name: newest[invocation] for name, invocation in invocations.items() if invocation in newest
    }


def _progress(record: JournalRecord) -> Progress:
    """Return what a record tells; the job's user decides what is in it."""
    try:
        fraction = float(record.get("DEBVISOR_PROGRESS"))
    except ValueError:
        fraction = 0.0
    text = " ".join(record.get("DEBVISOR_PROGRESS_TEXT").split())[:200]
    shown = "".join(each if each.isprintable() else "\ufffd" for each in text)
    known = fraction if math.isfinite(fraction) else 0.0
    return Progress(fraction=min(max(known, 0.0), 1.0), text=shown)
