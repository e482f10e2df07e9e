# SPDX-License-Identifier: Apache-2.0
"""How many applies there were: counted from the audit, in a file that outlives the journal."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.audit import PREFIX
from debvisor_timers.history.records import AUDIT_MESSAGE_ID, JournalRecord
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host

RESULTS = ("done", "refused", "failed", "undone")
"""What can become of an apply, as the audit has it; of one that was cut off there is no record."""

_CHAINS = 20
_NUMBER = re.compile(r"[0-9]{1,16}")
_MATCH = {"_UID": "0", "MESSAGE_ID": AUDIT_MESSAGE_ID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    """How many applies there were by their result, up to the record at `cursor`, included.

    numbers: of the newest chains of the audit, the number of the last record that was counted: what
    is not after it was counted, be it sent twice after a crash, or read twice since the journal has
    lost the one at `cursor`.
    """

    cursor: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)

    def with_records(self, records: Iterable[JournalRecord]) -> Applies:
        """Return them with those that `records` tell of; that at `cursor` is counted already."""
        counts, cursor = Counter(self.counts), self.cursor
        numbers = dict(self.numbers)
        for record in records:
            if record.cursor == self.cursor:
                continue
            cursor = record.cursor
            link = _link(record)
            if link and link[1] <= numbers.get(link[0], -1):
                continue
            numbers |= [link] if link else []
            result = record.get(f"{PREFIX}RESULT")
            if record.get(f"{PREFIX}VERB") == "apply" and result in RESULTS:
                counts[result] += 1
        kept = dict([*numbers.items()][-_CHAINS:])
        return Applies(cursor=cursor, counts=counts, numbers=kept)


def _link(record: JournalRecord) -> tuple[str, int] | None:
    """Return the chain that a record is a link of, and its number."""
    chain, number = record.get(f"{PREFIX}CHAIN"), record.get(f"{PREFIX}NUMBER")
    return (chain, int(number)) if chain and _NUMBER.fullmatch(number) else None


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
        plain = {**asdict(found), "counts": dict(found.counts)}
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
    numbers = plain.get("numbers")
    return Applies(
        cursor=str(plain.get("cursor", "")),
        counts=counts,
        numbers=_numbers(numbers) if isinstance(numbers, dict) else {},
    )


def _numbers(plain: Mapping[str, object]) -> dict[str, int]:
    return {chain: number for chain, number in plain.items() if isinstance(number, int)}
