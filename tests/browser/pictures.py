# SPDX-License-Identifier: Apache-2.0
"""Pictures of pages: where they go, and what must be true of each."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = "SCREENSHOTS"
"""The variable with the folder for pictures; `make screenshots` sets it to that of the docs."""

_TOO_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const all = [...document.querySelectorAll('body *')];
  const wide = all.filter(each => each.getBoundingClientRect().right > most + 1);
  return wide.slice(0, 5).map(each => each.outerHTML.slice(0, 160));
}"""


def folder(otherwise: Path) -> Path:
    """Return the folder for pictures: the one that was asked for, or a passing one."""
    found = Path(os.environ.get(FOLDER) or otherwise)
    found.mkdir(parents=True, exist_ok=True)
    return found


def take(page: Page, path: Path) -> None:
    """Write the picture of what the window shows of `page`."""
    page.evaluate("document.fonts.ready.then(() => true)")
    page.screenshot(path=path, animations="disabled", caret="hide")


def too_wide(page: Page) -> list[str]:
    """Return what makes `page` wider than its window, so that it has to be scrolled sideways."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found
