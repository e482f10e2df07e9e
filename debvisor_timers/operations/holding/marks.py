# SPDX-License-Identifier: Apache-2.0
"""What is held back: the files that `begin` reads before each run.

A pause of a job, maintenance of the host, and how many of the next runs of a job are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.history.caller import Caller
from debvisor_timers.layout import Layout

_LONGEST = 200
_NO_SENSE = "its file makes no sense"
_UNREADABLE = "its file cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That something is held back: since when, until when, by whom and why.

    since: None where the file does not say. until: None for a mark without end. Aware, UTC.
    """

    since: datetime | None = None
    until: datetime | None = None
    by: str = ""
    reason: str = ""

    def holds(self, now: datetime) -> bool:
        """Return False when its time is over: `begin` takes no notice of it then."""
        return self.until is None or now < self.until

    @property
    def as_pause(self) -> str:
        """Return why a run is skipped, as `begin` says it: `paused by anna: new disk`."""
        by = f"paused by {self.by}" if self.by else "paused"
        return f"{by}: {self.reason}" if self.reason else by

    @property
    def as_maintenance(self) -> str:
        """Return why a run is skipped, as `begin` says it: `maintenance: new disk`."""
        return f"maintenance: {self.reason}" if self.reason else "maintenance"

    def to_json(self) -> bytes:
        """Return the mark as its file has it."""
        said = {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "by": self.by,
            "reason": self.reason,
        }
        return f"{json.dumps(said)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipNext:
    """How many of the next runs by the schedule are skipped: `left` of the `of` asked for."""

    left: int
    of: int
    since: datetime | None = None
    by: str = ""

    def reason(self, number: int) -> str:
        """Return why run `number` of those that are left, from 0 on, is skipped."""
        return f"on request, {self.of - self.left + 1 + number} of {self.of}"

    def to_json(self) -> bytes:
        """Return it as its file has it."""
        since = self.since.isoformat() if self.since else None
        said = {"left": self.left, "of": self.of, "since": since, "by": self.by}
        return f"{json.dumps(said)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that is held back on a host: pauses and skips by the id of their job."""

    pauses: Mapping[str, Mark] = field(default_factory=dict)
    skips: Mapping[str, SkipNext] = field(default_factory=dict)
    maintenance: Mark | None = None

    @classmethod
    def read(cls, layout: Layout, now: datetime) -> Held:
        """Return what holds at `now`."""
        pauses = {name: mark for name in names(layout.paused) if (mark := pause(layout, name))}
        skips = {name: skip for name in names(layout.skip_next) if (skip := skips_of(layout, name))}
        return cls(
            pauses={name: mark for name, mark in pauses.items() if mark.holds(now)},
            skips=skips,
            maintenance=maintenance(layout, now),
        )

    def concerns(self, job_id: str) -> bool:
        """Return True when a run of the job by its schedule may be held back."""
        return bool(self.maintenance) or job_id in self.pauses or job_id in self.skips


def pause(layout: Layout, job_id: str) -> Mark | None:
    """Return the pause of a job, also one that is over; None for a job that has none."""
    return _mark(layout.paused / job_id)


def maintenance(layout: Layout, now: datetime) -> Mark | None:
    """Return the maintenance that the host is in at `now`, None while it is in none."""
    mark = _mark(layout.maintenance)
    return mark if mark and mark.holds(now) else None


def skips_of(layout: Layout, job_id: str) -> SkipNext | None:
    """Return how many of the next runs of a job are skipped, None for none."""
    said = _said(layout.skip_next / job_id)
    left, of = said.get("left"), said.get("of")
    if not (isinstance(left, int) and isinstance(of, int) and 0 < left <= of):
        return None
    return SkipNext(left=left, of=of, since=_moment(said.get("since")), by=_text(said.get("by")))


def person(caller: Caller) -> str:
    """Return who is behind a caller, as a mark names him: who called sudo, or logged in."""
    name = caller.token or caller.sudo_user or caller.login_user or caller.user or str(caller.uid)
    return one_line(name).replace(":", "?")


def one_line(text: str) -> str:
    """Return a text as marks have it: on one line, of characters that can be printed."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:_LONGEST]


def names(folder: Path) -> Iterator[str]:
    """Yield the names of the marks in a folder, in order; none where there is no such folder."""
    try:
        found = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return
    yield from (name for name in found if not name.startswith("."))


def _mark(path: Path) -> Mark | None:
    """Return a mark. One that is no JSON has no end; its first line says why.

    One that cannot be read lets no run start either.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError:
        return Mark(reason=_UNREADABLE)
    if not text.lstrip().startswith("{"):
        return Mark(reason=one_line(text.partition("\n")[0]))
    said = _parsed(text)
    until = said.get("until")
    if not said or (until is not None and _moment(until) is None):
        return Mark(reason=_NO_SENSE)
    return Mark(
        since=_moment(said.get("since")),
        until=_moment(until),
        by=_text(said.get("by")),
        reason=_text(said.get("reason")),
    )


def _said(path: Path) -> Mapping[str, object]:
    try:
        return _parsed(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}


def _parsed(text: str) -> Mapping[str, object]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
