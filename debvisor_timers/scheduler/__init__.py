# SPDX-License-Identifier: Apache-2.0
"""The Python API: wires the real parts of this host; everything below enters here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from debvisor_timers.scheduler.applying import Applying
from debvisor_timers.scheduler.crontab import Crontabs
from debvisor_timers.scheduler.editing import Editing
from debvisor_timers.scheduler.exchange import Exchange
from debvisor_timers.scheduler.holding import Holding
from debvisor_timers.scheduler.looking import Looking
from debvisor_timers.scheduler.notifying import Notifying
from debvisor_timers.scheduler.past import Past
from debvisor_timers.scheduler.places import asks_agent
from debvisor_timers.scheduler.running import Running
from debvisor_timers.scheduler.safety import Safety
from debvisor_timers.scheduler.tasks import Tasks
from debvisor_timers.scheduler.tokens import Tokens

if TYPE_CHECKING:
    from debvisor_timers.history.caller import Door
    from debvisor_timers.layout import Layout


class Scheduler(
    Applying,
    Editing,
    Exchange,
    Looking,
    Running,
    Holding,
    Past,
    Safety,
    Tasks,
    Crontabs,
    Notifying,
    Tokens,
):
    """All that can be done with the jobs of one host; every method is one operation.

    Each imports what it needs when it is called: starting a command costs milliseconds. The
    errors are those of debvisor_timers.errors. What changes something, or is refused, is in the
    audit as asked for by one caller. The calls of the guide come with `guide.JobScheduler`, which
    is what programs import; commands need not wait for it.
    """

    @classmethod
    def system(cls, layout: Layout | None = None, *, door: Door = "python") -> Self:
        """Return the scheduler of this host; for who is not root one that asks the agent."""
        found = super().system(layout, door=door)
        if cls is not Scheduler or not asks_agent(found.layout):
            return found
        from debvisor_timers.scheduler.agent_scheduler import AgentScheduler

        return cast(Self, AgentScheduler(found.layout))
