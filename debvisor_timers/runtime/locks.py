# SPDX-License-Identifier: Apache-2.0
"""The locks of a run: places in a pool, and one for each pair of jobs that are in conflict.

A lock is a named pipe that somebody holds open for writing. `begin` opens all that its job needs
at once and gives them to systemd, which keeps them until the unit has ended, whatever happens
(systemd 257: the store of file descriptors). The program of the job is handed them too: it can
hold one longer, and never release it, as it could a lock of flock(2).
Loaded by `begin`; imports nothing of ours.
"""

import _socket
import fcntl
import os
import sys
import time
from select import POLLHUP, poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


LIMIT = 6 * 3600.0
AGEING = 600.0
"""After so many seconds of waiting a run counts as one of the next higher priority."""
PATIENCE = 600.0
"""After so many seconds of waiting a run keeps others from all that it needs, not only from what
it lacks: so none waits for ever for two locks that take turns."""
RANKS = {"low": 0, "normal": 1, "high": 2, "critical": 3}
AT_ONCE = 250
"""So many descriptors the kernel lets one message carry; 253, to be exact."""
FRONT = 16
"""So many of a queue are woken by each lock that becomes free; the rest look now and then."""


class Want:
    """A lock that a run needs: so many places of a pool, or the only one of a conflict.

    limit: how long to wait, in seconds; None where the job does not say.
    """

    def __init__(self, name: str, places: int, size: int, limit: float | None) -> None:
        """Take what a line of the service says."""
        self.name, self.places, self.size, self.limit = name, places, size, limit
        self.skips = False
        self.words = ""

    def __str__(self) -> str:
        """Return it as a ticket has it."""
        return f"{self.name} {self.places} {self.size}"

    def is_free(self, room: "Room") -> bool:
        """Return True when so many places are not taken, though they may be kept for another."""
        return self.size - len(room.held[self.name]) >= self.places


def wants(run: "Any") -> list[Want]:
    """Return the locks that the service of a run names."""
    found = []
    for line in run.values("X-Pool"):
        name, places, size, limit = [*line.split(" | "), ""][:4]
        want = Want(f"pool-{name}", int(places), int(size), seconds(limit))
        want.words = f"pool {name}"
        found.append(want)
    for line in run.values("X-Conflict"):
        pair, policy, limit = [*line.split(" | "), ""][:3]
        want = Want(f"conflict-{pair}", 1, 1, seconds(limit))
        want.words = next(job for job in pair.split("+") if job != run.job)
        want.skips = policy == "skip"
        found.append(want)
    return found


def seconds(limit: str) -> float | None:
    """Return a limit of a line, None where the line has none."""
    return float(limit.removesuffix("s")) if limit else None


class Ticket:
    """A run that waits for its locks."""

    def __init__(self, job: str, text: str) -> None:
        """Read `RANK ARRIVAL | NAME PLACES SIZE | ...`."""
        head, *several = text.split(" | ")
        rank, arrival = head.split(" ")
        self.job, self.rank, self.arrival = job, int(rank), float(arrival)
        self.wants = []
        for line in several:
            name, places, size = line.split(" ")
            self.wants.append(Want(name, int(places), int(size), None))

    def order(self, now: float) -> tuple[float, float, str]:
        """Return what sorts tickets: the highest priority first, then the earliest."""
        return (-(self.rank + (now - self.arrival) / AGEING), self.arrival, self.job)


class Room:
    """What is free of each lock, as the pipes tell; those that are taken stay open, to wait on."""

    def __init__(self, folder: str) -> None:
        """Look at RUNTIME/locks; the mutex must be held."""
        self.folder, self.free_names, self.held = folder, {}, {}  # type: ignore[var-annotated]
        self._left: dict[str, int] = {}

    def look(self, want: Want) -> None:
        """Find out what is free of a lock, unless that is known."""
        if want.name in self._left:
            return
        prefix = f"{want.name}."
        made = [name for name in os.listdir(self.folder) if name.startswith(prefix)]
        numbers = {int(rest) for name in made if (rest := name.removeprefix(prefix)).isdigit()}
        # A pool that has become smaller: who has a place beyond its end still counts.
        free, held = [], []
        for number in sorted(numbers | set(range(want.size))):
            name = f"{prefix}{number}"
            reader = open_pipe(f"{self.folder}/{name}", os.O_RDONLY) if number in numbers else None
            if reader is not None and is_held(reader):
                held.append(reader)
                continue
            free.append(name)
            if reader is not None:
                os.close(reader)
        self.free_names[want.name], self.held[want.name] = free, held
        self._left[want.name] = want.size - len(held)

    def left(self, want: Want) -> int:
        """Return how many places of a lock are neither taken nor kept for another."""
        self.look(want)
        return min(self._left[want.name], want.size - len(self.held[want.name]))

    def reserve(self, want: Want) -> None:
        """Keep what a run that waits needs of a lock, so that none behind it takes it."""
        self._left[want.name] = self.left(want) - want.places

    def close(self) -> None:
        """Close what was kept open."""
        for readers in self.held.values():
            for reader in readers:
                os.close(reader)


