# SPDX-License-Identifier: Apache-2.0
"""A run in the making: what the journal's records have told of it so far."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from debvisor_timers.history.attempt import AttemptDraft
from debvisor_timers.history.outcome import REFUSED, Ending, Exit, RunOutcome, judge, moment, number
from debvisor_timers.history.records import (
    JournalRecord,
    MessageId,
    invocation_of,
    is_of_lost,
    task_result_in,
)

_UNMET = re.compile(r"unmet condition check (?P<condition>\w+=.+)")
"""systemd 257 tells it in the text alone; where several are not met, it names one of them."""
_CONDITION = "Condition check resulted in"
"""In systemd's word on a start that is done, though ExecCondition= has kept the unit from it."""
END_A_RUN = frozenset({MessageId.DONE, MessageId.NOT_STARTED, MessageId.FAILED})
"""What comes once of a run; with the invocation of one that has ended, it is of a refused start."""
_OF_RETRY = "a dependency of its retry failed"
_NOT_STARTED = {
    "dependency": Ending(outcome=RunOutcome.SKIPPED, reason="a dependency failed"),
    "assert": Ending(outcome=RunOutcome.FAILED, reason="an assertion failed"),
    "timeout": Ending(outcome=RunOutcome.FAILED, reason="it could not start in time"),
}


_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Draft:
    """One run; a record that is missing leaves its fields empty.

    is_refused: a start limit was hit; such records carry the invocation of the run before
    (systemd 257). is_restarting: systemd has said that another attempt comes now. is_lost: a later
    boot has found that the run was cut off. first: the cursor of its first record, which is number
    `order` of those that were read; newest: when its newest record was written.
    """

    job: str
    boot_id: str
    first: str = ""
    order: int = 0
    newest: datetime = _NEVER
    is_refused: bool = False
    job_id: str = ""
    first_seen: datetime
    started: datetime | None = None
    ended: datetime | None = None
    attempts: list[AttemptDraft] = field(default_factory=list)
    not_started: str = ""
    unmet: str = ""
    is_stopped: bool = False
    is_restarting: bool = False
    is_lost: bool = False
    task_result: str = ""
    skip: JournalRecord | None = None
    consumed: JournalRecord | None = None

    def take(self, record: JournalRecord) -> None:
        """Add what `record` tells."""
        self.newest = max(self.newest, record.realtime)
        _TAKE[MessageId(record.get("MESSAGE_ID"))](self, record)

    def awaits(self, record: JournalRecord) -> bool:
        """Return True when a new invocation that `record` tells of is an attempt of this run.

        All attempts of a run have one job of systemd's (RestartMode=direct): that tells where its
        word on the restart was lost, or that on the end of the run before.
        """
        if self.ended or self.boot_id != record.boot_id:
            return False
        job_id = record.get("JOB_ID")
        if job_id and self.job_id:
            return job_id == self.job_id and not self.attempts[-1].is_final
        name = record.get("DEBVISOR_RUN_ID")
        return self.is_restarting or bool(name and name == self.ours("DEBVISOR_RUN_ID"))

    def is_refusal(self, record: JournalRecord) -> bool:
        """Return True when `record` tells of a later start that a start limit has refused.

        Such records carry the invocation of this run, which has ended, or at least failed.
        """
        message = record.get("MESSAGE_ID")
        if self.ended:
            return message in END_A_RUN
        failed = {each.invocation_id for each in self.attempts if each.has_failed}
        is_again = invocation_of(record) in failed and not self.is_restarting
        return message == MessageId.FAILED and is_again

    def attempt(self, record: JournalRecord) -> AttemptDraft:
        """Return the attempt that `record` belongs to: the newest where it names none."""
        invocation = invocation_of(record)
        for attempt in reversed(self.attempts):
            if invocation in {attempt.invocation_id, ""}:
                return attempt
        self.is_restarting = False
        # A start that was refused carries an invocation that is not its own.
        known = "" if self.is_refused else invocation
        self.attempts.append(AttemptDraft(invocation_id=known, first_seen=record.realtime))
        return self.attempts[-1]

    def ours(self, name: str) -> str:
        """Return a field of the records that our programs sent, the newest first, "" for none."""
        if self.skip and (value := self.skip.get(name)):
            return value
        return next((v for each in reversed(self.attempts) if (v := each.ours(name))), "")

    @property
    def invocation_ids(self) -> tuple[str, ...]:
        """Return the invocation of each attempt."""
        return tuple(each.invocation_id for each in self.attempts if each.invocation_id)

    @property
    def exit(self) -> Exit:
        """Return how the job's program ended in the newest attempt, as far as is known."""
        return self.attempts[-1].exit if self.attempts else Exit()

    @property
    def is_open(self) -> bool:
        """Return True when no record ends the run: it goes on, or was cut off."""
        if self.ended or self.is_refused or not self.attempts:
            return not (self.ended or self.is_refused)
        last = self.attempts[-1]
        return self.is_restarting or not (last.is_final or last.is_good)

    def ending(self) -> Ending | None:
        """Return how the run ended; None when nothing tells of its end."""
        if self._was_stopped():
            return Ending(outcome=RunOutcome.STOPPED)
        return self._never_ran() or self._by_attempts()

    def _was_stopped(self) -> bool:
        """Return True when somebody, or a shutdown, stopped it.

        After its last attempt `end` itself stops a unit that has retries, so that no other follows
        and the failure is told at once (systemd 257: the record is that of any stop).
        """
        if not self.attempts:
            return self.is_stopped
        last = self.attempts[-1]
        if last.end and last.end.get("DEBVISOR_STOPPED"):
            return True
        most = number(self.ours("DEBVISOR_MAX_ATTEMPTS")) or 1
        has_retries = len(self.attempts) > 1 or most > 1
        # Where its record was lost, a stop that killed nothing is rather taken for one of `end`: so
        # that no failure is hidden.
        has_exited = last.has_failed and last.result != "signal"
        is_own = last.is_final or (not last.end and has_exited)
        return self.is_stopped and not (is_own and has_retries)

    def _never_ran(self) -> Ending | None:
        if self.skip:
            reason = self.skip.get("DEBVISOR_REASON") or "for a reason that is not known"
            return Ending(outcome=RunOutcome.SKIPPED, reason=reason)
        if self.is_refused:
            return Ending(outcome=RunOutcome.FAILED, reason=REFUSED)
        if self.ended and not self.attempts and not self.not_started:
            ending = judge("exec-condition", Exit())
            return replace(ending, reason=f"{self.unmet} is not met") if self.unmet else ending
        return None

    def _by_attempts(self) -> Ending | None:
        ending = self.attempts[-1].ending() if self.attempts else None
        if ending is None:
            if not self.not_started:
                return None
            if self.not_started == "dependency" and (self.started or self.is_restarting):
                # How its attempt ended, no record tells; that it is no skip.
                return Ending(outcome=RunOutcome.FAILED, reason=_OF_RETRY)
            return _NOT_STARTED.get(self.not_started) or judge(
                "systemd did not start it", self.exit
            )
        if self.not_started == "dependency" and self.is_restarting:
            reason = "; ".join(filter(None, [ending.reason, _OF_RETRY]))
            return Ending(outcome=ending.outcome, reason=reason)
        return ending


