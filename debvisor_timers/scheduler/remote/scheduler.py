# SPDX-License-Identifier: Apache-2.0
"""The scheduler of a server: the calls of the guide, with the same values and errors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from debvisor_timers.errors import UsageError
from debvisor_timers.scheduler.remote.runs import RemoteRuns
from debvisor_timers.scheduler.values import check_texts

if TYPE_CHECKING:
    from debvisor_timers.operations.editing.handlers import TaskFunction

log = logging.getLogger("DebVisor.Scheduler")


class RemoteScheduler(RemoteRuns):
    """The jobs of another host, or of this one by way of its server, by the names of the guide.

    Made by `Scheduler.connect`. Usable from several threads, and from an event loop by way of the
    calls that are awaited. The errors are those of debvisor_timers.errors, and UnreachableError.
    """

    def register_task_handler(self, task_type: str, handler: TaskFunction) -> None:
        """Warn: a handler is a program of the host, so it is declared there."""
        check_texts(task_type=task_type)
        if not callable(handler):
            raise UsageError(f"{handler!r} is no function", fix="give a function")
        log.warning(
            "%s has no handler: its runs are programs of %s, and no server takes programs;"
            " register it there, as root, with the same call",
            task_type,
            self.server.address,
        )

    def close(self) -> None:
        """Close the connections; a further call opens one again."""
        self.server.close()

    def __enter__(self) -> Self:
        """Return the scheduler; the end of the block closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()
