# SPDX-License-Identifier: Apache-2.0
"""How many applies there were: counted from the audit, in a file that outlives the journal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.audit import PREFIX
from debvisor_timers.history.records import AUDIT_MESSAGE_ID, JournalRecord
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host

RESULTS = ("done", "refused", "failed", "undone")
"""What can become of an apply, as the audit has it; of one that was cut off there is no record."""

_REMEMBERED = 20
_MATCH = {"_UID": "0", "MESSAGE_ID": AUDIT_MESSAGE_ID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    """How many applies there were by their result, up to the record at `cursor`, included.

    newest: the digests of the newest records: after a crash one may be sent twice.
    """

    cursor: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    newest: Sequence[str] = ()

    def with_records(self, records: Iterable[JournalRecord]) -> Applies:
        """Return them with those that `records` tell of; that at `cursor` is counted already."""
        counts, cursor, newest = Counter(self.counts), self.cursor, [*self.newest]
        for record in records:
            digest = record.get(f"{PREFIX}DIGEST")
            if record.cursor == self.cursor:
                continue
            cursor = record.cursor
            if digest and digest in newest:
                continue
            newest = [*newest, digest][-_REMEMBERED:]
            result = record.get(f"{PREFIX}RESULT")
            if record.get(f"{PREFIX}VERB") == "apply" and result in RESULTS:
                counts[result] += 1
        return Applies(cursor=cursor, counts=counts, newest=newest)


def count_applies(host: Host) -> Mapping[str, int]:
    """Return how many applies there were by their result; each result has a number.

    Who may write the state brings the file up to date. The place in the journal and the counts
    are one file, so it does not matter who writes it last: what it lacks is counted again.
    """
    path = host.layout.state / "applies.json"
    known = _read(path)
    # Where that record is gone, so are all before it: what is left was not counted yet.
    later = host.journal.records_from(known.cursor, [_MATCH]) if known.cursor else None
    found = known.with_records(host.journal.records([_MATCH]) if later is None else later)
    if found.cursor != known.cursor:
        plain = {"cursor": found.cursor, "counts": dict(found.counts), "newest": [*found.newest]}
        with suppress(OSError):  # most often: the caller is not root
            durable.replace_file(path, json.dumps(plain).encode(), mode=0o644)
    return {result: found.counts.get(result, 0) for result in RESULTS}


def _read(path: Path) -> Applies:
    """Return what the file has; nothing for one that is missing or makes no sense."""
    try:
        plain = durable.read_json(path)
    except DebvisorTimersError:
        return Applies()
    if not isinstance(plain, dict) or not isinstance(plain.get("counts"), dict):
        return Applies()
    counts = {name: n for name, n in plain["counts"].items() if isinstance(n, int)}
    newest = plain.get("newest")
    return Applies(
        cursor=str(plain.get("cursor", "")),
        counts=counts,
        newest=list(map(str, newest)) if isinstance(newest, list) else [],
    )
