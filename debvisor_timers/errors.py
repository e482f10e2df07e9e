# SPDX-License-Identifier: Apache-2.0
"""Every error of ours: one hierarchy, and the table of exit codes and HTTP statuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from debvisor_timers.source import Problem, format_problem


class ExitCode(IntEnum):
    """What the command line ends with; the man page debvisor-timers(8) lists these."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DEFINITIONS = 3
    REFUSED = 4
    SYSTEMD = 5
    PART_WAY = 6
    CHANGES = 10
    INTERRUPTED = 130


class DebvisorTimersError(Exception):
    """The root: a message that says what and where, and a `fix` that says how to mend it."""

    exit_code: ExitCode = ExitCode.BUG
    http_status: int = 500

    def __init__(self, message: str, *, fix: str = "") -> None:
        """Keep `message` (no full stop needed) and `fix` (an instruction, may be empty)."""
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        """Return the message, and the fix on a line of its own."""
        return f"{self.message}\n fix: {self.fix}" if self.fix else self.message


class UsageError(DebvisorTimersError):
    """A command, argument or option that makes no sense."""

    exit_code = ExitCode.USAGE
    http_status = 400


class ScheduleError(DebvisorTimersError):
    """A schedule that cannot be told to systemd.

    start, length: which characters of the text are wrong, counted from 0.
    """

    exit_code = ExitCode.DEFINITIONS
    http_status = 422

    def __init__(self, message: str, *, fix: str = "", start: int = 0, length: int = 1) -> None:
        """Keep the message, the fix, and where in the text the fault is."""
        super().__init__(message, fix=fix)
        self.start = start
        self.length = length

    def below(self, text: str) -> ScheduleError:
        """Return the same error with `text` and a caret below its fault."""
        caret = f"{' ' * self.start}{'^' * self.length}"
        return ScheduleError(f"{self.message}\n    {text}\n    {caret}", fix=self.fix)


class DefinitionError(DebvisorTimersError):
    """Files that are wrong: carries every problem of every file, errors and warnings."""

    exit_code = ExitCode.DEFINITIONS
    http_status = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep `problems`; the message is all of them as text."""
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__("\n\n".join(format_problem(problem) for problem in self.problems))

    def __reduce__(
        self,
    ) -> tuple[type[DefinitionError], tuple[Sequence[Problem]], dict[str, object]]:
        """Be made of the problems, not of the message, in another process."""
        return type(self), (self.problems,), self.__dict__


class RenderError(DebvisorTimersError):
    """A job that cannot be told to systemd, though its definition was accepted.

    A value that no unit file can hold, or a template that renders something else than was asked.
    """

    exit_code = ExitCode.DEFINITIONS
    http_status = 422


class NotFoundError(DebvisorTimersError):
    """A job, unit or run that does not exist."""

    exit_code = ExitCode.USAGE
    http_status = 404


class RefusedError(DebvisorTimersError):
    """Something that we could do and will not: a foreign file, an edit by hand, no permission."""

    exit_code = ExitCode.REFUSED
    http_status = 409


class LockedError(RefusedError):
    """Somebody else is applying; the message says who."""

    http_status = 423


class ChangedMeanwhileError(RefusedError):
    """A change of something that is not any more as the caller has seen it: nothing was done."""


class PermissionRefusedError(RefusedError):
    """The caller is not allowed to do this (mostly: not root)."""

    http_status = 403


class UnauthenticatedError(RefusedError):
    """Nobody knows who asks: no token, or one that is wrong, expired or revoked."""

    http_status = 401


class SystemdError(DebvisorTimersError):
    """systemd, D-Bus or the journal said no, or nothing.

    dbus_name: the name of the D-Bus error, empty where there was none.
    """

    exit_code = ExitCode.SYSTEMD
    http_status = 502

    def __init__(self, message: str, *, fix: str = "", dbus_name: str = "") -> None:
        """Keep the message, the fix and the D-Bus error's name."""
        super().__init__(message, fix=fix)
        self.dbus_name = dbus_name


class MachineError(DebvisorTimersError):
    """libvirt, which knows the virtual machines of this host, said no, or nothing."""

    exit_code = ExitCode.SYSTEMD
    http_status = 502


class UnreachableError(DebvisorTimersError):
    """A server that cannot be reached, hangs up, or answers with no words of ours."""

    exit_code = ExitCode.SYSTEMD
    http_status = 502


class PartWayError(DebvisorTimersError):
    """A change that stopped part-way and could not be undone; says what is left to do."""

    exit_code = ExitCode.PART_WAY
    http_status = 500


class InterruptedByUserError(DebvisorTimersError):
    """Ctrl-C or SIGTERM came during a change; says whether it was finished or undone."""

    exit_code = ExitCode.INTERRUPTED
    http_status = 503
