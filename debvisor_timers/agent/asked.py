# SPDX-License-Identifier: Apache-2.0
"""What callers give with a call, as they write it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.editing.change import Change, ChangeKind
from debvisor_timers.operations.holding.pause import Wish
from debvisor_timers.operations.holding.selecting import Choice
from debvisor_timers.scheduler.keys import writable

_MOST = 10_000
_LAST_YEAR = 2199
Seconds = Annotated[float, Field(ge=5, le=86_400)]
"""How long a trial is kept unless it is confirmed."""


def _in_utc(moment: datetime) -> datetime:
    """Return a time in UTC. Raises ValueError for one that some zones do not have."""
    try:
        found = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is no time") from error
    if found.year > _LAST_YEAR:
        raise ValueError(f"is after the year {_LAST_YEAR}")
    return found


Time = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_in_utc)]

Names = Annotated[list[str], Field(max_length=_MOST)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class KeyAsked(_Asked):
    """A key of a job with its value; without one it is taken away."""

    path: Annotated[list[str], Field(min_length=1, max_length=4)]
    value: Any = None


class ChangeAsked(_Asked):
    """What becomes of a job."""

    job: str
    kind: Literal["create", "update", "delete"]
    keys: Annotated[list[KeyAsked], Field(max_length=1000)] | None = None

    def change(self) -> Change:
        """Return it as operations take it."""
        keys = {
            tuple(key.path): None if key.value is None else writable(key.value)
            for key in self.keys or ()
        }
        return Change(job_id=self.job, kind=ChangeKind(self.kind), keys=keys)


class ChoiceAsked(_Asked):
    """Which jobs are meant."""

    jobs: Names = []
    tags: dict[str, str] = {}
    all: bool = False

    def choice(self) -> Choice:
        """Return it as operations take it."""
        return Choice(jobs=tuple(self.jobs), tags=self.tags, all=self.all)


class PauseAsked(ChoiceAsked):
    """Which jobs are to be held back, until when, and why."""

    until: Time | None = None
    reason: str = ""

    def wish(self) -> Wish:
        """Return it as operations take it."""
        return Wish(until=self.until, reason=self.reason)


class MaintenanceAsked(_Asked):
    """How long the host is held back, and why."""

    until: Time | None = None
    reason: str = ""

    def wish(self) -> Wish:
        """Return it as operations take it."""
        return Wish(until=self.until, reason=self.reason)


class JobAsked(_Asked):
    """One job."""

    job: str


class ForgetAsked(JobAsked):
    """Runs of a job that are to be forgotten: all but these."""

    keep: Annotated[list[str], Field(max_length=100_000)]


class RunAsked(JobAsked):
    """A start. force: whatever it depends on."""

    force: bool = False


class RetryAsked(JobAsked):
    """A run that is to be run again; the newest that failed where none is named."""

    run: str | None = None


class SkipAsked(JobAsked):
    """How many of the next runs are to be skipped."""

    count: Annotated[int, Field(ge=0, le=1000)]


class _ChangesAsked(_Asked):
    """Changes of jobs, made as one. versions: of jobs, as the caller has seen them."""

    changes: Annotated[list[ChangeAsked], Field(min_length=1, max_length=_MOST)]
    versions: dict[str, str] = {}
    overwrite_edits: bool = False


class EditAsked(_ChangesAsked):
    """Changes that are made, or looked at."""

    dry_run: bool = False


class TryEditAsked(_ChangesAsked):
    """Changes that are taken back unless they are confirmed."""

    timeout_seconds: Seconds


class _TextAsked(_Asked):
    """A job's file with another text; is_new: there is none yet."""

    job: str
    path: str
    before: str
    after: str
    is_new: bool = False
    overwrite_edits: bool = False


class RewriteAsked(_TextAsked):
    """A text that is written, or looked at."""

    dry_run: bool = False


class TryRewriteAsked(_TextAsked):
    """A text that is taken back unless it is confirmed."""

    timeout_seconds: Seconds


class ApplyAsked(_Asked):
    """What an apply may do. removals: jobs that may go."""

    removals: Names = []
    allow_empty: bool = False
    overwrite_edits: bool = False
    expect_generation: int | None = None


class TryAsked(ApplyAsked):
    """An apply that is taken back unless it is confirmed."""

    timeout_seconds: Seconds


class RollbackAsked(ApplyAsked):
    """A generation to go back to, the one before where none is named; yaml: files, too."""

    number: int | None = None
    yaml: bool = False


class DiffAsked(_Asked):
    """Two generations; the newest and the disk where none are named."""

    before: int | None = None
    after: int | None = None


class TokenAsked(_Asked):
    """A token, by its name."""

    name: str


class NewTokenAsked(TokenAsked):
    """A token that is to be made."""

    role: Annotated[Role, Field(strict=False)]
    expires: Time | None = None


class NothingAsked(_Asked):
    """Nothing more."""
