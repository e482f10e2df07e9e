# SPDX-License-Identifier: Apache-2.0
"""Delivery: sends what is due, tries again what could not be sent, gives up aloud."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.jobs.channels import Channel
from debvisor_timers.notify.message import bundle
from debvisor_timers.notify.pings import GIVE_UP_AFTER, PREFIX
from debvisor_timers.notify.sending import NotSentError, Sender
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying import queue
from debvisor_timers.operations.notifying.bundling import batch
from debvisor_timers.operations.notifying.queue import Document, Queued

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)

_ROUNDS = 20
_LOCK_WAIT = timedelta(seconds=2)
_POLL_SECONDS = 0.05
_THREADS = 16
_REMEMBERED = 1000
_IN_LINKS = ("job", "run", "host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was done. sent: channel and message of each; given_up: likewise, to be looked after.

    waiting: how many messages are left. problems: what went wrong, in words.
    """

    sent: tuple[tuple[str, Queued], ...] = ()
    given_up: tuple[tuple[str, Queued], ...] = ()
    waiting: int = 0
    problems: tuple[str, ...] = ()


Send = Callable[[Channel, Document, timedelta], None]


def deliver(host: Host, *, send: Send | None = None) -> Delivery:
    """Send every message that is due; none is lost, whatever happens.

    One process at a time: where another one sends already, it sends these as well. A crash between
    sending and noting it sends a message twice, rather than never.
    """
    if not host.layout.queue.is_dir():
        return Delivery()
    with _only_one(host.layout.queue) as is_ours:
        if not is_ours:
            return Delivery(waiting=len(queue.queued(host.layout)))
        return _Round(host, send or Sender(host.layout).send).deliver()


@contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Hold the lock of the queue, and yield True; False where somebody else keeps it."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_WAIT.total_seconds()
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
                time.sleep(_POLL_SECONDS)
            else:
                break
        yield True
    finally:
        os.close(descriptor)


def _filled(url: str, about: Mapping[str, str]) -> str:
    for name, value in about.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url


def _narrowed(channel: Channel, only: Sequence[str]) -> Channel:
    """Return the channel with these recipients alone, as far as it still has them; else all."""
    mail = channel.mail
    left = tuple(each for each in mail.to if each in only) if mail else ()
    if mail is None or not left:
        return channel
    return channel.model_copy(update={"mail": mail.model_copy(update={"to": left})})


def _channel(name: str, channels: Mapping[str, Channel]) -> Channel | None:
    """Return the channel of a name; those of pings are in no configuration."""
    if name.startswith(PREFIX):
        return Channel.model_construct(give_up_after=GIVE_UP_AFTER)
    return channels.get(name)


@dataclass(slots=True)
class _Round:
    """One delivery; the channels side by side, so that a slow one holds up no other."""

    host: Host
    send: Send
    sent: list[tuple[str, Queued]] = field(default_factory=list)
    given_up: list[tuple[str, Queued]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    links: Mapping[str, str] = field(default_factory=dict)

    def deliver(self) -> Delivery:
        config = applied_config(self.host)
        channels, self.links = config.channels, config.links
        for _ in range(_ROUNDS):
            due = self._due()
            if not due:
                break
            with ThreadPoolExecutor(max_workers=_THREADS) as pool:
                for each in [
                    pool.submit(self._tell, name, _channel(name, channels), messages)
                    for name, messages in due.items()
                ]:
                    each.result()
        return Delivery(
            sent=tuple(self.sent),
            given_up=tuple(self.given_up),
            waiting=len(queue.queued(self.host.layout)),
            problems=tuple(self.problems),
        )

    def _due(self) -> Mapping[str, list[Queued]]:
        now = self.host.clock.now()
        due: dict[str, list[Queued]] = {}
        for message in queue.queued(self.host.layout):
            if message.due <= now:
                due.setdefault(message.channel, []).append(message)
        return due

    def _tell(self, name: str, channel: Channel | None, messages: Sequence[Queued]) -> None:
        if channel is None:
            for message in messages:
                problem = f"there is no channel {name!r}" if name else message.problem
                self._give_up(message.later(message.due, problem=problem))
            return
        now, zone = self.host.clock.now(), self.host.clock.zone()
        todo = batch(messages, channel, sent=self._sent_before(name), now=now, zone=zone)
        for message in todo.held:
            queue.keep(self.host.layout.queue, message.later(todo.until or now))
        is_up = True
        for some in [*((each,) for each in todo.single), todo.together]:
            if some:
                is_up = self._send(_narrowed(channel, some[0].only), some, is_up=is_up)

    def _send(self, channel: Channel, messages: Sequence[Queued], *, is_up: bool) -> bool:
        """Send messages as one, and return whether it is worth while to send more."""
        name = messages[0].channel
        if not is_up:
            for message in messages:
                self._put_off(channel, message, problem="", tried=False)
            return False
        documents = [self._document(each) for each in messages]
        document = documents[0] if len(documents) == 1 else bundle(documents)
        try:
            self.send(channel, document, channel.timeout)
        except (NotSentError, DebvisorTimersError) as error:
            self.problems.append(f"the channel {name} was not told: {error}")
            left = error.left if isinstance(error, NotSentError) else ()
            for message in messages:
                some = replace(message, only=left or message.only)
                self._put_off(channel, some, problem=str(error), tried=True)
            return isinstance(error, NotSentError) and error.concerns_message
        for message in messages:
            queue.forget(self.host.layout, message)
            self.sent.append((name, message))
        # Last: where the disk is full, what was sent must not be sent again each minute.
        if channel.digest is not None:
            self._note_sent(name)
        return True

    def _document(self, message: Queued) -> Document:
        about = {name: str(message.document.get(name) or "") for name in _IN_LINKS}
        links = {
            label: _filled(url, about)
            for label, url in self.links.items()
            if all(value or f"{{{name}}}" not in url for name, value in about.items())
        }
        return {**message.document, "message": message.id, **({"links": links} if links else {})}

    def _put_off(self, channel: Channel, message: Queued, *, problem: str, tried: bool) -> None:
        now = self.host.clock.now()
        due = now + min(FIRST_DELAY * 2 ** min(message.attempts, 10), LONGEST_DELAY)
        later = message.later(due, problem=problem, tried=tried)
        if tried and now - message.queued >= channel.give_up_after:
            self._give_up(later)
        else:
            queue.keep(self.host.layout.queue, later)

    def _give_up(self, message: Queued) -> None:
        queue.give_up(self.host.layout, message)
        self.given_up.append((message.channel, message))
        self.problems.append(
            f"gave up telling {message.channel} of {message.event}"
            f"{f' of {message.job}' if message.job else ''}: {message.problem}"
        )

    def _sent_before(self, name: str) -> list[datetime]:
        """Return when messages were sent; a note that is damaged must hold up no channel."""
        try:
            found = durable.read_json(self._sent_file(name))
            notes = found if isinstance(found, list) else []
            times = [datetime.fromisoformat(str(at)) for at in notes]
        except (DebvisorTimersError, ValueError):
            return []
        return [at for at in times if at.tzinfo]

    def _note_sent(self, name: str) -> None:
        now = self.host.clock.now()
        times = [*self._sent_before(name), now][-_REMEMBERED:]
        durable.write_json(self._sent_file(name), [at.isoformat() for at in times])

    def _sent_file(self, name: str) -> Path:
        return self.host.layout.queue / "sent" / name
