# SPDX-License-Identifier: Apache-2.0
"""A report as HTML: one file without a script, for a browser, a mail or paper."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from debvisor_timers.cli.digest import Digest


def html_of(digest: Digest, template: Path) -> str:
    """Return the page that `template` makes of `digest`; all that it says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(digest=digest)
