# SPDX-License-Identifier: Apache-2.0
"""The result of the last real run of a job, from the file that `end` leaves: no journal needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from debvisor_timers.history.fields import parse_fields, read_fields
from debvisor_timers.history.outcome import (
    Ending,
    Exit,
    RunOutcome,
    RunStatus,
    Trigger,
    judge,
    moment,
    number,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run of a job that was to run and has ended; skipped runs leave no trace here.

    start: None when `begin` could not note it. end: of a lost run, when that was found. attempts:
    how many there were, and could be; None where nobody noted it. success_end, success_id: of the
    newest run that succeeded.
    """

    id: str
    start: datetime | None
    end: datetime
    invocation_id: str
    exit: Exit
    ending: Ending
    trigger: Trigger = Trigger.UNKNOWN
    attempts: int | None = None
    max_attempts: int | None = None
    success_end: datetime | None = None
    success_id: str = ""

    @property
    def outcome(self) -> RunOutcome:
        """Return how it ended."""
        return self.ending.outcome

    @property
    def status(self) -> RunStatus:
        """Return the state that it is in."""
        return self.outcome.status

    @property
    def outcome_words(self) -> str:
        """Return how it ended, with the reason: `failed (exit status 3)`."""
        return self.ending.words

    @property
    def exit_status(self) -> int | None:
        """Return the exit status of the job's program; None when it has none."""
        return self.exit.exit_status

    @property
    def duration(self) -> timedelta | None:
        """Return how long it took, None when its start or its end is not known."""
        is_known = self.start and self.outcome is not RunOutcome.LOST
        return self.end - self.start if self.start and is_known else None


def read_last(folder: Path, job_id: str) -> LastRun | None:
    """Return the last run of the job from `folder`; None without one, or when it makes no sense.

    A file that makes no sense is no error: the journal knows more, and the next run replaces it.
    """
    return last_run(read_fields(folder / job_id))


def parse_last(text: str) -> LastRun | None:
    """Return the run that `text` (`NAME=value` lines) tells of, None when it makes no sense."""
    return last_run(parse_fields(text))


def last_run(fields: Mapping[str, str]) -> LastRun | None:
    """Return the run that `fields` tell of, None when they make no sense."""
    name, result = fields.get("DEBVISOR_RUN_ID"), fields.get("DEBVISOR_RESULT")
    end = moment(fields.get("DEBVISOR_END_USEC", ""))
    if not name or not result or end is None:
        return None
    exit_ = Exit(
        code=fields.get("DEBVISOR_EXIT_CODE", ""), status=fields.get("DEBVISOR_EXIT_STATUS", "")
    )
    return LastRun(
        id=name,
        start=moment(fields.get("DEBVISOR_START_USEC", "")),
        end=end,
        invocation_id=fields.get("DEBVISOR_INVOCATION_ID", ""),
        exit=exit_,
        ending=_ending(fields, result, exit_),
        trigger=Trigger.read(
            fields.get("DEBVISOR_TRIGGER", ""), retry_of=fields.get("DEBVISOR_RETRY_OF", "")
        ),
        attempts=number(fields.get("DEBVISOR_ATTEMPT", "")),
        max_attempts=number(fields.get("DEBVISOR_MAX_ATTEMPTS", "")),
        success_end=moment(fields.get("DEBVISOR_SUCCESS_USEC", "")),
        success_id=fields.get("DEBVISOR_SUCCESS_RUN", ""),
    )


def _ending(fields: Mapping[str, str], result: str, exit_: Exit) -> Ending:
    if "DEBVISOR_STOPPED" in fields:
        return Ending(outcome=RunOutcome.STOPPED)
    ending = judge(result, exit_)
    if ending.outcome is RunOutcome.FAILED and (reason := fields.get("DEBVISOR_REASON")):
        return Ending(outcome=RunOutcome.FAILED, reason=reason)
    return ending
