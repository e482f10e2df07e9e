# SPDX-License-Identifier: Apache-2.0
"""A booted Debian: run commands in it, reboot it, cut its power, wait for it, throw it away."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, overload

from tests.box import overlay, wait
from tests.box.container import Bind, Container, dying_with_us
from tests.box.errors import BoxCommandError, BoxError, BoxTimeoutError, section
from tests.box.layers import Layer, make
from tests.box.leftovers import Place
from tests.box.process import forget, run_to_end

T = TypeVar("T")
Command = str | Sequence[str]

_MARK = "etc/debvisor-box"
_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
    "TERM": "dumb",
}


def inside_a_box() -> bool:
    """Return whether this very process runs in a box, where PID 1 is a real systemd 257."""
    return Path("/", _MARK).exists()


class Box:
    """A Debian 13 that is booted, or off and ready to boot again. Use it as a context manager.

    path: its root folder on the host; /run, /tmp and /proc of the running box are not seen there.
    """

    def __init__(
        self,
        layer: Layer,
        *,
        hostname: str = "box",
        machine_id: str = "",
        timezone: str = "Etc/UTC",
        binds: Sequence[Bind] = (),
        empty: Sequence[str] = (),
    ) -> None:
        """Prepare a box upon `layer` without booting it.

        machine_id: 32 hex digits, else random. binds: files of the host to be seen in it.
        empty: folders of the box that an empty one in memory is to hide.
        """
        make(layer)
        self._spawned: list[subprocess.Popen[str]] = []
        self._place = Place()
        self.name = self._place.name
        self.path = overlay.mount(layer.stack, self._place.path)
        self._identify(hostname, machine_id or secrets.token_hex(16), timezone)
        self._container = Container(
            name=self.name,
            root=self.path,
            options=[
                f"--hostname={hostname}",
                *(bind.option for bind in binds),
                *(f"--tmpfs={folder}:mode=0755" for folder in empty),
            ],
            place=self._place.path,
        )

    @classmethod
    def boot(
        cls,
        layer: Layer,
        *,
        hostname: str = "box",
        machine_id: str = "",
        timezone: str = "Etc/UTC",
        binds: Sequence[Bind] = (),
    ) -> Self:
        """Return a new box upon `layer`, booted."""
        box = cls(layer, hostname=hostname, machine_id=machine_id, timezone=timezone, binds=binds)
        return box.started()

    def started(self) -> Self:
        """Boot and return this box; if it does not boot, it is removed."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self) -> Self:
        """Return the box itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Throw the box away."""
        self.close()

    # --- power -------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Return whether the box is booted."""
        return self._container.is_running

    @property
    def leader(self) -> int:
        """Return the PID, as the host sees it, of the box's PID 1; 0 while it is off."""
        return self._container.leader

    @property
    def console(self) -> str:
        """Return what every boot so far has written on the console."""
        return self._container.console

    def start(self, *, deadline_seconds: float = 30) -> None:
        """Boot, and return when systemd says that its start-up has finished."""
        if self.is_on:
            raise BoxError(f"{self.name} is on already")
        self._container.start(deadline_seconds=deadline_seconds)

    def shutdown(self, *, deadline_seconds: float = 30) -> None:
        """Shut down cleanly, as `systemctl poweroff` does; what was written stays."""
        self._container.power_off(deadline_seconds=deadline_seconds, nudge=self._wake_spawned)

    def reboot(self, *, deadline_seconds: float = 30) -> None:
        """Shut down cleanly and boot again."""
        self.shutdown(deadline_seconds=deadline_seconds)
        self.start(deadline_seconds=deadline_seconds)

    def power_cut(self) -> None:
        """Kill everything at once, in the middle of whatever it does; start() boots again.

        What was written stays, synced or not: it is the kernel of the host that holds it.
        """
        self._container.kill()

    def close(self) -> None:
        """Cut the power and remove the box; a second call does nothing."""
        self._container.kill()
        for process in self._spawned:
            forget(process)
        self._place.close()

    def _wake_spawned(self) -> None:
        """Wake every nsenter: systemd-shutdown stops all processes before it kills them.

        nsenter stops with its child, reaps it no longer, and the box could never be off.
        """
        for process in self._spawned:
            process.send_signal(signal.SIGCONT)

    # --- commands ----------------------------------------------------------------------------

    def run(
        self,
        command: Command,
        *,
        check: bool = True,
        input: str | bytes | None = None,  # noqa: A002 - subprocess.run calls it so
        env: Mapping[str, str] | None = None,
        user: str = "",
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` (an argv, or a script for `sh -e`) as root or `user`, and return its end.

        env: added to a clean environment. timeout: seconds. Output that is not UTF-8 is kept by
        surrogateescape. Works on a box that is off, too, in its bare root. Raises BoxCommandError
        if it ends other than with 0 (unless check=False), BoxTimeoutError if it does not end.
        """
        argv = self._argv(command)
        environment = _ENVIRONMENT | dict(env or {})
        ended = run_to_end(self._inside(argv, user=user), input, environment, timeout)
        if ended.status is None:
            said = section("stdout", ended.stdout) + section("stderr", ended.stderr)
            said += section("journal", self._journal_tail())
            raise BoxTimeoutError(f"no end after {timeout} s: {' '.join(argv)}\n{said}")
        if check and ended.status:
            raise BoxCommandError(
                argv=argv,
                status=ended.status,
                stdout=ended.stdout,
                stderr=ended.stderr,
                journal=self._journal_tail(),
            )
        return subprocess.CompletedProcess(argv, ended.status, ended.stdout, ended.stderr)

    def spawn(
        self, command: Command, *, env: Mapping[str, str] | None = None, user: str = ""
    ) -> subprocess.Popen[str]:
        """Start `command` as run() does and return at once; its output comes through pipes."""
        process = subprocess.Popen(
            self._inside(self._argv(command), user=user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT | dict(env or {}),
            text=True,
        )
        self._spawned.append(process)
        return process

    def shell(self, command: Command = ("/bin/bash", "-l")) -> int:
        """Run `command` on our own terminal or pipes, and return its exit status."""
        environment = _ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")}
        argv = self._inside(self._argv(command), user="")
        return subprocess.run(argv, env=environment, check=False).returncode

    @overload
    def wait_until(
        self, condition: Callable[[], T], deadline_seconds: float = 10, what: str = ""
    ) -> T: ...

    @overload
    def wait_until(
        self, condition: Command, deadline_seconds: float = 10, what: str = ""
    ) -> object: ...

    def wait_until(
        self,
        condition: Callable[[], object] | Command,
        deadline_seconds: float = 10,
        what: str = "",
    ) -> object:
        """Return the first true value of `condition`: a function, or a command that ends with 0.

        Raises BoxTimeoutError, with the journal, if that takes longer than `deadline_seconds`.
        """
        ask = condition if callable(condition) else self._succeeds(condition)
        try:
            return wait.wait_until(
                ask, deadline_seconds=deadline_seconds, what=what or _words(condition)
            )
        except BoxTimeoutError as error:
            raise BoxTimeoutError(f"{error}\n{section('journal', self._journal_tail())}") from None

    # --- files and journal -------------------------------------------------------------------

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """Write `text` into the box's file `path`, owned by root; makes the folders it needs."""
        script = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run(["/bin/sh", "-ec", script, "sh", path, f"{mode:04o}"], input=text)

    def read(self, path: str) -> str:
        """Return what is in the box's file `path`."""
        return self.run(["cat", path]).stdout

    def journal(self, *arguments: str) -> str:
        """Return what journalctl prints for `arguments`; works on a box that is off, too."""
        return self.run(["journalctl", "--no-pager", *arguments], check=False).stdout

    def _journal_tail(self) -> str:
        return self.journal("--lines=60", "--output=short-precise")

    # --- inside ------------------------------------------------------------------------------

    def _identify(self, hostname: str, machine_id: str, timezone: str) -> None:
        etc = self.path / "etc"
        (etc / "hostname").write_text(f"{hostname}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost\n")
        (etc / "machine-id").write_text(f"{machine_id}\n")
        (etc / "localtime").unlink(missing_ok=True)
        (etc / "localtime").symlink_to(f"/usr/share/zoneinfo/{timezone}")
        (etc / "timezone").write_text(f"{timezone}\n")
        (self.path / _MARK).write_text("This root was made for tests and is thrown away.\n")

    def _inside(self, argv: Sequence[str], *, user: str) -> list[str]:
        as_user = ["runuser", "--user", user, "--"] if user else []
        if not self.is_on:
            return [_program("chroot"), str(self.path), *as_user, *argv]
        enter = [_program("nsenter"), f"--target={self.leader}", "--all", "--"]
        enter = dying_with_us(enter, signal.SIGKILL)
        # The command dies with its nsenter; otherwise one that is timed out would go on.
        return [*enter, "setpriv", "--pdeathsig=KILL", *as_user, *argv]

    def _argv(self, command: Command) -> list[str]:
        return ["/bin/sh", "-ec", command] if isinstance(command, str) else list(command)

    def _succeeds(self, command: Command) -> Callable[[], bool]:
        return lambda: self.run(command, check=False).returncode == 0


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise BoxError(f"{name} is not installed; run: make setup")
    return found


def _words(condition: object) -> str:
    return condition if isinstance(condition, str) else repr(condition)
