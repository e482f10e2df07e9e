# SPDX-License-Identifier: Apache-2.0
"""When each token was last used: noted in a file of the server's own, a few times a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable
from debvisor_timers.operations.access.tokens import last_uses

_PAUSE_SECONDS = 10
_READABLE = 0o644

_log = logging.getLogger(__name__)


class Uses:
    """Last uses by digest, in memory, and in the file as soon as that may be written again."""

    def __init__(self, layout: Layout, known: Callable[[], set[str]]) -> None:
        """known: the digests of the tokens that there are; others are forgotten."""
        self._layout = layout
        self._known = known
        self._uses: dict[str, datetime] | None = None
        self._is_new = self._is_due = False
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, digest: str, now: datetime) -> None:
        """Note a use, and see to it that the file has it within a minute."""
        if self._uses is None:
            self._uses = dict(last_uses(self._layout))
        self._uses[digest] = now
        self._is_new = True
        if not self._is_due:
            self._is_due = True
            task = asyncio.get_running_loop().create_task(self._write_soon())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def write(self) -> None:
        """Write the file, if there is anything to write."""
        if not self._uses:
            return
        known = self._known()
        said = {each: at.isoformat() for each, at in self._uses.items() if each in known}
        try:
            await asyncio.to_thread(
                durable.write_json, self._layout.last_uses, said, mode=_READABLE
            )
        except DebvisorTimersError as error:
            _log.warning("the last uses of tokens are not noted: %s", error)

    async def _write_soon(self) -> None:
        while self._is_new:
            self._is_new = False
            await self.write()
            await asyncio.sleep(_PAUSE_SECONDS)
        self._is_due = False
