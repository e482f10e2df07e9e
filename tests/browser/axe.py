# SPDX-License-Identifier: Apache-2.0
"""What axe finds on a page that somebody who cannot see or point would stumble over."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

_SHOWN = 3
"""Elements of each rule: a list with a hundred of them has one fault."""

_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def problems(page: Page) -> list[str]:
    """Return a line for each thing that axe objects to, with where it is and how to mend it."""
    page.evaluate(_source())
    violations: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]}"
        f" [{' '.join(map(str, node['target']))}]\n    {node['failureSummary']}"
        for rule in violations
        for node in rule["nodes"][:_SHOWN]
    ]


@cache
def _source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
