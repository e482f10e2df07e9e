# SPDX-License-Identifier: Apache-2.0
"""Messages: who can be told, and what could not be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.notifying.queue import Queued


class Notifying(Base):
    """Try a channel; look after the queue of messages."""

    def test_channel(self, name: str) -> None:
        """Send a test message by a channel; raises SystemdError with what went wrong."""
        from debvisor_timers.operations.notifying.trying import require_channel, test_channel

        require_channel(self.host, name)
        with self.attempt("notify") as attempt:
            attempt.begin()
            test_channel(self.host, name, host_name=os.uname().nodename, by=str(self.caller))
            attempt.done(f"test of {name}")

    def queued_messages(self) -> list[Queued]:
        """Return the messages that wait, the oldest first."""
        from debvisor_timers.operations.notifying.queue import queued

        return queued(self.host.layout)

    def given_up_messages(self) -> list[Queued]:
        """Return the messages that could not be sent in time, the oldest first."""
        from debvisor_timers.operations.notifying.queue import given_up

        return given_up(self.host.layout)

    def retry_messages(self, names: list[str]) -> list[Queued]:
        """Let messages that were given up wait again; nothing happens unless all are there."""
        from debvisor_timers.layout import WATCH_SERVICE
        from debvisor_timers.operations.notifying.queue import find, try_again

        found = [find(self.host.layout, name, only_given_up=True) for name in names]
        with self.attempt("notify") as attempt:
            attempt.begin()
            for message in found:
                try_again(self.host, message)
            attempt.done(f"retry of {_several(found)}")
        self.host.manager.start([WATCH_SERVICE], wait=False)
        return found

    def drop_messages(self, names: list[str]) -> list[Queued]:
        """Remove messages unsent; nothing happens unless all are there."""
        from debvisor_timers.operations.notifying.queue import drop, find

        found = [find(self.host.layout, name) for name in names]
        with self.attempt("notify") as attempt:
            attempt.begin()
            for message in found:
                drop(self.host, message.id)
            attempt.done(f"dropped {_several(found)}")
        return found


def _several(messages: list[Queued]) -> str:
    return "1 message" if len(messages) == 1 else f"{len(messages)} messages"
