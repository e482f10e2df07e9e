# SPDX-License-Identifier: Apache-2.0
"""Journals that were recorded from a real systemd 257, with what is to be made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.history.records import JournalRecord

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


def record(entry: dict[str, str | list[str]], *, number: int = 0) -> JournalRecord:
    """Return an entry of `journalctl -o json` as a value."""
    realtime = int(str(entry["__REALTIME_TIMESTAMP"]))
    return JournalRecord(
        cursor=f"cursor-{number}",
        realtime=datetime.fromtimestamp(realtime / 1_000_000, UTC),
        boot_id=str(entry["_BOOT_ID"]),
        fields={
            name: (value,) if isinstance(value, str) else tuple(value)
            for name, value in entry.items()
        },
    )
