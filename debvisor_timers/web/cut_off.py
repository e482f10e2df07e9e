# SPDX-License-Identifier: Apache-2.0
"""What became of a request that was cut off, as the audit of the agent has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import RefusedError
from debvisor_timers.history.audit import AuditEvent, AuditResult
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.scheduler.guide import JobScheduler

_NOTHING_DONE = {AuditResult.REFUSED, AuditResult.UNDONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A request that a server had begun which is gone: its id, and when that was. Aware."""

    request_id: str
    at: datetime


def events_of(scheduler: JobScheduler, cut_off: CutOff, name: str) -> Sequence[AuditEvent]:
    """Return what was asked of the agent for `name` by that request, newest first."""
    records = scheduler.audit(AuditFilter(who=name, since=cut_off.at))
    events = (record.event for record in records)
    return [each for each in events if each.caller.request == cut_off.request_id]


def require_nothing_done(events: Sequence[AuditEvent]) -> None:
    """Raise RefusedError unless the audit shows that nothing was done, and say what it shows."""
    if events and all(each.result in _NOTHING_DONE for each in events):
        return
    begun = "the request with this Idempotency-Key was cut off as the server ended"
    if not events:
        raise RefusedError(
            f"{begun}; the audit tells of nothing that it has done",
            fix="look what has become of it; where nothing was done, send it with another key",
        )
    told = "; ".join(f"{each.words}: {each.result}" for each in reversed(events))
    raise RefusedError(
        f"{begun}; the audit tells what it has done: {told}",
        fix="what is done is not to be sent again: for anything else use another key",
    )