def open_pipe(path: str, flags: int) -> int:
    """Return a descriptor of the named pipe `path`, made where missing."""
    try:
        return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        os.mkfifo(path, 0o600)
        return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def is_held(reader: int) -> bool:
    """Return True when somebody has the pipe of `reader` open for writing."""
    try:
        return os.read(reader, 1) != b""
    except BlockingIOError:
        return True


def take(run: "Any", default_limit: "Any") -> str:
    """Take all locks of a run at once, in its turn; return why it must be skipped, if it must."""
    needed = wants(run)
    for folder in (run.runtime, f"{run.runtime}/locks", f"{run.runtime}/queue"):
        os.close(run.notes.open_folder(folder))
    if run.fields["DEBVISOR_ATTEMPT"] != "1":
        drop()
    queue = Queue(run, needed)
    try:
        return queue.wait(default_limit)
    finally:
        queue.leave()


class Queue:
    """The place of one run among those that wait for locks."""

    def __init__(self, run: "Any", needed: list[Want]) -> None:
        """Join the queue: a file that is locked for as long as we live."""
        self._run, self._needed = run, needed
        self._locks, self._folder = f"{run.runtime}/locks", f"{run.runtime}/queue"
        self._arrival = time.monotonic()
        rank = RANKS[(run.values("X-Priority") or ["normal"])[-1]]
        self._text = " | ".join([f"{rank} {self._arrival:.6f}", *map(str, needed)])
        self._path = f"{self._folder}/{run.job}"
        self._mutex = os.open(f"{run.runtime}/locks.mutex", os.O_RDWR | os.O_CREAT, 0o600)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.ftruncate(self._file, 0)
        os.write(self._file, self._text.encode())

    def leave(self) -> None:
        """Leave the queue."""
        if os.fstat(self._file).st_nlink:
            os.unlink(self._path)
        os.close(self._file)
        os.close(self._mutex)

    def wait(self, default_limit: "Any") -> str:
        """Wait for our turn, take the locks; return why the run is skipped, if it is."""
        until: float | None = None
        while True:
            fcntl.flock(self._mutex, fcntl.LOCK_EX)
            room = Room(self._locks)
            try:
                place, lacking = self._turn(room)
                if place == 0:
                    taken = self._open(room)
                    os.unlink(self._path)  # now: else others see us take it and want it
            finally:
                fcntl.flock(self._mutex, fcntl.LOCK_UN)
            if place == 0:
                room.close()
                give(taken)
                return ""
            if reason := self._refusal(lacking):
                room.close()
                return reason
            if until is None:
                until = self._arrival + self._limit(default_limit)
            left = until - time.monotonic()
            if left <= 0:
                room.close()
                waited = time.monotonic() - self._arrival
                return f"no turn after {waited:.0f} s {self._words(room, lacking)}"
            self._run.wait(self._words(room, lacking))
            sleep(room, lacking, place, left)
            room.close()

    def _turn(self, room: Room) -> tuple[int, list[Want]]:
        """Return our place (0: it is our turn), and what we lack; those before us come first."""
        now = time.monotonic()
        place = 1
        for ticket in self._tickets(now):
            mine = ticket.job == self._run.job
            lacking = [want for want in ticket.wants if room.left(want) < want.places]
            if mine:
                names = {want.name for want in lacking}
                lacking = [
                    w for w in self._needed if w.name in names and not self._may_pass(w, room)
                ]
                return (place if lacking else 0), lacking
            waited = now - ticket.arrival
            for want in ticket.wants if waited > PATIENCE or not lacking else lacking:
                room.reserve(want)
            place += 1
        raise OSError("our own ticket is missing in the queue")

    def _may_pass(self, want: Want, room: Room) -> bool:
        """Return True for a conflict that is to be skipped, while the other job only waits."""
        return want.skips and not room.held[want.name]

    def _tickets(self, now: float) -> list[Ticket]:
        """Return the tickets of the runs that wait, in their order; not those of dead ones."""
        names = set(os.listdir(self._folder)) - {self._run.job}
        texts = {name: self._text_of(name) for name in names} | {self._run.job: self._text}
        found = [Ticket(name, text) for name, text in texts.items() if text]
        return sorted(found, key=lambda ticket: ticket.order(now))

    def _text_of(self, name: str) -> str:
        """Return what a ticket says, empty for one whose owner is gone or is about to write it."""
        try:
            file = os.open(f"{self._folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return ""
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(file, 64 * 1024).decode()
        finally:
            os.close(file)
        return ""

    def _open(self, room: Room) -> list[int]:
        """Open what we need, which makes it ours."""
        return [
            open_pipe(f"{self._locks}/{name}", os.O_RDWR)
            for want in self._needed
            for name in room.free_names[want.name][: want.places]
        ]

    def _refusal(self, lacking: list[Want]) -> str:
        """Return why the run is to be skipped at once."""
        for want in lacking:
            if want.skips:
                return f"conflict: {want.words} is running"
        return ""

    def _limit(self, default_limit: "Any") -> float:
        """Return for how long to wait at most: the shortest of what the locks say."""
        waits = [want for want in self._needed if not want.skips]
        limits = [want.limit for want in waits if want.limit is not None]
        if len(limits) < len(waits):
            limits.append(min(LIMIT, default_limit(self._run)))
        return min(limits, default=LIMIT)

    def _words(self, room: Room, lacking: list[Want]) -> str:
        """Return what is waited for: `for pool backup (5 of 5 taken)`."""
        parts = []
        for want in lacking:
            held = len(room.held[want.name])
            how = f" ({held} of {want.size} taken)" if want.size > 1 else " (running)"
            parts.append(want.words + (how if held else " (others are first)"))
        return "for " + " and ".join(parts)


def sleep(room: Room, lacking: list[Want], place: int, left: float) -> None:
    """Sleep until something that we lack may have become free, and for `left` at most."""
    watched = poll()
    if place <= FRONT:
        for want in lacking:
            for reader in room.held[want.name]:
                watched.register(reader, POLLHUP)
    pause = 1.0 if place <= FRONT else 0.5 + place / 50
    if place <= FRONT and all(want.is_free(room) for want in lacking):
        pause = 0.1  # kept for one before us, which takes it just now
    pause = min(left, pause)
    watched.poll(pause * 1000)


def give(descriptors: list[int]) -> None:
    """Let systemd hold `descriptors` until the unit ends, and take no message from the job.

    Raises OSError when systemd did not take them.
    """
    address = os.environ["NOTIFY_SOCKET"]
    for at in range(0, len(descriptors), AT_ONCE):
        several = descriptors[at : at + AT_ONCE]
        stored = b"".join(number.to_bytes(4, sys.byteorder) for number in several)
        notify(address, b"FDSTORE=1\nFDNAME=lock\nFDPOLL=0", stored)
    close_door(address)
    for number in descriptors:
        path = os.readlink(f"/proc/self/fd/{number}")
        os.close(number)
        reader = open_pipe(path, os.O_RDONLY)
        held = is_held(reader)
        os.close(reader)
        if not held:
            raise OSError(f"systemd did not take the lock {os.path.basename(path)}")


def drop() -> None:
    """Let systemd close what an attempt has left that failed before its program could start.

    Else the run would wait for itself.
    """
    notify(os.environ["NOTIFY_SOCKET"], b"FDSTOREREMOVE=1\nFDNAME=lock", b"")
    settle(os.environ["NOTIFY_SOCKET"])


def close_door(address: str) -> None:
    """Let the program of the job send nothing to systemd: it could drop its locks, or lengthen
    its own time-out. Holds for this attempt; returns when all that was sent is done.
    """
    notify(address, b"NOTIFYACCESS=none", b"")
    settle(address)


def settle(address: str) -> None:
    """Return when systemd has looked at all that was sent to it."""
    reader, writer = os.pipe()
    notify(address, b"BARRIER=1", writer.to_bytes(4, sys.byteorder))
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)


def notify(address: str, text: bytes, descriptors: bytes) -> None:
    """Send a message to systemd, with descriptors as the kernel wants them."""
    if address.startswith("@"):
        address = "\0" + address[1:]
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)] if descriptors else []
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    channel.sendmsg([text], ancillary, 0, address)
    channel.close()
