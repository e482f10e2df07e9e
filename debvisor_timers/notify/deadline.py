# SPDX-License-Identifier: Apache-2.0
"""A limit for a whole conversation: time-outs of sockets count for each of its reads alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from debvisor_timers.notify.sending import NotSentError


@contextmanager
def deadline(
    limit: timedelta, where: str, connection: Callable[[], socket.socket | None]
) -> Iterator[None]:
    """Let the block talk over a socket for so long; then cut it off.

    connection: returns the socket, None while there is none. Raises NotSentError, naming `where`,
    in the place of whatever the block raises after that.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        found = connection()
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(limit.total_seconds(), cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except Exception as error:
        if is_over.is_set() or isinstance(error, TimeoutError):
            seconds = limit.total_seconds()
            raise NotSentError(f"{where}: timed out after {seconds:g} s") from error
        raise
    finally:
        watchdog.cancel()
