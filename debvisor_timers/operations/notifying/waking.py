# SPDX-License-Identifier: Apache-2.0
"""Letting `watch` run: for what is to be looked at, and for messages that wait."""

from __future__ import annotations

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.layout import WATCH_TIMER
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.deliver import Delivery, deliver


def keep_watching(host: Host) -> None:
    """Let the timer run: there is something to look at, or to send again. Raises SystemdError."""
    host.manager.start([WATCH_TIMER], wait=False)


def watch_if_possible(host: Host) -> None:
    """Do the same for somebody who has more to do; else the next boot or message starts it."""
    try:
        keep_watching(host)
    except DebvisorTimersError:
        return


def deliver_or_wait(host: Host) -> Delivery:
    """Send what is due, and see to it that the rest is tried again. Raises SystemdError."""
    delivery = deliver(host)
    if delivery.waiting:
        keep_watching(host)
    return delivery
