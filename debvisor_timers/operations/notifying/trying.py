# SPDX-License-Identifier: Apache-2.0
"""Trying a channel: a message goes the way that every message goes, by the unit that sends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.jobs.config import CONFIG_NAME, load_config
from debvisor_timers.jobs.faults import did_you_mean
from debvisor_timers.layout import WATCH_SERVICE
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying import queue

_STARTS = 3
"""So often the sending unit is started: a start while it runs does not make it look again."""
_PATIENCE = timedelta(minutes=10)


def test_channel(host: Host, name: str, *, host_name: str, by: str) -> None:
    """Send a message by a channel, now. Raises SystemdError with what went wrong.

    Raises NotFoundError for no channel that was applied. A message that could not be sent is
    dropped: nobody waits for a test.
    """
    require_channel(host, name)
    document = {
        "event": str(EventKind.TEST),
        "host": host_name,
        "time": host.clock.now().isoformat(),
        "by": by,
        "text": f"This is a test of the channel {name}, asked for by {by}. All is well.",
    }
    message, problem = queue.enqueue(host, name, document), ""
    for _ in range(_STARTS):
        host.manager.start([WATCH_SERVICE], timeout=_PATIENCE)
        waiting = {each.id: each for each in queue.queued(host.layout)}
        lost = {each.id: each for each in queue.given_up(host.layout)}
        left = waiting.get(message) or lost.get(message)
        if left is None:
            return
        problem = left.problem
        if not problem and left.due > left.queued:  # put off, as one before it could not be sent
            problem = _problem_before(queue.queued(host.layout), name)
        if problem:
            break
    queue.drop(host, message)
    raise SystemdError(
        f"the channel {name} was not told: {problem or 'nobody has sent the message'}",
        fix=f"correct it in config.yaml, apply, and try again; see: journalctl -u {WATCH_SERVICE}",
    )


def _problem_before(waiting: Sequence[queue.Queued], name: str) -> str:
    """Return why messages of a channel wait, of which the last that was tried tells."""
    problems = [each.problem for each in waiting if each.channel == name and each.problem]
    return f"{problems[-1]} (told by a message that waits)" if problems else ""


def require_channel(host: Host, name: str) -> None:
    """Raise NotFoundError unless a channel of that name was applied."""
    known = applied_config(host).channels
    if name in known:
        return
    written = load_config(host.layout.config / CONFIG_NAME).config.channels
    if name in written:
        raise NotFoundError(
            f"the channel {name} was not applied yet", fix="run: debvisor-timers apply"
        )
    raise NotFoundError(
        f"there is no channel {name!r}{did_you_mean(name, known)}",
        fix=f"there are: {', '.join(known)}" if known else "write it under channels in config.yaml",
    )
