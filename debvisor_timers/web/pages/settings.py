# SPDX-License-Identifier: Apache-2.0
"""The page of the settings: what config.yaml says, to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.exchange.settings import Settings
from debvisor_timers.operations.times import span
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Settings that belong together: each with its name and value."""

    title: str
    about: str
    rows: tuple[tuple[str, str], ...]


@router.get("/settings")
async def settings(
    request: Request,
    who: Annotated[Principal, Depends(needs(Role.VIEWER))],
    backend: BackendOf,
) -> Response:
    """Return the settings in force, secrets left out."""
    found = await backend.read(read_settings)
    return page(
        request,
        "settings.html.j2",
        who,
        groups=[group for group in _groups(found) if group.rows],
        written=_yaml(found.written),
        problems=found.problems,
    )


def read_settings(scheduler: JobScheduler) -> Settings:
    """Return the settings of this host."""
    return scheduler.settings()


def _groups(found: Settings) -> Iterator[Group]:
    config = found.config
    yield Group(
        title="Keeping",
        about="How much of the past is kept.",
        rows=(
            ("Generations", str(config.keep_generations)),
            ("History", span(config.history.keep)),
            ("Runs of each job", str(config.history.keep_runs)),
            ("Starts a minute", str(config.starts_per_minute)),
        ),
    )
    yield Group(
        title="Pools",
        about="How many jobs of each may run at once.",
        rows=tuple((name, str(slots)) for name, slots in config.pools.items()),
    )
    yield Group(
        title="Channels",
        about="Who is told, and how.",
        rows=_rows(found.written.get("channels", {})),
    )
    yield Group(
        title="Defaults",
        about="What jobs have that say nothing else.",
        rows=_rows(found.written.get("defaults", {})),
    )
    yield from _further_groups(found)


def _further_groups(found: Settings) -> Iterator[Group]:
    yield Group(
        title="Calendars",
        about="Days on which jobs may be left out.",
        rows=tuple((name, f"{days} days") for name, days in found.days.items()),
    )
    yield Group(
        title="Task types",
        about="What jobs can do besides commands.",
        rows=tuple(
            (name, str(known.handler or " ".join(known.exec_ or ())))
            for name, known in found.tasks.items()
        ),
    )
    yield Group(
        title="Places",
        about="Where everything is.",
        rows=tuple((name.capitalize(), str(path)) for name, path in found.paths.items()),
    )


def _rows(values: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(values, Mapping):
        return ()
    return tuple((str(name), _words(value)) for name, value in values.items())


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _yaml(written: Mapping[str, Any]) -> tuple[str, ...]:
    if not written:
        return ()
    text: str = yaml.safe_dump(dict(written), sort_keys=False, allow_unicode=True, width=88)
    return tuple(text.splitlines())
