# SPDX-License-Identifier: Apache-2.0
"""A thin, typed skin over pystemd: text in and out, errors as ours, nothing introspected."""

from __future__ import annotations

import errno
import os
import select
import string
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from debvisor_timers.errors import PermissionRefusedError, SystemdError

_SYSTEMD = b"org.freedesktop.systemd1"
_ROOT = b"/org/freedesktop/systemd1"
_MANAGER = "Manager"
_PROPERTIES = b"org.freedesktop.DBus.Properties"
_PRIVATE_SOCKET = "/run/systemd/private"

# pystemd 0.13.2 cannot be told a time-out; libsystemd reads it here. Its own 25 s are too few:
# systemd 257 reloads 10,000 active timers in 55 s.
_TIMEOUT_VARIABLE = "SYSTEMD_BUS_TIMEOUT"
TIMEOUT = "600s"

# dbus-daemon lets through what was asked for; the private socket sends every change of every unit.
_SIGNALS_PER_JOB = 2
_PRIVATE_SIGNALS_PER_JOB = 10

_LABEL = frozenset((string.ascii_letters + string.digits).encode())
_ESCAPED = [chr(byte) if byte in _LABEL else f"_{byte:02x}" for byte in range(256)]
_REFUSALS = ("AccessDenied", "InteractiveAuthorizationRequired")
_LOST = frozenset(
    (errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE, errno.EBADF, errno.ESTALE, errno.ECONNABORTED)
)
# What must not be done twice when an answer is lost with the connection.
_ONCE = frozenset(("StartUnit", "StopUnit"))
# Long before the time-out of a call it says that PID 1 has left the bus.
_NO_REPLY = "org.freedesktop.DBus.Error.NoReply"
_AWAY = timedelta(seconds=10)
_PAUSE = timedelta(seconds=0.05)
_A_LOOK = 0.001
# libsystemd 257 tells a lost connection by steps: it closes, says goodbye, then fails.
_TO_SEE_A_LOSS = 2
_END = (-1, None)
"""Of what is open in a message of pystemd's: an array, a structure, a variant."""

_LOCAL_ERRORS = {"DBusConnectionRefusedError", "DBusInterruptedError", "DBusBaseError"}


Property = tuple[str, str, object]
"""A property of a unit: its name, its D-Bus signature, its value."""


def unit_path(name: str) -> bytes:
    """Return the object path of the unit `name`: every byte but letters and digits as _hh."""
    raw = name.encode()
    letters = [_ESCAPED[byte] for byte in raw]
    if raw[:1].isdigit():
        letters[0] = f"_{raw[0]:02x}"
    return _ROOT + b"/unit/" + "".join(letters).encode()