def _starting(draft: Draft, record: JournalRecord) -> None:
    draft.attempt(record)
    draft.is_restarting = False
    draft.started = draft.started or record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")


def _done(draft: Draft, record: JournalRecord) -> None:
    draft.ended = record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")
    if invocation_of(record):
        attempt = draft.attempt(record)
        attempt.result = attempt.result or _good_result(record)
        attempt.over_at = attempt.over_at or record.realtime
    elif unmet := _UNMET.search(record.get("MESSAGE")):
        draft.unmet = unmet["condition"]


def _good_result(record: JournalRecord) -> str:
    return "exec-condition" if record.get("MESSAGE").startswith(_CONDITION) else "success"


def _not_started(draft: Draft, record: JournalRecord) -> None:
    draft.ended = record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")
    draft.not_started = record.get("JOB_RESULT")
    if invocation_of(record) and not draft.is_refused:
        draft.attempt(record)


def _exited(draft: Draft, record: JournalRecord) -> None:
    draft.attempt(record).exited(record)


def _failed(draft: Draft, record: JournalRecord) -> None:
    if not draft.is_refused:
        draft.attempt(record).failed(record)


def _deactivated(draft: Draft, record: JournalRecord) -> None:
    _note_result(draft, record, "success")


def _skipped(draft: Draft, record: JournalRecord) -> None:
    _note_result(draft, record, "exec-condition")


def _note_result(draft: Draft, record: JournalRecord, result: str) -> None:
    attempt = draft.attempt(record)
    attempt.result = result
    attempt.over_at = record.realtime


def _restart(draft: Draft, _: JournalRecord) -> None:
    draft.is_restarting = True


def _stopped(draft: Draft, record: JournalRecord) -> None:
    if not draft.ended:
        draft.ended = record.realtime
        draft.is_stopped = True


def _consumed(draft: Draft, record: JournalRecord) -> None:
    draft.consumed = record


def _result(draft: Draft, record: JournalRecord) -> None:
    draft.task_result = task_result_in(record)


def _begin(draft: Draft, record: JournalRecord) -> None:
    attempt = draft.attempt(record)
    attempt.begin = attempt.begin or record


def _end(draft: Draft, record: JournalRecord) -> None:
    if is_of_lost(record):
        _lost(draft, record)
    else:
        draft.attempt(record).end = record


def _lost(draft: Draft, record: JournalRecord) -> None:
    """Take what a later boot tells of the run: all that `begin` noted at its first attempt."""
    draft.is_lost = True
    if not draft.attempts:
        begun = moment(record.get("DEBVISOR_START_USEC")) or record.realtime
        draft.attempts.append(AttemptDraft(invocation_id=invocation_of(record), first_seen=begun))
    if not draft.ours("DEBVISOR_RUN_ID"):
        draft.attempts[0].begin = record


def _never_started(draft: Draft, record: JournalRecord) -> None:
    draft.skip = record
    draft.ended = record.realtime


_TAKE: dict[MessageId, Callable[[Draft, JournalRecord], None]] = {
    MessageId.STARTING: _starting,
    MessageId.DONE: _done,
    MessageId.NOT_STARTED: _not_started,
    MessageId.EXITED: _exited,
    MessageId.FAILED: _failed,
    MessageId.DEACTIVATED: _deactivated,
    MessageId.SKIPPED: _skipped,
    MessageId.RESTART: _restart,
    MessageId.STOPPED: _stopped,
    MessageId.CONSUMED: _consumed,
    MessageId.RUN_BEGIN: _begin,
    MessageId.RUN_END: _end,
    MessageId.RUN_SKIPPED: _never_started,
    MessageId.TASK_RESULT: _result,
}
