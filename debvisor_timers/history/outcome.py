# SPDX-License-Identifier: Apache-2.0
"""How a run ended, in words that people and programs use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from signal import Signals


class RunStatus(StrEnum):
    """The coarse state of a run."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class RunOutcome(StrEnum):
    """How a run ended; LOST: nothing tells of its end (a crash of the host, most often).

    WAITING: under way, but no attempt runs right now; the reason says what it waits for.
    """

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    LOST = "lost"

    @property
    def status(self) -> RunStatus:
        """Return the state that a run with this outcome is in."""
        return _STATUS.get(self, RunStatus.FAILED)

    @property
    def is_failure(self) -> bool:
        """Return True for an end that nobody wanted; a stop by hand is none."""
        return self in FAILURES


FAILURES = frozenset({RunOutcome.FAILED, RunOutcome.TIMED_OUT, RunOutcome.LOST})
"""The outcomes that nobody wanted."""
UNDER_WAY = frozenset({RunOutcome.RUNNING, RunOutcome.WAITING})
"""The outcomes of runs that have not ended."""

_STATUS = {
    RunOutcome.WAITING: RunStatus.PENDING,
    RunOutcome.RUNNING: RunStatus.RUNNING,
    RunOutcome.SUCCEEDED: RunStatus.COMPLETED,
    RunOutcome.SKIPPED: RunStatus.SKIPPED,
}


class Trigger(StrEnum):
    """What started a run; UNKNOWN: none of our programs could run in the unit.

    CHAIN: the runs of other jobs. DEPENDENCY: a job that needs it. CATCH_UP: a timer, for a time
    that passed while the host was off. RETRY: somebody who wanted a failed run again. BACKFILL:
    somebody who makes up for a time that has passed.
    """

    TIMER = "timer"
    BOOT = "boot"
    MANUAL = "manual"
    PATH = "path"
    CHAIN = "chain"
    DEPENDENCY = "dependency"
    CATCH_UP = "catch_up"
    RETRY = "retry"
    BACKFILL = "backfill"
    UNKNOWN = "unknown"

    @classmethod
    def read(cls, text: str, *, retry_of: str = "") -> Trigger:
        """Return the trigger that a record names; UNKNOWN for none that we know.

        retry_of: the run that it says it repeats: to whoever wrote it such a run may be `manual`.
        """
        if retry_of:
            return cls.RETRY
        return cls(text) if text in set(cls) else cls.UNKNOWN

    @property
    def words(self) -> str:
        """Return it for people: `catch-up`."""
        return self.replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended: `code` exited, killed or dumped; `status` a number or a signal's name.

    Both come as systemd has them: a number in the journal, a name (`TERM`) in $EXIT_STATUS.
    """

    code: str = ""
    status: str = ""

    @property
    def exit_status(self) -> int | None:
        """Return the exit status; None when a signal ended the process, or it never ran."""
        return number(self.status) if self.code == "exited" else None

    @property
    def signal(self) -> str | None:
        """Return the name of the signal that ended the process (`SIGTERM`), None for none."""
        if self.code not in {"killed", "dumped"}:
            return None
        found = number(self.status)
        if found is None:
            return f"SIG{self.status}"
        return Signals(found).name if found in set(Signals) else f"signal {found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An outcome and its reason; the reason is empty where the outcome says it all."""

    outcome: RunOutcome
    reason: str = ""

    @property
    def words(self) -> str:
        """Return the ending for people: `failed (exit status 3)`."""
        outcome = self.outcome.replace("_", " ")
        return f"{outcome} ({self.reason})" if self.reason else outcome


def judge(result: str, exit_: Exit) -> Ending:
    """Return what systemd's `result` ($SERVICE_RESULT, UNIT_RESULT=) says of a run.

    And `lost`, which is ours: a crash has cut it off.
    Source: systemd.exec(5), $SERVICE_RESULT.
    """
    match result:
        case "success":
            return Ending(outcome=RunOutcome.SUCCEEDED)
        case "timeout":
            return Ending(outcome=RunOutcome.TIMED_OUT)
        case "lost":
            return Ending(outcome=RunOutcome.LOST)
        case "exec-condition":
            return Ending(outcome=RunOutcome.SKIPPED, reason="its condition was not met")
    return Ending(
        outcome=RunOutcome.FAILED, reason=_REASONS.get(result) or _exit_reason(exit_, result)
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 16
"""Microseconds until the year 2286."""

REFUSED = "started too often"
"""Why a run never began that a start limit has refused."""

_REASONS = {
    "oom-kill": "out of memory",
    "resources": "systemd could not prepare it",
    "start-limit-hit": REFUSED,
    "watchdog": "its watchdog barked",
}

_SETUP: Mapping[int, str] = {
    200: "its working directory",
    203: "its program cannot be executed",
    216: "its group",
    217: "its user",
    218: "its capabilities",
    225: "its network namespace",
    226: "its mounts or sandbox paths",
    228: "its system call filter",
    237: "its keyring",
    238: "its state directory",
    243: "its credentials",
}
"""systemd's own exit statuses, for what it could not set up; source: systemd.exec(5)."""


def _exit_reason(exit_: Exit, result: str) -> str:
    if exit_.signal:
        return f"killed by {exit_.signal}"
    if exit_.exit_status is None:
        return result
    setup = _SETUP.get(exit_.exit_status)
    return f"exit status {exit_.exit_status}" + (f": {setup}" if setup else "")


def moment(usec: str) -> datetime | None:
    """Return the moment that is `usec` microseconds after 1970 began; None when it is no number."""
    found = number(usec)
    return None if found is None else _EPOCH + timedelta(microseconds=found)


def number(text: str) -> int | None:
    """Return the number that `text` is, None when it is none, or larger than any that is true.

    So no record can tell of a moment, a time or a size that some program cannot hold.
    """
    is_one = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_one else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """A run of some job, by its id."""

    job: str
    id: str


def run_names(text: str) -> tuple[RunName, ...]:
    """Return the runs that `text` names: `a:RUN b:RUN`."""
    pairs = (word.partition(":") for word in text.split())
    return tuple(RunName(job=job, id=id_) for job, _, id_ in pairs if id_)
