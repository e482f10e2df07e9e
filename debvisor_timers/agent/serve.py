# SPDX-License-Identifier: Apache-2.0
"""The agent's main loop: each connection gets a process of its own, made by a fork.

So nobody waits for another, a crash ends one connection, and what a library leaks is gone with it.
The process that accepts imports everything first, does nothing itself, and ends when it is idle:
systemd keeps the socket, and starts it again.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress

from debvisor_timers.agent.callers import Peer
from debvisor_timers.agent.conversation import converse
from debvisor_timers.agent.service import Answerer
from debvisor_timers.history.caller import Caller
from debvisor_timers.scheduler import Scheduler

IDLE_SECONDS = 60.0
"""So long nobody is connected before it ends."""

MOST_CONNECTIONS = 64
MOST_OF_ONE_USER = 32
MOST_OF_ONE_MEMBER = 16
"""Connections at once; more are told that it is busy.

Half of all are for root and the web server: members keep nobody out but each other.
"""

_BUSY = b'{"error": "io.debvisor.Timers.Busy", "parameters": {}}\0'
_FIRST_DESCRIPTOR = 3
"""The first that systemd passes on: sd_listen_fds(3)."""


def main() -> int:
    """Serve the socket that systemd has passed on, until nobody has asked for a while."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        sys.stderr.write("start it by its socket: systemctl start debvisor-timers-agent.socket\n")
        return 2
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    os.umask(0o022)
    with socket.socket(fileno=_FIRST_DESCRIPTOR) as listener:
        listener.set_inheritable(False)
        Server(listener, _scheduler).serve()
    return 0


def _scheduler(caller: Caller) -> Scheduler:
    return Scheduler(caller=caller)


class Server:
    """Accepts connections, and has each answered by a process of its own."""

    def __init__(
        self,
        listener: socket.socket,
        scheduler_for: Callable[[Caller], Scheduler],
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """Serve `listener`, which listens already."""
        self._listener = listener
        self._scheduler_for = scheduler_for
        self._idle_seconds = idle_seconds
        self._children: dict[int, Peer] = {}
        self._ends = False

    def serve(self) -> None:
        """Return when it is idle, or was told to end and all connections have ended."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, self._end)
        self._listener.setblocking(False)  # noqa: FBT003 - the name of its only parameter
        since = time.monotonic()
        while not (self._ends and not self._children):
            watched = [wake] if self._ends else [wake, self._listener.fileno()]
            ready, _, _ = select.select(watched, [], [], self._idle_seconds)
            if wake in ready:
                with suppress(BlockingIOError):
                    os.read(wake, 4096)
            self._bury()
            if self._listener.fileno() in ready:
                self._accept((wake, waker))
                since = time.monotonic()
            elif not self._children and time.monotonic() - since >= self._idle_seconds:
                return
            elif self._children:
                since = time.monotonic()

    def _end(self, _number: int, _frame: object) -> None:
        self._ends = True

    def _bury(self) -> None:
        """Forget the children that have ended."""
        for pid in list(self._children):
            with suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            del self._children[pid]

    def _accept(self, pipe: tuple[int, int]) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it is gone already, or there is no room for it: the next one may do
        with connection:
            try:
                peer = Peer.of(connection)
            except OSError as error:
                sys.stderr.write(f"<4>nobody knows who has connected: {error}\n")
                return
            if is_full(self._children.values(), peer):
                connection.settimeout(0.1)
                with suppress(OSError):
                    connection.sendall(_BUSY)
                return
            try:
                pid = os.fork()
            except OSError as error:
                sys.stderr.write(f"<3>there is no room for a connection: {error}\n")
                return
            if pid == 0:
                self._be_child(connection, peer, pipe)
            self._children[pid] = peer

    def _be_child(self, connection: socket.socket, peer: Peer, pipe: tuple[int, int]) -> None:
        """Answer one connection, and end; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # As on the command line: a change that is under way is finished or undone.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            self._listener.close()
            for descriptor in pipe:
                os.close(descriptor)
            converse(connection, Answerer(peer, self._scheduler_for))
            status = 0
        except KeyboardInterrupt:
            status = 0
        except Exception:  # noqa: BLE001 - the edge: nothing may come back from a fork
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)


def is_full(connected: Collection[Peer], peer: Peer) -> bool:
    """Return True where there is no room for one more connection of that peer."""
    of_user = sum(each.uid == peer.uid for each in connected)
    if peer.uid == 0 or peer.is_web:
        return len(connected) >= MOST_CONNECTIONS or of_user >= MOST_OF_ONE_USER
    of_members = sum(each.uid != 0 and not each.is_web for each in connected)
    return of_user >= MOST_OF_ONE_MEMBER or of_members >= MOST_CONNECTIONS - MOST_OF_ONE_USER
