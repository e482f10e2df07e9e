# SPDX-License-Identifier: Apache-2.0
"""One attempt of a run: as the journal's records tell of it, and as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.outcome import Ending, Exit, RunOutcome, judge, moment
from debvisor_timers.history.records import JournalRecord

_STEPS = {"ExecCondition": "condition", "ExecStartPre": "begin", "ExecStopPost": "end"}
_GOOD = {RunOutcome.SUCCEEDED, RunOutcome.SKIPPED}
_OURS = "timeout"
"""Where `run` ended an attempt for its time-out, systemd knows of an exit status only."""
_OF_RUN = Exit(code="exited", status="251")
"""That exit status; it is not the program's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try within a run, number 1 being the first; end: None while it is under way.

    start: what `begin` or systemd noted first, so a wait in `begin` is part of it.
    """

    number: int
    invocation_id: str
    start: datetime
    end: datetime | None
    ending: Ending
    exit: Exit

    @property
    def duration(self) -> timedelta | None:
        """Return how long it took, None while it is under way or when nobody knows."""
        return self.end - self.start if self.end and self.end >= self.start else None


@dataclass(slots=True, kw_only=True)
class AttemptDraft:
    """An attempt in the making; a record that is missing leaves its fields empty.

    result: systemd's word. begin, end: our records. step: which of our programs failed first.
    has_failed: by systemd's word.
    """

    invocation_id: str
    first_seen: datetime
    over_at: datetime | None = None
    result: str = ""
    main_exit: Exit | None = None
    step: str = ""
    step_exit: Exit | None = None
    has_failed: bool = False
    begin: JournalRecord | None = None
    end: JournalRecord | None = None

    def exited(self, record: JournalRecord) -> None:
        """Note how a process of the unit ended."""
        exit_ = Exit(code=record.get("EXIT_CODE"), status=record.get("EXIT_STATUS"))
        if record.get("COMMAND") == "ExecStart":
            self.main_exit = exit_
        elif not self.step_exit:
            self.step, self.step_exit = _STEPS.get(record.get("COMMAND"), "another step"), exit_

    def failed(self, record: JournalRecord) -> None:
        """Note systemd's word on the failure; the first: a start limit repeats the old one."""
        self.has_failed = True
        self.result = self.result or record.get("UNIT_RESULT")
        self.over_at = self.over_at or record.realtime

    def ours(self, name: str) -> str:
        """Return a field of the records that `begin` and `end` sent, empty for none."""
        return next((r.get(name) for r in (self.end, self.begin) if r and r.get(name)), "")

    @property
    def is_final(self) -> bool:
        """Return True when `end` said that no other attempt follows."""
        return bool(self.end and self.end.get("DEBVISOR_FINAL"))

    @property
    def is_good(self) -> bool:
        """Return True when it succeeded or was skipped, so that there is nothing to retry."""
        ending = self.ending()
        return ending is not None and ending.outcome in _GOOD

    @property
    def is_over(self) -> bool:
        """Return True when the attempt is known to have ended."""
        return bool(self.result or self.end)

    @property
    def exit(self) -> Exit:
        """Return how the job's program ended, as far as is known."""
        noted = Exit(code=self.ours("DEBVISOR_EXIT_CODE"), status=self.ours("DEBVISOR_EXIT_STATUS"))
        if self._timed_out_by_run:
            return Exit() if noted == _OF_RUN else noted
        return self.main_exit or noted

    def ending(self) -> Ending | None:
        """Return how it ended; None when nothing tells of its end.

        systemd's word counts for more than ours: `end` sees only what stands in its environment.
        """
        result = self.result or self.ours("DEBVISOR_RESULT")
        if not result:
            return None
        ending = judge(_OURS if self._timed_out_by_run else result, self.exit)
        if ending.outcome is RunOutcome.SUCCEEDED and (reason := self.ours("DEBVISOR_SKIPPED")):
            return Ending(outcome=RunOutcome.SKIPPED, reason=reason)
        if self.step_exit and not self.main_exit and ending.outcome is RunOutcome.FAILED:
            words = f"{self.step}: {judge('exit-code', self.step_exit).reason}"
            reason = self.ours("DEBVISOR_REASON") or words
            return Ending(outcome=RunOutcome.FAILED, reason=reason)
        return ending

    def finished(self, number: int, ending: Ending) -> Attempt:
        """Return it as a value; ending: of the whole run, for an attempt that has none itself."""
        begun = self.begin.realtime if self.begin else self.first_seen
        was_stopped = bool(self.end and self.end.get("DEBVISOR_STOPPED"))
        ended = moment(self.end.get("DEBVISOR_END_USEC")) if self.end else None
        own = self.ending()
        return Attempt(
            number=number,
            invocation_id=self.invocation_id,
            start=min(self.first_seen, begun),
            end=(ended or self.over_at) if own else None,
            ending=ending if was_stopped or own is None else own,
            exit=self.exit,
        )

    @property
    def _timed_out_by_run(self) -> bool:
        failed = self.result not in {"", "success"}
        return failed and bool(self.end) and self.ours("DEBVISOR_RESULT") == _OURS