class Bus:
    """A connection to PID 1, opened at the first call, over D-Bus or its private socket.

    A connection that is lost (dbus was restarted) is replaced by another at the next call.

    One thread at a time: pystemd holds the interpreter's lock for the whole of a call.
    """

    def __init__(self, *, around_bus: bool = False, user: bool = False) -> None:
        """Open nothing yet: `import pystemd` alone takes 30 ms.

        around_bus: root talks to PID 1 itself where that is possible: half the time of a call.
        user: to the manager of the user who asks, in the place of PID 1.
        """
        self._around_bus = around_bus
        self._user = user
        self._connection: Any = None
        self._on_bus = True
        self._was_lost = False
        self._subscriptions: list[tuple[str, Callable[..., None]]] = []

    def __enter__(self) -> Self:
        """Return the bus itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection and end all subscriptions; the next call opens another."""
        self._disconnect()
        self._subscriptions.clear()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call(self, member: str, signature: str = "", *arguments: object) -> Any:
        """Call `member` of the manager and return what it answers, bytes as text.

        Raises SystemdError with the D-Bus name; PermissionRefusedError where the caller may not.
        """
        from pystemd.dbuslib import apply_signature  # noqa: PLC0415

        values = apply_signature(signature.encode(), [_to_bytes(value) for value in arguments])
        if member in _ONCE:
            # A loss that the kernel has told already is found here, where nothing was asked yet.
            self.process(jobs=_TO_SEE_A_LOSS)
        reply = self._ask(
            f"{member}({', '.join(_shown(value) for value in arguments)})",
            lambda connection: connection.call_method(
                _SYSTEMD, _ROOT, _interface(_MANAGER), member.encode(), values
            ),
            again=member not in _ONCE,
        )
        return _to_text(reply.body)

    def start_transient(self, name: str, properties: Sequence[Property]) -> None:
        """Queue the start of the unit `name`, which `properties` make. Raises SystemdError."""
        from pystemd.dbuslib import apply_signature  # noqa: PLC0415

        values = apply_signature(b"ss", [name.encode(), b"fail"])
        values += [(ord("a"), b"(sv)")]
        for key, signature, value in properties:
            values += [(ord("r"), b"sv"), (ord("s"), key.encode()), (ord("v"), signature.encode())]
            values += [*apply_signature(signature.encode(), [_to_bytes(value)]), _END, _END]
        values += [_END, (ord("a"), b"(sa(sv))"), _END]
        self.process(jobs=_TO_SEE_A_LOSS)
        self._ask(
            f"StartTransientUnit({name})",
            lambda connection: connection.call_method(
                _SYSTEMD, _ROOT, _interface(_MANAGER), b"StartTransientUnit", values
            ),
            again=False,
        )

    def manager_property(self, name: str, signature: str) -> Any:
        """Return a property of the manager."""
        return self._get(_ROOT, _MANAGER, name, signature)

    def unit_property(self, unit: str, interface: str, name: str, signature: str) -> Any:
        """Return the property `name` of `unit`, read from its `interface` (Unit, Timer, Service).

        A raw read of 0.1 ms at any number of units, where introspection is O(all units). systemd
        loads a unit that is not loaded, and answers for one that does not exist as well.
        """
        return self._get(unit_path(unit), interface, name, signature)

    def unit_properties(self, unit: str, interface: str) -> Mapping[str, Any]:
        """Return all properties of `interface` of `unit`: one call, the price of two single reads.

        Never of the interface Unit: that costs O(all units) for each unit (systemd 257).
        """
        from pystemd.dbuslib import apply_signature  # noqa: PLC0415

        values = apply_signature(b"s", [_interface(interface)])
        reply = self._ask(
            f"reading {interface} of {unit}",
            lambda connection: connection.call_method(
                _SYSTEMD, unit_path(unit), _PROPERTIES, b"GetAll", values
            ),
        )
        return {_to_text(name): value for name, value in reply.body.items()}

    def subscribe(self, member: str, receive: Callable[[Any], None]) -> None:
        """Hand the body of each signal `member` of the manager to `receive`, during `process`."""

        # pystemd 0.13.2 keeps no reference to the callback and sets an attribute on it (so no
        # method), and what it raises comes out as an unrelated SystemError: unpacking a message
        # of the manager is all that happens here.
        def callback(message: Any, error: object = None, userdata: object = None) -> None:  # noqa: ARG001
            message.process_reply(False)  # noqa: FBT003
            receive(_to_text(message.body))

        self._ask(f"match {member}", lambda connection: self._match(connection, member, callback))
        self._subscriptions.append((member, callback))

    def _match(self, connection: Any, member: str, callback: Callable[..., None]) -> None:
        # The sender is a filter of dbus-daemon against forged signals; the private socket
        # has no names, and nobody else at its other end.
        sender = _SYSTEMD if self._on_bus else None
        connection.match_signal(sender, _ROOT, _interface(_MANAGER), member.encode(), callback)
        connection.call_method(_SYSTEMD, _ROOT, _interface(_MANAGER), b"Subscribe", [])

    def process(self, *, jobs: int = 1, wait: timedelta = timedelta()) -> None:
        """Handle the signals that `jobs` jobs cause; then wait at most `wait` for another.

        Signals that are sent while the connection is lost are lost as well.
        """

        def handle(connection: Any) -> None:
            each = _SIGNALS_PER_JOB if self._on_bus else _PRIVATE_SIGNALS_PER_JOB
            for _ in range(each * jobs):
                connection.process()
            if wait:
                _wait(connection, wait)

        self._ask("waiting", handle)

    def _get(self, path: bytes, interface: str, name: str, signature: str) -> Any:
        value = self._ask(
            f"reading {name}",
            lambda connection: connection.get_property(
                _SYSTEMD, path, _interface(interface), name.encode(), signature.encode()
            ),
        )
        return _to_text(value)

    def _ask(self, doing: str, ask: Callable[[Any], Any], *, again: bool = True) -> Any:
        """Return what `ask` answers; `again`: ask once more when the connection turns out lost.

        And for as long as PID 1 is away from the bus, which it leaves to execute itself anew.
        """
        until = time.monotonic() + _AWAY.total_seconds()
        lost = False
        while True:
            try:
                return self._ask_once(doing, ask)
            except SystemdError as error:
                is_away = error.dbus_name == _NO_REPLY and time.monotonic() < until
                is_lost = not lost and self._connection is None and self._was_lost
                if not again or not (is_away or is_lost):
                    raise
                lost = lost or is_lost
            time.sleep(_PAUSE.total_seconds() if is_away else 0)

    def _ask_once(self, doing: str, ask: Callable[[Any], Any]) -> Any:
        from pystemd.dbusexc import DBusBaseError  # noqa: PLC0415

        connection = self._open()
        try:
            return ask(connection)
        except DBusBaseError as error:
            if abs(error.errno) in _LOST:
                self._was_lost = True
                self._disconnect()
            raise _error(doing, error) from error

    def _open(self) -> Any:
        if self._connection is None:
            os.environ.setdefault(_TIMEOUT_VARIABLE, TIMEOUT)
            connection = self._connect()
            with _translated("subscribing"):
                for member, callback in self._subscriptions:
                    self._match(connection, member, callback)
            self._connection = connection
        return self._connection

    def _connect(self) -> Any:
        from pystemd.dbusexc import DBusBaseError  # noqa: PLC0415
        from pystemd.dbuslib import DBus  # noqa: PLC0415

        # Whoever owns the manager can talk to it without dbus-daemon, as systemctl does.
        is_owner = self._user or os.geteuid() == 0
        # PID 1 is on a restarted bus some time after we could be: root goes around it.
        if self._was_lost and is_owner:
            return self._connect_privately()
        if self._around_bus and is_owner:
            with suppress(SystemdError):
                return self._connect_privately()
        try:
            self._on_bus = True
            return _opened(DBus(user_mode=True) if self._user else DBus())
        except DBusBaseError as error:
            # dbus-daemon is not there (stopped, not yet started, not installed).
            if not is_owner:
                raise _unreachable(error) from error
        return self._connect_privately()

    def _connect_privately(self) -> Any:
        from pystemd.dbusexc import DBusBaseError  # noqa: PLC0415
        from pystemd.dbuslib import DBusAddress  # noqa: PLC0415

        try:
            self._on_bus = False
            return _opened(DBusAddress(self._private_address(), peer_to_peer=True))
        except DBusBaseError as error:
            raise (_no_manager(error) if self._user else _unreachable(error)) from error

    def _private_address(self) -> bytes:
        path = f"/run/user/{os.geteuid()}/systemd/private" if self._user else _PRIVATE_SOCKET
        return f"unix:path={path}".encode()


