# SPDX-License-Identifier: Apache-2.0
"""What the server needs of the host: reading, done elsewhere, and changes, asked of the agent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Concatenate, ParamSpec, Protocol, TypeVar, cast

from fastapi import Depends, Request

from debvisor_timers.operations.list import JobList
from debvisor_timers.operations.past.counts import RunCounts
from debvisor_timers.operations.runs.log_lines import LogLine
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.principal import Principal

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSnapshot:
    """All jobs as they were at a time; etag: the same for the same jobs.

    counts: how often each has run and failed; None where this user may not know.
    """

    jobs: JobList
    taken_at: datetime
    etag: str
    counts: Mapping[str, RunCounts] | None = None


class Backend(Protocol):
    """The one way from the server to the host."""

    async def read(
        self, function: Callable[Concatenate[JobScheduler, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function`, a question, answers.

        function: of a module, since another process may call it; what it takes and returns can be
        pickled. Raises the errors of debvisor_timers.errors.
        """

    async def change(
        self,
        who: Principal,
        function: Callable[Concatenate[JobScheduler, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function` answers, which changes something for `who`."""

    def follow(self) -> AsyncGenerator[LogLine, None]:
        """Yield the newest line of the journal, then each of a job that comes.

        The first tells that all that comes now will be there.
        """

    async def jobs(self) -> JobsSnapshot:
        """Return all jobs: a second old at most, and never older than a change of this server."""

    @property
    def is_trying(self) -> bool:
        """Return True while a change is on trial; known at once."""


def backend_of(request: Request) -> Backend:
    """Return the backend of the server that a request came to."""
    return cast(Backend, request.app.state.backend)


async def _backend(request: Request) -> Backend:
    # Not a plain function: FastAPI would call it in a thread, which takes longer than all the rest.
    return backend_of(request)


BackendOf = Annotated[Backend, Depends(_backend)]
