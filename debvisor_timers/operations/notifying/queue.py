# SPDX-License-Identifier: Apache-2.0
"""The queue of messages: one file each, durable before anybody is told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host

Document = Mapping[str, Any]

_SUFFIX = ".json"
_numbers = count()
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that waits, or that was given up.

    id: sortable, the oldest first. queued: since when; due: from when on it is (again) tried to be
    sent. attempts: how often that was; problem: what went wrong last. only: the recipients that
    have not got it, where others have; empty: all.
    """

    id: str
    channel: str
    document: Document
    queued: datetime
    due: datetime
    attempts: int = 0
    problem: str = ""
    only: tuple[str, ...] = ()

    @property
    def short_id(self) -> str:
        """Return the end of the id, which is random."""
        return self.id.rpartition("-")[2]

    @property
    def event(self) -> str:
        """Return what it tells of."""
        return str(self.document.get("event", ""))

    @property
    def job(self) -> str:
        """Return the id of the job that it is about, empty for none."""
        return str(self.document.get("job_id") or self.document.get("job") or "")

    def later(self, due: datetime, *, problem: str = "", tried: bool = False) -> Queued:
        """Return the message as it waits until `due`."""
        return replace(
            self,
            due=due,
            problem=problem or self.problem,
            attempts=self.attempts + tried,
        )


def enqueue(host: Host, channel: str, document: Mapping[str, object]) -> str:
    """Let a channel be told; return the id of the message. It is on the disk when this returns."""
    now = host.clock.now()
    # In one process in the order of the calls, also where the clock stands still.
    name = f"{now:%Y%m%dT%H%M%S%f}-{next(_numbers):06}-{secrets.token_hex(4)}"
    message = Queued(id=name, channel=channel, document=document, queued=now, due=now)
    keep(host.layout.queue, message)
    return name


def keep(folder: Path, message: Queued) -> None:
    """Write a message to `folder`, over what is there of it."""
    value = {
        "channel": message.channel,
        "queued": message.queued.isoformat(),
        "due": message.due.isoformat(),
        "attempts": message.attempts,
        "problem": message.problem,
        "only": message.only,
        "document": message.document,
    }
    text = json.dumps(value, default=str)  # ASCII: what is no UTF-8 in a log stays what it is
    durable.write_bytes(folder / f"{message.id}{_SUFFIX}", text.encode("ascii"))


def queued(layout: Layout) -> list[Queued]:
    """Return the messages that wait, the oldest first."""
    return list(_read(layout.queue))


def given_up(layout: Layout) -> list[Queued]:
    """Return the messages that could not be sent in time, the oldest first."""
    return list(_read(layout.given_up))


def given_up_names(layout: Layout) -> list[str]:
    """Return the ids of the messages that were given up; others than root may ask for them."""
    try:
        return sorted(path.stem for path in layout.given_up.iterdir() if path.suffix == _SUFFIX)
    except OSError:
        return []


def forget(layout: Layout, message: Queued) -> None:
    """Remove a message that waits: it was sent."""
    durable.remove(layout.queue / f"{message.id}{_SUFFIX}")


def give_up(layout: Layout, message: Queued) -> None:
    """Move a message among those that were given up; it is never in neither folder."""
    keep(layout.given_up, message)
    forget(layout, message)


def find(layout: Layout, name: str, *, only_given_up: bool = False) -> Queued:
    """Return the message with an id, whole or as it is shown; raise NotFoundError."""
    waiting = [] if only_given_up else queued(layout)
    for message in (*given_up(layout), *waiting):
        if name in {message.id, message.short_id}:
            return message
    raise NotFoundError(
        f"no message {name!r} was given up" if only_given_up else f"there is no message {name!r}",
        fix="see: debvisor-timers notify queue",
    )


def try_again(host: Host, message: Queued) -> None:
    """Let a message that was given up wait again, as if it were new."""
    now = host.clock.now()
    keep(host.layout.queue, replace(message, queued=now, due=now, attempts=0))
    durable.remove(host.layout.given_up / f"{message.id}{_SUFFIX}")


def drop(host: Host, name: str) -> None:
    """Remove a message, waiting or given up, unsent."""
    for folder in (host.layout.queue, host.layout.given_up):
        durable.remove(folder / f"{name}{_SUFFIX}")


def _read(folder: Path) -> Iterator[Queued]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    except FileNotFoundError:
        return
    except OSError as error:
        raise durable.cannot("read", folder, error) from error
    for path in paths:
        try:
            yield _message(path.stem, durable.read_json(path))
        except (SystemdError, ValueError, TypeError, AttributeError, LookupError) as error:
            # Damaged: given up aloud, since it names no channel; it must hold up no other.
            yield Queued(
                id=path.stem,
                channel="",
                document={"event": "", "text": str(error)},
                queued=_LONG_AGO,
                due=_LONG_AGO,
                problem=f"{path} is damaged: {error}",
            )


def _message(name: str, value: Any) -> Queued:
    """Return a message as it was written; raise whatever, if it was not written by us."""
    return Queued(
        id=name,
        channel=str(value["channel"]),
        document=dict(value["document"]),
        queued=_time(value["queued"]),
        due=_time(value["due"]),
        attempts=int(value["attempts"]),
        problem=str(value["problem"]),
        only=tuple(map(str, value.get("only", ()))),
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return at