def _opened(connection: Any) -> Any:
    connection.open()
    return connection


def _wait(connection: Any, wait: timedelta) -> None:
    """Wait for something to process, without the interpreter's lock: threads go on meanwhile.

    What libsystemd has read already shows in no descriptor, and pystemd 0.13.2 does not tell: then
    its own wait, which holds the lock, returns at once.
    """
    from pystemd.dbusexc import DBusBaseError  # noqa: PLC0415

    before = time.monotonic()
    try:
        connection.wait(round(_A_LOOK * 1e6))
        if time.monotonic() - before < _A_LOOK / 2:
            return
        poller = select.poll()
        poller.register(connection.get_fd(), select.POLLIN)
        poller.poll(max(wait.total_seconds() - _A_LOOK, 0) * 1000)
    except DBusBaseError:
        # A signal of the kernel (Ctrl-C) ends the wait with EINTR; Python then runs its handler.
        # A broken connection ends it at once as well, and is told by the next `process`.
        if time.monotonic() - before > wait.total_seconds():
            raise


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    from pystemd.dbusexc import DBusBaseError  # noqa: PLC0415

    try:
        yield
    except DBusBaseError as error:
        raise _error(doing, error) from error


def _unreachable(error: Any) -> SystemdError:
    return SystemdError(
        f"cannot reach systemd: {os.strerror(abs(error.errno))}",
        fix="see whether dbus and systemd run here: systemctl status dbus.socket",
    )


def _no_manager(error: Any) -> SystemdError:
    return SystemdError(
        f"cannot reach the systemd of user {os.geteuid()}: {os.strerror(abs(error.errno))}",
        fix="log in, or let it run without that: loginctl enable-linger",
    )


def _error(doing: str, error: Any) -> SystemdError | PermissionRefusedError:
    message = error.err_message
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    name = _dbus_name(error)
    said = f"systemd: {doing}: {text or os.strerror(abs(error.errno))}"
    if name.rpartition(".")[2] in _REFUSALS:
        return PermissionRefusedError(said, fix="run it as root")
    return SystemdError(said, dbus_name=name)


def _dbus_name(error: Any) -> str:
    """Return the D-Bus name; pystemd 0.13.2 keeps it in the class alone, where there is one."""
    if error.err_name:
        return _to_text(error.err_name) if "." in _to_text(error.err_name) else ""
    kind = type(error).__name__
    if kind in _LOCAL_ERRORS:
        return ""
    if kind == "DBusNoSuchUnitError":
        return "org.freedesktop.systemd1.NoSuchUnit"
    return f"org.freedesktop.DBus.Error.{kind.removeprefix('DBus').removesuffix('Error')}"


def _interface(name: str) -> bytes:
    return _SYSTEMD + b"." + name.encode()


def _to_bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return [_to_bytes(item) for item in value] if isinstance(value, list | tuple) else value


def _to_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list):
        return [_to_text(item) for item in value]
    if not isinstance(value, tuple):
        return value
    # A thousand units come as rows of strings: a call for each would take longest.
    return tuple([x.decode(errors="replace") if type(x) is bytes else _to_text(x) for x in value])


def _shown(value: object) -> str:
    return value if isinstance(value, str) else ", ".join(map(str, value)) if value else ""  # type: ignore[call-overload]
