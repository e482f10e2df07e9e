# SPDX-License-Identifier: Apache-2.0
"""The twin's Journal: a list of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.systemd.memory import records
from debvisor_timers.systemd.memory.state import State


class MemoryJournal:
    """A Journal over the records of a State."""

    def __init__(self, state: State) -> None:
        """Share `state` with the other parts of the twin."""
        self._state = state

    def records(
        self,
        matches: Sequence[JournalMatch],
        *,
        newest_first: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`, oldest first unless said otherwise."""
        self._state.steps.look("journal.records")
        found = list(self._state.records)
        for record in reversed(found) if newest_first else found:
            if since is not None and record.realtime < since:
                continue
            if until is not None and record.realtime > until:
                continue
            if any(_satisfies(record, match) for match in matches):
                yield record

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield the records from the one at `cursor` on; None when it is gone."""
        self._state.steps.look("journal.records")
        found = list(self._state.records)
        places = [number for number, record in enumerate(found) if record.cursor == cursor]
        if not places:
            return None
        later = found[places[0] :]
        return (record for record in later if any(_satisfies(record, each) for each in matches))

    def boot_id(self) -> str:
        """Return the id of this boot as records have it: 32 hex digits."""
        return self._state.boot_id

    def boots(self) -> set[str]:
        """Return the ids of all boots that there are records of."""
        return {record.boot_id for record in self._state.records}

    def send(self, fields: Mapping[str, str]) -> None:
        """Append a record with `fields`, sent by root."""
        self._state.steps.take("journal.send", fields.get("MESSAGE_ID", ""))
        # Not PID 1's: only those are believed to be of systemd itself.
        records.append(self._state, {"_PID": "1000", **fields})


def _satisfies(record: JournalRecord, match: JournalMatch) -> bool:
    for field, wanted in match.items():
        values = (wanted,) if isinstance(wanted, str) else wanted
        if not set(values) & set(record.fields.get(field, ())):
            return False
    return True
