# SPDX-License-Identifier: Apache-2.0
"""Questions to a server: one HTTP request each, and what its answer says."""

from __future__ import annotations

import http.client
import json
import os
import select
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from weakref import WeakSet

from debvisor_timers import __version__
from debvisor_timers.errors import UnreachableError, UsageError
from debvisor_timers.scheduler.remote.address import Address
from debvisor_timers.scheduler.remote.told import error_of

_SAFE_TO_REPEAT = frozenset({"GET", "PUT"})
_TOO_MANY = 429
_LONGEST_WAIT = 10
"""Seconds: who sends too much waits for his turn, who is locked out is told so."""
_MOST_BYTES = 256 * 1024 * 1024
"""No answer of ours comes near that; one of another server shall not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request: path below /api/v1, its parts as they are.

    once: the key by which the server knows it again, so that it can be sent twice and is done
    once.
    """

    method: str = "GET"
    path: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    body: object = None
    once: str = ""

    @property
    def can_be_repeated(self) -> bool:
        """Return True where to send it twice is to send it once."""
        return self.method in _SAFE_TO_REPEAT or bool(self.once)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the server says; wait: so many seconds until the question may be asked again."""

    status: int
    body: bytes
    wait: float | None = None


class Server:
    """A server, asked by any number of threads; each has a connection of its own.

    token: sent with each request. timeout: seconds without a word from the server.
    """

    def __init__(
        self, address: Address, *, token: str = "", timeout: float = 120, ca_file: str | None = None
    ) -> None:
        """Open nothing yet. ca_file: the authorities to trust in place of those of this host."""
        if token and not address.is_private:
            raise UsageError(
                f"the token would be sent to {address} for everybody on the way to read",
                fix="use https://, or a tunnel: ssh -L 5000:localhost:5000 HOST",
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise UsageError(
                "the token has characters that no token has",
                fix="look for spaces and line breaks; it is one word",
            )
        self.address = address
        self._token = token
        self._timeout = timeout
        self._context = _context(address, ca_file)
        self._own = threading.local()
        self._lines: WeakSet[_Line] = WeakSet()
        self._mutex = threading.Lock()

    def close(self) -> None:
        """Close the connections of all threads; who asks again opens one again."""
        with self._mutex:
            for line in self._lines:
                line.connection.close()

    def ask(self, question: Question) -> object:
        """Return the data of the answer.

        Raises the error of debvisor_timers.errors that the server tells of; UnreachableError where
        it tells nothing.
        """
        sent = _json(question.body)
        end = time.monotonic() + self._timeout
        while True:
            answer = self._heard(question, sent)
            if answer.wait is None or time.monotonic() + answer.wait > end:
                return self._data(answer)
            time.sleep(answer.wait)

    def _heard(self, question: Question, sent: bytes | None) -> _Answer:
        """Return the answer to a question, which is asked again where that does no harm."""
        connection = self._connection()
        try:
            return self._answer(connection, question, sent)
        except _EndedError:
            # It was restarted meanwhile: whoever starts it anew hears the same question.
            if not question.can_be_repeated:
                raise self._unreachable(
                    "it hung up before it answered; whether it did it is not known"
                ) from None
            connection.close()
        try:
            return self._answer(connection, question, sent)
        except _EndedError as error:
            raise self._unreachable(f"it hung up before it answered: {error}") from error

    def _answer(
        self, connection: http.client.HTTPConnection, question: Question, sent: bytes | None
    ) -> _Answer:
        parts = "".join(f"/{quote(part, safe='')}" for part in question.path)
        query = f"?{urlencode(question.query)}" if question.query else ""
        target = f"{self.address.prefix}{parts}{query}"
        is_done = False
        try:
            connection.request(question.method, target, sent, self._headers(question))
            answer = connection.getresponse()
            text = answer.read(_MOST_BYTES + 1)
            is_done = len(text) <= _MOST_BYTES
        except ssl.SSLCertVerificationError as error:
            raise self._unreachable(
                f"its certificate is not good: {error.verify_message}",
                fix="give the file of its authority as ca_file=...",
            ) from error
        except (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead) as error:
            raise _EndedError(str(error)) from error
        except TimeoutError as error:
            raise self._unreachable(f"no answer within {self._timeout:g} seconds") from error
        except (http.client.HTTPException, OSError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        finally:
            if not is_done:
                connection.close()
        if not is_done:
            raise self._unreachable("its answer has no end")
        return _Answer(
            status=answer.status,
            body=text,
            wait=_wait(answer.getheader("Retry-After")) if answer.status == _TOO_MANY else None,
        )

    def _headers(self, question: Question) -> Mapping[str, str]:
        headers = {"User-Agent": f"debvisor-timers/{__version__}", "Accept": "application/json"}
        if question.body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if question.once:
            headers["Idempotency-Key"] = question.once
        return headers

    def _data(self, answer: _Answer) -> object:
        status, body = answer.status, answer.body
        if not body and 200 <= status < 300:
            return None
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict) or "status" not in document:
            raise self._unreachable(f"it answers {status} with no words of ours")
        if 200 <= status < 300:
            return document.get("data")
        problem = document.get("error")
        raise error_of(status, problem if isinstance(problem, dict) else {})

    def _connection(self) -> http.client.HTTPConnection:
        """Return the connection of this thread: a new one where the server has closed it."""
        line: _Line | None = getattr(self._own, "line", None)
        # A child of a fork must not talk on its parent's connection.
        if line is None or line.process != os.getpid():
            line = _Line(self.address.connection(self._timeout, self._context))
            self._own.line = line
            with self._mutex:
                self._lines.add(line)
        connection = line.connection
        if connection.sock is not None and _has_ended(connection):
            connection.close()
        return connection

    def _unreachable(self, what: str, *, fix: str = "") -> UnreachableError:
        return UnreachableError(
            f"{self.address}: {what}",
            fix=fix or "see whether it runs there: systemctl status debvisor-timers-web.socket",
        )


class _EndedError(Exception):
    """The connection ended before the answer did."""


class _Line:
    """The connection of a thread, which ends with it; process: that of the thread."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.process = os.getpid()

    def __del__(self) -> None:
        self.connection.close()


def _json(body: object) -> bytes | None:
    try:
        return None if body is None else json.dumps(body, allow_nan=False).encode()
    except ValueError as error:
        raise UsageError(
            f"it cannot be sent as JSON: {error}", fix="give numbers that are finite"
        ) from error


def _wait(seconds: str | None) -> float | None:
    """Return how long to wait; None for what is no number, and for a client that is locked out."""
    if seconds is None or not seconds.isdecimal() or int(seconds) > _LONGEST_WAIT:
        return None
    return float(seconds)


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Return True where something waits to be read: nothing was asked, so it is the end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _context(address: Address, ca_file: str | None) -> ssl.SSLContext | None:
    if not address.is_tls:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UsageError(
            f"cannot read {ca_file}: {error.strerror or error}",
            fix="give a file with certificates in PEM",
        ) from error
