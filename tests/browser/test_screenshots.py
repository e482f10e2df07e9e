# SPDX-License-Identifier: Apache-2.0
"""Each page as people see it: at the widths of a desk and a phone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.places import LARGE, NOT_FOUND, small
from tests.browser.site import PHONE, WIDE, Look, Site, Window
from tests.browser.steps import STEPS
from tests.system import work

LOOKS = [Look(width=width, theme=theme) for width in (WIDE, PHONE) for theme in ("light", "dark")]
EACH_LOOK = pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.theme}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("screenshots"))


@pytest.fixture(scope="module", autouse=True)
def paused(site: Site) -> None:
    site.host.cli("pause", "scrub-pool", "--reason", "waits for new disks")


def take(window: Window, folder: Path, name: str, look: Look) -> None:
    """Take the picture of a window; nothing may have to be scrolled sideways."""
    pictures.take(window.page, folder / f"{name}-{look.width}-{look.theme}.png")
    assert pictures.too_wide(window.page) == [], window.page.url


@EACH_LOOK
def test_pages_of_a_small_host_fit_their_window(site: Site, folder: Path, look: Look) -> None:
    with site.window("admin", look) as window:
        for place, path in small(site).items():
            window.page.goto(path)
            take(window, folder, f"{place}-5", look)


@EACH_LOOK
def test_pages_of_a_large_host_fit_their_window(large_site: Site, folder: Path, look: Look) -> None:
    with large_site.window("admin", look) as window:
        for place, path in LARGE.items():
            window.page.goto(path)
            take(window, folder, f"{place}-500", look)


@EACH_LOOK
def test_pages_at_the_door_and_beside_the_way_fit(site: Site, folder: Path, look: Look) -> None:
    with site.window("", look) as window:
        window.page.goto("/sign-in")
        take(window, folder, "sign-in", look)
    with site.window("viewer", look) as window:
        window.page.goto(NOT_FOUND)
        take(window, folder, "not-found", look)
        window.forgive("404")


@EACH_LOOK
def test_a_live_log_fits_its_window(site: Site, folder: Path, look: Look) -> None:
    work.begin(site.host, "nightly-backup")
    with site.window("operator", look) as window:
        page = window.page
        page.goto("/jobs/nightly-backup")
        page.locator("#runs").get_by_role("link", name="running").click()
        expect(page.get_by_role("log")).to_contain_text("step 12: copied 444 MiB")
        take(window, folder, "run-live", look)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("main")).to_contain_text("stopped")


@EACH_LOOK
def test_steps_of_an_edit_fit_their_window(site: Site, folder: Path, look: Look) -> None:
    with site.window("editor", look) as window:
        for step, act in STEPS.items():
            act(window.page)
            take(window, folder, step, look)
        window.page.get_by_role("button", name="Take it back now").click()
        expect(window.page.get_by_role("status").first).to_contain_text("Taken back")
