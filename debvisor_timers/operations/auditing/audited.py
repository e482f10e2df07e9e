# SPDX-License-Identifier: Apache-2.0
"""One attempt to change something: how it ends goes into the audit.

An attempt that changes nothing must cost nothing: what writes is imported when it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debvisor_timers.history.caller import Caller
    from debvisor_timers.operations.applying.plan import JobPlan
    from debvisor_timers.operations.auditing.attempts import AttemptNote
    from debvisor_timers.operations.host import Host


class Attempt:
    """What somebody asks for, told by and by: what it is about, that it begins, what it did.

    has_begun: something was about to be changed. is_done: it was. takes_steps: by an operation
    that undoes what it has taken of them when one fails.
    """

    def __init__(
        self,
        host: Host,
        who: Callable[[], Caller],
        verb: str,
        *,
        jobs: Sequence[str] = (),
        file: str = "",
    ) -> None:
        """Begin at the time that it is; `who` is asked when it has to be known."""
        self.id = os.urandom(8).hex()
        self.verb = verb
        self.asked = host.clock.now()
        self.jobs = jobs
        self.file = file
        self.what = ""
        self.changes: Sequence[JobPlan] = ()
        self.settings: Sequence[str] = ()
        self.generation: int | None = None
        self.has_begun = False
        self.is_done = False
        self.takes_steps = False
        self._host = host
        self._who = who
        self._note: AttemptNote | None = None

    @property
    def caller(self) -> Caller:
        """Return who asks."""
        return self._who()

    def begin(self) -> None:
        """Note that something is about to be changed, for the case that this process is killed."""
        self.has_begun = True
        if not self.caller.acts_as_root:
            return
        from debvisor_timers.operations.auditing.attempts import AttemptNote
        from debvisor_timers.operations.auditing.deeds import event_of

        try:
            self._note = AttemptNote.leave(self._host.layout.attempts, event_of(self))
        except OSError:
            return  # what is done will be in the audit all the same, unless it is cut off

    def on_step(self, on_step: Callable[[str], None]) -> Callable[[str], None]:
        """Return an `on_step` of an operation whose first step begins the change."""

        self.takes_steps = True

        def step(name: str) -> None:
            if not self.has_begun:
                self.begin()
            on_step(name)

        return step

    def done(
        self,
        what: str = "",
        *,
        changes: Sequence[JobPlan] = (),
        settings: Sequence[str] = (),
        generation: int | None = None,
    ) -> None:
        """Tell that something was changed, and what; without this nothing is recorded."""
        self.is_done = True
        self.what = what
        self.changes = changes
        self.settings = settings
        self.generation = generation
        if changes:
            self.jobs = [job.job_id for job in changes]

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Put what became of it into the audit; return what went wrong with that."""
        try:
            if error is None and not self.is_done:
                return ()
            from debvisor_timers.operations.auditing.audit import write_audit
            from debvisor_timers.operations.auditing.deeds import event_of, is_recorded

            if error is not None and not is_recorded(error):
                return ()
            return write_audit(self._host, event_of(self, error))
        finally:
            if self._note is not None:
                self._note.remove()

    def announce(self, error: BaseException) -> tuple[str, ...]:
        """Let channels be told where the units of jobs could not be changed; return what failed."""
        unasked = self.verb in _UNASKED
        if not self._host.layout.runs_here or not (self.takes_steps or unasked):
            return ()
        from debvisor_timers.errors import DebvisorTimersError
        from debvisor_timers.operations.notifying.apply_failed import (
            is_failed_apply,
            tell_failed_apply,
        )

        if not is_failed_apply(error, unasked=unasked):
            return ()
        try:
            by = str(self.caller)
            tell_failed_apply(self._host, verb=self.verb, by=by, text=str(error))
        except DebvisorTimersError as other:
            return (f"nobody is told of it: {other}",)
        return ()


_UNASKED = ("renew", "recover")
"""What the system itself asks for: nobody sees how it ends."""


@contextmanager
def audited(attempt: Attempt, tell: Callable[[str], None]) -> Iterator[Attempt]:
    """Let the block be `attempt`, which calls its `done` when it was made.

    tell: what a person has to know when the audit cannot be written. That keeps no change from
    being made.
    """
    try:
        yield attempt
    except BaseException as error:
        for words in (*attempt.end(error), *attempt.announce(error)):
            tell(words)
        raise
    for words in attempt.end(None):
        tell(words)
