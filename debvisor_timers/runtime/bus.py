# SPDX-License-Identifier: Apache-2.0
"""Ask PID 1 by D-Bus, with nothing but sockets: what `begin`, `end` and `chain` have in common.

Loaded by the programs beside it; imports nothing of ours. A library would take longer to import
than a whole run of ours lasts.
Source: D-Bus specification, Message Protocol; systemd's own socket needs no Hello.
"""

import _socket
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PRIVATE = "/run/systemd/private"
SECONDS = 30.0  # a reload of thousands of jobs keeps PID 1 busy for 20
REFUSED_SECONDS = 10.0
"""For how long systemd may refuse connections and end those there are: it executes itself anew."""
MANAGER = b"/org/freedesktop/systemd1"
SYSTEMD = b"org.freedesktop.systemd1"


class Unit:
    """A unit as systemd lists it; job: the number of its queued job, 0 for none."""

    __slots__ = ("active", "job", "job_path", "job_type", "name", "path", "sub")

    def __init__(self, row: list[bytes], job: int) -> None:
        """Take the texts of one row of a(ssssssouso), and its number."""
        self.name, _, _, self.active, self.sub, _, self.path, self.job_type, self.job_path = row
        self.job = job

    @property
    def is_busy(self) -> bool:
        """Return True when it runs, is about to, or is on its way to an end."""
        return self.job_type in {b"start", b"restart"} or self.active not in {
            b"inactive",
            b"failed",
        }


class Bus:
    """A connection to PID 1. Close it soon: every signal of systemd is sent to it as well.

    Opening one takes PID 1 ten times as long as to answer a call (systemd 257).
    Every method raises OSError when there is no answer, or a refusal.
    """

    def __init__(self, address: str = "", seconds: float = SECONDS) -> None:
        """Connect to the socket `address`, that of PID 1 where none is named; be let in."""
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        who = str(os.geteuid()).encode().hex().encode()
        try:
            self._socket.connect(address or PRIVATE)
            self._socket.sendall(b"\0AUTH EXTERNAL " + who + b"\r\nBEGIN\r\n")
            if not self._receive(37).startswith(b"OK "):
                raise PermissionError("systemd does not let us in")
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def units(self, *names: str) -> list[Unit]:
        """Return these units as systemd lists them, loading those that it does not know."""
        array = b""
        for name in names:
            array += padding(array, 4) + string(name.encode())
        body = self.call(b"ListUnitsByNames", b"as", uint32(len(array)) + array)
        return rows(body)

    def start(self, unit: str) -> None:
        """Queue the start of a unit; a start that is queued or under way counts as this one."""
        self.call(b"StartUnit", b"ss", two_strings(unit.encode(), b"replace"))

    def end(self, unit: str) -> None:
        """Stop a unit that is about to be restarted, and let those that wait for it start."""
        self.call(b"StopUnit", b"ss", two_strings(unit.encode(), b"ignore-dependencies"))

    def forget_failures(self, unit: str) -> None:
        """Let the start limit of a unit count from now on."""
        self.call(b"ResetFailedUnit", b"s", string(unit.encode()))

    def reload(self) -> None:
        """Let systemd read all unit files anew."""
        self.call(b"Reload")

    def number(self, path: bytes, interface: bytes, name: bytes) -> int:
        """Return a property that is a number: of 4 bytes, or of 8."""
        variant = self.get(path, interface, name)
        kind = variant[1 : 1 + variant[0]]
        if kind == b"u":
            return int.from_bytes(variant[4:8], "little")
        return int.from_bytes(variant[8:16], "little")

    def pairs(self, path: bytes, interface: bytes, name: bytes) -> dict[str, str]:
        """Return a property that is a(ss), with the first of each pair in capitals."""
        variant = self.get(path, interface, name)
        at, end = 16, 16 + int.from_bytes(variant[8:12], "little")
        found = {}
        while at < end:
            (key, value), at = strings(variant, at + -at % 8, 2)
            found[key.decode().upper()] = value.decode(errors="surrogateescape")
        return found

    def get(self, path: bytes, interface: bytes, name: bytes) -> bytes:
        """Return a property as the variant that systemd sends."""
        body = two_strings(SYSTEMD + b"." + interface, name)
        return self.call(b"Get", b"ss", body, path, b"org.freedesktop.DBus.Properties")

    def call(
        self,
        member: bytes,
        signature: bytes = b"",
        body: bytes = b"",
        path: bytes = MANAGER,
        interface: bytes = SYSTEMD + b".Manager",
    ) -> bytes:
        """Call a method, of the manager where nothing else is said; return the reply's body."""
        # Not sent together with BEGIN: systemd 257 looks at such a call only when more arrives.
        self._socket.sendall(message(member, signature, body, path, interface))
        return self._reply()

    def _reply(self) -> bytes:
        """Return the body of the reply to our last call; signals that come before it are passed."""
        while True:
            head = self._receive(16)
            body, fields = (int.from_bytes(head[at : at + 4], "little") for at in (4, 12))
            rest = self._receive(fields + -fields % 8 + body)
            if head[1] == 3:
                said = strings(rest, len(rest) - body, 1)[0][0] if body else b""
                raise PermissionError(f"systemd refuses: {said.decode(errors='replace')}")
            if head[1] == 2:
                return rest[len(rest) - body :]

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("systemd hung up")
            data += more
        return data


def asking(step: "Any", address: str = "", seconds: float = SECONDS) -> "Any":
    """Return what `step` finds out by a connection of its own; it is asked again from the start
    when systemd executes itself anew meanwhile. Raises OSError as a connection does.
    """
    until = time.monotonic() + REFUSED_SECONDS
    while True:
        try:
            manager = Bus(address, seconds)
            try:
                return step(manager)
            finally:
                manager.close()
        except ConnectionError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.1)


def message(member: bytes, signature: bytes, body: bytes, path: bytes, interface: bytes) -> bytes:
    """Return the call of a method; little-endian."""
    fields = b""
    for code, kind, value in ((b"\1", b"o", path), (b"\2", b"s", interface), (b"\3", b"s", member)):
        fields += padding(fields, 8) + code + b"\1" + kind + b"\0" + string(value)
    if signature:
        size = len(signature).to_bytes(1, "little")
        fields += padding(fields, 8) + b"\10\1g\0" + size + signature + b"\0"
    head = b"l\1\0\1" + uint32(len(body)) + uint32(1) + uint32(len(fields))
    return head + fields + padding(fields, 8) + body


def uint32(number: int) -> bytes:
    """Return `number` as D-Bus has it."""
    return number.to_bytes(4, "little")


def string(text: bytes) -> bytes:
    """Return `text` as a D-Bus string."""
    return uint32(len(text)) + text + b"\0"


def two_strings(first: bytes, second: bytes) -> bytes:
    """Return two D-Bus strings, one behind the other."""
    body = string(first)
    return body + padding(body, 4) + string(second)


def padding(data: bytes, size: int) -> bytes:
    """Return the zeros between `data` and the next multiple of `size`."""
    return bytes(-len(data) % size)


def rows(body: bytes) -> list[Unit]:
    """Return the units of a(ssssssouso)."""
    at, end = 8, 8 + int.from_bytes(body[:4], "little")
    found = []
    while at < end:
        first, at = strings(body, at + -at % 8, 7)
        at += -at % 4
        job = int.from_bytes(body[at : at + 4], "little")
        second, at = strings(body, at + 4, 2)
        found.append(Unit(first + second, job))
    return found


def strings(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Return so many D-Bus strings or paths from a place on, and where they end."""
    found = []
    for _ in range(count):
        at += -at % 4
        size = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size + 1
    return found, at
