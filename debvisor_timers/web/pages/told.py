# SPDX-License-Identifier: Apache-2.0
"""What a page says of what was just done: from a table, so that no link can invent it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sentence, and whether it is good news."""

    words: str
    tone: str = "good"


_WORDS: Mapping[str, Told] = {
    "run": Told(words="Started. It may wait for other jobs before it begins."),
    "retry": Told(words="The failed run was started again."),
    "stop": Told(words="Stopped. A stop by hand is no failure, and nobody is told."),
    "not-running": Told(words="There was nothing to stop: it does not run.", tone="warn"),
    "pause": Told(words="Paused: its schedule and its triggers start nothing until it is resumed."),
    "resume": Told(words="Resumed: it starts again by its schedule."),
    "skip": Told(words="Its next run will be skipped."),
    "unskip": Told(words="Its next run will take place."),
    "create": Told(words="Created, and applied."),
    "update": Told(words="Saved, and applied."),
    "unchanged": Told(words="Nothing was changed.", tone="warn"),
    "delete": Told(words="Deleted. Its history stays for a while."),
    "confirm": Told(words="Kept: it is no trial any more."),
    "undo": Told(words="Taken back: units and files are as they were before."),
    "revoke": Told(words="Revoked: nobody is let in by this token any more."),
}


def told_of(code: str) -> Told | None:
    """Return what a code says; None for none that we know."""
    return _WORDS.get(code)


def with_told(address: str, code: str) -> str:
    """Return an address of ours that says so when it is shown."""
    parts = urlsplit(address)
    pairs = [(name, value) for name, value in parse_qsl(parts.query) if name != "done"]
    return urlunsplit(parts._replace(query=urlencode([*pairs, ("done", code)])))
