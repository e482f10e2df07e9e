# SPDX-License-Identifier: Apache-2.0
"""A run in the making: what the journal's records have told of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from debvisor_timers.history.outcome import Ending, Exit, RunOutcome, judge
from debvisor_timers.history.records import JournalRecord, MessageId

_STEPS = {"ExecCondition": "condition", "ExecStartPre": "begin", "ExecStopPost": "end"}
_NOT_STARTED = {
    "dependency": Ending(outcome=RunOutcome.SKIPPED, reason="a dependency failed"),
    "assert": Ending(outcome=RunOutcome.FAILED, reason="an assertion failed"),
    "timeout": Ending(outcome=RunOutcome.FAILED, reason="it could not start in time"),
}


@dataclass(slots=True, kw_only=True)
class Draft:
    """One run; a record that is missing leaves its fields empty.

    systemd's word counts for more than ours: `end` sees only what stands in its environment.
    is_refused: a start limit was hit; such records carry the invocation of the run before
    (systemd 257).
    """

    job: str
    boot_id: str
    is_refused: bool = False
    job_id: str = ""
    first_seen: datetime
    started: datetime | None = None
    ended: datetime | None = None
    invocation_ids: list[str] = field(default_factory=list)
    result: str = ""
    main_exit: Exit | None = None
    step: str = ""
    step_exit: Exit | None = None
    not_started: str = ""
    skipped_for: str = ""
    is_stopped: bool = False
    is_restarting: bool = False
    begin: JournalRecord | None = None
    end: JournalRecord | None = None
    consumed: JournalRecord | None = None

    def take(self, record: JournalRecord) -> None:
        """Add what `record` tells."""
        invocation = record.get("INVOCATION_ID") or record.get("DEBVISOR_INVOCATION_ID")
        if invocation and invocation not in self.invocation_ids and not self.is_refused:
            self.invocation_ids.append(invocation)
        _TAKE[MessageId(record.get("MESSAGE_ID"))](self, record)

    def awaits(self, record: JournalRecord) -> bool:
        """Return True when a start that `record` tells of is another attempt of this run."""
        return self.is_restarting and self.boot_id == record.boot_id

    def ours(self, name: str) -> str:
        """Return a field of the records that `begin` and `end` sent, empty for none."""
        return next((r.get(name) for r in (self.end, self.begin) if r and r.get(name)), "")

    @property
    def exit(self) -> Exit:
        """Return how the job's program ended, as far as is known."""
        if self.main_exit:
            return self.main_exit
        return Exit(code=self.ours("DEBVISOR_EXIT_CODE"), status=self.ours("DEBVISOR_EXIT_STATUS"))

    def ending(self) -> Ending | None:
        """Return how the run ended; None when nothing tells of its end."""
        if self.is_stopped or self.ours("DEBVISOR_STOPPED"):
            return Ending(outcome=RunOutcome.STOPPED)
        return self._never_ran() or self._by_result()

    def _never_ran(self) -> Ending | None:
        if self.skipped_for:
            return Ending(outcome=RunOutcome.SKIPPED, reason=self.skipped_for)
        if self.is_refused:
            return Ending(outcome=RunOutcome.FAILED, reason="started too often")
        if self.ended and not self.invocation_ids and not self.not_started:
            return judge("exec-condition", Exit())
        return _NOT_STARTED.get(self.not_started)

    def _by_result(self) -> Ending | None:
        result = self.result or self.ours("DEBVISOR_RESULT")
        if not result and not self.not_started:
            return None
        ending = judge(result or "systemd did not start it", self.exit)
        if ending.outcome is RunOutcome.SUCCEEDED and (reason := self.ours("DEBVISOR_SKIPPED")):
            return Ending(outcome=RunOutcome.SKIPPED, reason=reason)
        if self.step_exit and not self.main_exit and ending.outcome is RunOutcome.FAILED:
            words = judge("exit-code", self.step_exit).reason
            return Ending(outcome=RunOutcome.FAILED, reason=f"{self.step}: {words}")
        return ending


def _starting(draft: Draft, record: JournalRecord) -> None:
    draft.started = draft.started or record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")
    draft.is_restarting = False
    draft.result, draft.main_exit, draft.step_exit, draft.end = "", None, None, None


def _done(draft: Draft, record: JournalRecord) -> None:
    draft.ended = record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")
    if draft.invocation_ids:
        draft.result = draft.result or "success"


def _not_started(draft: Draft, record: JournalRecord) -> None:
    draft.ended = record.realtime
    draft.job_id = draft.job_id or record.get("JOB_ID")
    draft.not_started = record.get("JOB_RESULT")


def _exited(draft: Draft, record: JournalRecord) -> None:
    exit_ = Exit(code=record.get("EXIT_CODE"), status=record.get("EXIT_STATUS"))
    if record.get("COMMAND") == "ExecStart":
        draft.main_exit = exit_
    elif not draft.step_exit:
        draft.step, draft.step_exit = _STEPS.get(record.get("COMMAND"), "another step"), exit_


def _failed(draft: Draft, record: JournalRecord) -> None:
    draft.result = record.get("UNIT_RESULT")


def _deactivated(draft: Draft, _: JournalRecord) -> None:
    draft.result = "success"


def _skipped(draft: Draft, _: JournalRecord) -> None:
    draft.result = "exec-condition"


def _restart(draft: Draft, _: JournalRecord) -> None:
    draft.is_restarting = True


def _stopped(draft: Draft, record: JournalRecord) -> None:
    if not draft.ended:
        draft.ended = record.realtime
        draft.is_stopped = True


def _consumed(draft: Draft, record: JournalRecord) -> None:
    draft.consumed = record


def _begin(draft: Draft, record: JournalRecord) -> None:
    draft.begin = draft.begin or record


def _end(draft: Draft, record: JournalRecord) -> None:
    draft.end = record


def _never_started(draft: Draft, record: JournalRecord) -> None:
    draft.begin = record
    draft.ended = record.realtime
    draft.skipped_for = record.get("DEBVISOR_REASON") or "for a reason that is not known"


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
}
