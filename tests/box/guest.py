# SPDX-License-Identifier: Apache-2.0
"""A Debian that tests boot, whatever boots it: its power, its commands, files and journal."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import ClassVar, Self, TypeVar, overload

from tests.box import wait
from tests.box.errors import BoxCommandError, BoxTimeoutError, section
from tests.box.process import Ended

T = TypeVar("T")
Command = str | Sequence[str]

ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
    "TERM": "dumb",
}
"""The whole environment of a command, where a test adds nothing."""


class Guest(ABC):
    """A Debian 13 that is booted, or off and ready to boot again. Use it as a context manager."""

    name: str
    patience: ClassVar[float] = 1
    """By how much the deadlines of commands and conditions are stretched."""

    def started(self) -> Self:
        """Boot and return this guest; if it does not boot, it is removed."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self) -> Self:
        """Return the guest itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Throw the guest away."""
        self.close()

    # --- power -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def is_on(self) -> bool:
        """Return whether the guest is booted."""

    @property
    @abstractmethod
    def console(self) -> str:
        """Return what every boot so far has written on the console."""

    @abstractmethod
    def start(self) -> None:
        """Boot, and return when systemd says that its start-up has finished."""

    @abstractmethod
    def shutdown(self) -> None:
        """Shut down cleanly, as `systemctl poweroff` does; what was written stays."""

    @abstractmethod
    def reboot(self) -> None:
        """Shut down cleanly and boot again."""

    @abstractmethod
    def power_cut(self) -> None:
        """Kill everything at once, in the middle of whatever it does; start() boots again."""

    @abstractmethod
    def close(self) -> None:
        """Cut the power and remove the guest; a second call does nothing."""

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
        surrogateescape. Raises BoxCommandError if it ends other than with 0 (unless check=False),
        BoxTimeoutError if it does not end.
        """
        argv = argv_of(command)
        environment = ENVIRONMENT | dict(env or {})
        seconds = timeout * self.patience
        ended = self._run_to_end(as_user(user, argv), input, environment, seconds)
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

    @abstractmethod
    def _run_to_end(
        self,
        argv: Sequence[str],
        content: str | bytes | None,
        environment: Mapping[str, str],
        timeout: float,
    ) -> Ended:
        """Run `argv` as root with `content` as its standard input, and wait for its end."""

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
        seconds = deadline_seconds * self.patience
        try:
            return wait.wait_until(ask, deadline_seconds=seconds, what=what or _words(condition))
        except BoxTimeoutError as error:
            raise BoxTimeoutError(f"{error}\n{section('journal', self._journal_tail())}") from None

    def _succeeds(self, command: Command) -> Callable[[], bool]:
        return lambda: self.run(command, check=False).returncode == 0

    # --- files and journal -------------------------------------------------------------------

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """Write `text` into the guest's file `path`, owned by root; makes the folders it needs."""
        script = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run(["/bin/sh", "-ec", script, "sh", path, f"{mode:04o}"], input=text)

    def read(self, path: str) -> str:
        """Return what is in the guest's file `path`."""
        return self.run(["cat", path]).stdout

    def journal(self, *arguments: str) -> str:
        """Return what journalctl prints for `arguments`, with all that was sent before."""
        self.run(["journalctl", "--sync"], check=False)
        return self.run(["journalctl", "--no-pager", *arguments], check=False).stdout

    def evidence(self, name: str) -> list[tuple[str, str]]:
        """Return what helps to understand a test that failed, as titles with `name` and texts."""
        journal = self.journal("--lines=200", "--output=short-precise")
        return [(f"journal of {name}", journal)]

    def _journal_tail(self) -> str:
        return self.journal("--lines=60", "--output=short-precise")


def argv_of(command: Command) -> list[str]:
    """Return `command` as an argv; a text is a script."""
    return ["/bin/sh", "-ec", command] if isinstance(command, str) else list(command)


def as_user(user: str, argv: Sequence[str]) -> list[str]:
    """Return the command by which root runs `argv` as `user`, or as itself for no name."""
    return [*(["runuser", "--user", user, "--"] if user else []), *argv]


def _words(condition: object) -> str:
    return condition if isinstance(condition, str) else repr(condition)
