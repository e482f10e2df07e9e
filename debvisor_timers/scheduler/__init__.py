# SPDX-License-Identifier: Apache-2.0
"""The Python API: wires the real parts of this host; everything below enters here."""

from __future__ import annotations

from debvisor_timers.scheduler.applying import Applying
from debvisor_timers.scheduler.crontab import Crontabs
from debvisor_timers.scheduler.editing import Editing
from debvisor_timers.scheduler.exchange import Exchange
from debvisor_timers.scheduler.holding import Holding
from debvisor_timers.scheduler.looking import Looking
from debvisor_timers.scheduler.notifying import Notifying
from debvisor_timers.scheduler.past import Past
from debvisor_timers.scheduler.running import Running
from debvisor_timers.scheduler.safety import Safety
from debvisor_timers.scheduler.tasks import Tasks
from debvisor_timers.scheduler.tokens import Tokens


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
