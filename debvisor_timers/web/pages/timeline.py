# SPDX-License-Identifier: Apache-2.0
"""The timeline: a day or a week of all jobs, past and to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.errors import UsageError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.coming.timeline import zone_of
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.drawing.lanes import Picture, picture
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]

_ZOOMS = (1, 2, 4, 8)
_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of the time is wanted: a day, how many from it on, how wide, of which jobs."""

    day: date
    today: date
    days: int
    zoom: int
    q: str

    @property
    def before(self) -> date:
        """Return a day of the time before."""
        return self.day - timedelta(days=self.days)

    @property
    def after(self) -> date:
        """Return a day of the time after."""
        return self.day + timedelta(days=self.days)

    @property
    def is_present(self) -> bool:
        """Return True where today is shown."""
        first = self.day - timedelta(days=self.day.weekday() if self.days == _WEEK else 0)
        return first <= self.today < first + timedelta(days=self.days)

    def href(self, day: date | None = None, days: int = 0, zoom: int = 0) -> str:
        """Return the address of the same with another day, length or width."""
        words = "week" if (days or self.days) == _WEEK else "day"
        address = f"/timeline?show={words}&day={day or self.day}&zoom={zoom or self.zoom}"
        return f"{address}&q={self.q}" if self.q else address


@router.get("/timeline")
async def timeline_page(  # noqa: PLR0913, PLR0917 - what stands in the address, by name
    request: Request,
    who: Viewer,
    backend: BackendOf,
    day: str = "",
    show: str = "day",
    zoom: str = "1",
    q: str = "",
) -> Response:
    """Show the day or the week that `day` lies in."""
    days = _WEEK if show == "week" else 1
    wanted = _day(day) if day else None
    today, first, drawn = await backend.read(draw_timeline, wanted, days)
    snapshot = await backend.jobs()
    jobs = snapshot.jobs.definitions.jobs
    titles = {job_id: job.title for job_id, job in jobs.items()}
    asked = Asked(
        day=first,
        today=today,
        days=days,
        zoom=int(zoom) if zoom in map(str, _ZOOMS) else 1,
        q=q.strip()[:100],
    )
    return page(
        request,
        "timeline.html.j2",
        who,
        picture=drawn,
        lanes=_found(drawn, titles, asked.q),
        titles=titles,
        asked=asked,
        zooms=_ZOOMS,
    )


def draw_timeline(
    scheduler: JobScheduler, wanted: date | None, days: int
) -> tuple[date, date, Picture]:
    """Return the date of today, the one that is shown, and the picture."""
    zone = zone_of(scheduler.zone)
    today = scheduler.now().astimezone(zone).date()
    day = wanted or today
    # Noon is there on each day, and only once.
    noon = datetime.combine(day, time(12), zone)
    return today, day, picture(scheduler.timeline((), day=noon, days=days), days)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", fix="write it as in 2026-11-27") from error


def _found(drawn: Picture, titles: dict[str, str], q: str) -> list[object]:
    wanted = q.lower()
    return [
        lane
        for lane in drawn.lanes
        if wanted in lane.job_id or wanted in titles.get(lane.job_id, "").lower()
    ]
