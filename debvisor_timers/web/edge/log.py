# SPDX-License-Identifier: Apache-2.0
"""The access log: a structured record of the journal for each answer."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from debvisor_timers.web.principal import Principal

IDENTIFIER = "debvisor-timers-web"

_LONGEST_PATH = 1_000
_MOST_WAITING = 10_000
_STATIC = "/static/"
_SAFE = {"GET", "HEAD", "OPTIONS"}

Send = Callable[[Mapping[str, str]], None]
"""Sends a record to the journal; may block."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request and its answer. path: without the query, which may hold anything."""

    method: str
    path: str
    status: int
    seconds: float
    address: str
    request_id: str
    who: Principal | None

    def to_fields(self) -> dict[str, str]:
        """Return the record."""
        path = "".join(each if each.isprintable() else "?" for each in self.path)[:_LONGEST_PATH]
        name = self.who.name if self.who else "nobody"
        milliseconds = round(self.seconds * 1000)
        fields = {
            "MESSAGE": f"{self.address} {name} {self.method} {path}: {self.status}"
            f" in {milliseconds} ms",
            "PRIORITY": self._priority(),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "DEBVISOR_REQUEST_ID": self.request_id,
            "DEBVISOR_WEB_METHOD": self.method,
            "DEBVISOR_WEB_PATH": path,
            "DEBVISOR_WEB_STATUS": str(self.status),
            "DEBVISOR_WEB_DURATION_USEC": str(round(self.seconds * 1_000_000)),
            "DEBVISOR_WEB_ADDRESS": self.address,
        }
        if self.who is not None:
            fields["DEBVISOR_WEB_WHO"] = self.who.name
            fields["DEBVISOR_WEB_ROLE"] = str(self.who.role)
            fields["DEBVISOR_WEB_KIND"] = self.who.kind
        return fields

    def _priority(self) -> str:
        if self.status >= 500:
            return "3"
        if self.status in {401, 403, 429}:
            return "4"
        if self.path.startswith(_STATIC):
            return "7"  # a page has several of them
        return "6" if self.method in _SAFE else "5"


class AccessLog:
    """Sends records in a thread of its own: a journal that hangs holds up no request.

    What is more than waits already is dropped, and counted.
    """

    def __init__(self, send: Send) -> None:
        """send: called in that thread alone."""
        self._send = send
        self._waiting: queue.Queue[Answered | None] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def __call__(self, answered: Answered) -> None:
        """Let a record be sent."""
        try:
            self._waiting.put_nowait(answered)
        except queue.Full:
            self._dropped += 1

    def close(self, timeout: float = 2) -> None:
        """Send what waits, if that does not take too long."""
        try:
            self._waiting.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _run(self) -> None:
        while (answered := self._waiting.get()) is not None:
            try:
                self._send(answered.to_fields())
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    _log.warning("%d records of the access log were dropped", dropped)
            except Exception:  # a journal that is away must not end the log  # noqa: BLE001
                _log.warning("a record of the access log could not be sent", exc_info=True)
