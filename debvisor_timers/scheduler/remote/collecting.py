# SPDX-License-Identifier: Apache-2.0
"""Changes of jobs that are collected, to be asked of a server as one."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from debvisor_timers.scheduler.remote.documents import Document
from debvisor_timers.scheduler.scheduled_job import ScheduledJob


@dataclass(slots=True, kw_only=True, eq=False)
class Collected:
    """Changes for the server of `owner`, in order, as its JSON has them.

    jobs: those that they make or change, as they are going to be. before: those that there were
    when somebody asked for the first time. is_open: until its block ends; a task that was begun
    within it and outlives it has it still.
    """

    owner: object
    changes: MutableSequence[Document] = field(default_factory=list)
    jobs: dict[str, ScheduledJob] = field(default_factory=dict)
    before: frozenset[str] | None = None
    is_open: bool = True


_COLLECTED: ContextVar[Collected | None] = ContextVar("collected", default=None)
"""Of the thread or task that has begun it: changes of others are none of its business."""


def collected_by(owner: object) -> Collected | None:
    """Return what is being collected for the server of `owner` here, None where nothing is."""
    found = _COLLECTED.get()
    return found if found and found.owner is owner and found.is_open else None


@contextmanager
def collecting(owner: object) -> Iterator[Collected]:
    """Collect what the block changes; where it raises, nothing was changed."""
    made = Collected(owner=owner)
    token = _COLLECTED.set(made)
    try:
        yield made
    finally:
        made.is_open = False
        _COLLECTED.reset(token)
