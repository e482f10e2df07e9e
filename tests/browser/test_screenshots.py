# SPDX-License-Identifier: Apache-2.0
"""Each page as people see it: at the widths of a desk and a phone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import pictures
from tests.browser.places import LARGE, small
from tests.browser.site import PHONE, WIDE, Look, Site

LOOKS = [Look(width=width, theme=theme) for width in (WIDE, PHONE) for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return pictures.folder(tmp_path_factory.mktemp("screenshots"))


def name(jobs: int, place: str, look: Look) -> str:
    return f"{place}-{jobs}-jobs-{look.width}-{look.theme}.png"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.theme}")
def test_pages_of_a_small_host_fit_their_window(site: Site, folder: Path, look: Look) -> None:
    with site.window("admin", look) as window:
        for place, path in small(site).items():
            window.page.goto(path)
            pictures.take(window.page, folder / name(5, place, look))
            assert pictures.too_wide(window.page) == [], path


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.theme}")
def test_pages_of_a_large_host_fit_their_window(large_site: Site, folder: Path, look: Look) -> None:
    with large_site.window("admin", look) as window:
        for place, path in LARGE.items():
            window.page.goto(path)
            pictures.take(window.page, folder / name(500, place, look))
            assert pictures.too_wide(window.page) == [], path
