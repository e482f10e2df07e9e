# SPDX-License-Identifier: Apache-2.0
"""From values to HTML: the templates of the pages, which escape all that they are given."""

from __future__ import annotations

from functools import cache

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from debvisor_timers import __version__
from debvisor_timers.render.location import find_templates
from debvisor_timers.web.principal import Principal


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
    return made


def page(
    request: Request, name: str, who: Principal | None, /, status: int = 200, **values: object
) -> HTMLResponse:
    """Return the page of template `name` (`overview.html.j2`) for `who`."""
    template = environment().get_template(name)
    text = template.render(request=request, who=who, path=request.url.path, **values)
    return HTMLResponse(text, status)
