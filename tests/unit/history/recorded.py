# SPDX-License-Identifier: Apache-2.0
"""Journals that were recorded from a real systemd 257, with what is to be made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.history.records import JournalRecord

Value = str | Sequence[str | int | Sequence[int]]
"""Of a field: text, the bytes of what is no UTF-8, or several of either."""

CASES = Path(__file__).parents[2] / "cases" / "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded journal; runs: newest first, the attributes that are expected of each."""

    boot: str
    runs: list[dict[str, str]]
    records: list[JournalRecord]


def read_case(name: str) -> Case:
    """Return the case from CASES/NAME.jsonl."""
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return Case(
        boot=next(line.removeprefix("#! boot ") for line in lines if line.startswith("#! boot ")),
        runs=[_expected(line.removeprefix("#! run ")) for line in lines if line[:7] == "#! run "],
        records=[record(json.loads(line)) for line in lines if not line.startswith("#")],
    )


def _expected(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(" | "))
    return {name.strip(): value.strip() for name, _, value in pairs}


def record(entry: Mapping[str, Value], *, number: int = 0) -> JournalRecord:
    """Return an entry of `journalctl -o json` as a value."""
    realtime = int(str(entry["__REALTIME_TIMESTAMP"]))
    return JournalRecord(
        cursor=f"cursor-{number}",
        realtime=datetime.fromtimestamp(realtime / 1_000_000, UTC),
        boot_id=str(entry["_BOOT_ID"]),
        fields={
            name: (value,) if isinstance(value, str) else tuple(map(_text, _several(value)))
            for name, value in entry.items()
        },
    )


def _several(value: Value) -> Sequence[str | Sequence[int]]:
    """Return each value of a field that is no single text."""
    numbers = [each for each in value if isinstance(each, int)]
    return [numbers] if numbers else [each for each in value if not isinstance(each, int)]


def _text(value: str | Sequence[int]) -> str:
    """Return a value as the journal's adapter does."""
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
