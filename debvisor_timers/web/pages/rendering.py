# SPDX-License-Identifier: Apache-2.0
"""From values to HTML: the templates of the pages, which escape all that they are given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from debvisor_timers import __version__
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.times import local, relative, span
from debvisor_timers.render.location import find_templates
from debvisor_timers.web.backend import backend_of
from debvisor_timers.web.forms import form_token
from debvisor_timers.web.pages.colours import diff_lines, unit_line, with_code, yaml_line
from debvisor_timers.web.pages.told import Told, told_of
from debvisor_timers.web.principal import Principal

_PAGES = (
    ("/", "Jobs", "jobs", Role.VIEWER),
    ("/timeline", "Timeline", "timeline", Role.VIEWER),
    ("/graph", "Graph", "graph", Role.VIEWER),
    ("/audit", "Audit", "audit", Role.VIEWER),
    ("/tokens", "Tokens", "tokens", Role.ADMIN),
    ("/settings", "Settings", "settings", Role.VIEWER),
)
_MINUTE, _FAR = timedelta(minutes=1), timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A page that the header leads to."""

    href: str
    label: str
    icon: str
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class May:
    """What somebody may do, in the words that templates ask."""

    operate: bool
    edit: bool
    admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is around every page.

    theme: light, dark, or empty for what the browser prefers. address: of this page with its
    question, to come back to. told: what became of what was just asked for.
    is_trying: a change is on trial, which another page is about.
    """

    host: str
    zone: str
    user: Principal | None
    may: May
    tabs: Sequence[Tab]
    csrf: str
    theme: str
    address: str
    told: Told | None
    is_trying: bool
    now: datetime
    static: str = "/static"
    version: str = __version__


@cache
def environment() -> Environment:
    """Return the Jinja environment of templates/web."""
    made = Environment(
        loader=FileSystemLoader(find_templates() / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["version"] = __version__
    made.filters.update(
        iso=_iso,
        local=local,
        relative=_relative,
        span=_span,
        unit_line=unit_line,
        yaml_line=yaml_line,
        diff_lines=diff_lines,
        with_code=with_code,
    )
    return made


def page(
    request: Request, name: str, who: Principal | None, /, status: int = 200, **values: object
) -> HTMLResponse:
    """Return the page of template `name` (`overview.html.j2`) for `who`."""
    template = environment().get_template(name)
    text = template.render(
        request=request, who=who, path=request.url.path, frame=frame_of(request, who), **values
    )
    return HTMLResponse(text, status)


def frame_of(request: Request, who: Principal | None) -> Frame:
    """Return what is around a page for `who`."""
    path, theme = request.url.path, request.cookies.get("theme", "")
    question = f"?{request.url.query}" if request.url.query else ""
    return Frame(
        host=os.uname().nodename,
        zone=datetime.now(UTC).astimezone().tzname() or "",
        user=who,
        may=May(
            operate=bool(who and who.role.includes(Role.OPERATOR)),
            edit=bool(who and who.role.includes(Role.EDITOR)),
            admin=bool(who and who.role.includes(Role.ADMIN)),
        ),
        tabs=_tabs(path, who) if who else (),
        csrf=form_token(request),
        theme=theme if theme in {"light", "dark"} else "",
        address=f"{path}{question}",
        told=told_of(request.query_params.get("done", "")),
        is_trying=who is not None and path != "/trial" and backend_of(request).is_trying,
        now=datetime.now(UTC),
    )


def _tabs(path: str, who: Principal) -> tuple[Tab, ...]:
    return tuple(
        Tab(href=href, label=label, icon=icon, is_here=_is_here(path, href))
        for href, label, icon, role in _PAGES
        if who.role.includes(role)
    )


def _is_here(path: str, href: str) -> bool:
    if href == "/":
        return path in {"/", "/new"} or path.startswith("/jobs/")
    return path == href or path.startswith(f"{href}/")


def _iso(moment: datetime) -> str:
    return moment.astimezone().isoformat(timespec="seconds")


def _relative(moment: datetime, now: datetime) -> str:
    """Return it without seconds where it is far away: there they are noise. page.js does so too."""
    distance = moment - now
    if distance <= -_MINUTE:
        distance += -distance % _MINUTE
    elif distance >= _FAR:
        distance -= distance % _MINUTE
    else:
        distance = timedelta(seconds=round(distance.total_seconds()))
    return relative(now + distance, now=now)


def _span(length: timedelta | float | None) -> str:
    return span(timedelta(seconds=length) if isinstance(length, int | float) else length)
