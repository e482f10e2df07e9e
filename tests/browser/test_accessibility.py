# SPDX-License-Identifier: Apache-2.0
"""What axe finds: nothing, on any page, in both themes, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.places import LARGE, NOT_FOUND, small
from tests.browser.site import PHONE, WIDE, Look, Site
from tests.browser.steps import STEPS

LOOKS = [Look(theme="light"), Look(theme="dark"), Look(width=PHONE, theme="dark")]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.theme}")
def test_axe_finds_nothing(site: Site, look: Look) -> None:
    found: list[str] = []
    with site.window("admin", look) as window:
        for path in small(site).values():
            window.page.goto(path)
            found += [f"{path}: {problem}" for problem in axe.problems(window.page)]

    assert not found, "\n".join(found)


def test_axe_finds_nothing_where_there_are_many_jobs(large_site: Site) -> None:
    found: list[str] = []
    with large_site.window("viewer", Look(width=WIDE)) as window:
        for path in LARGE.values():
            window.page.goto(path)
            found += [f"{path}: {problem}" for problem in axe.problems(window.page)]

    assert not found, "\n".join(found)


def test_axe_finds_nothing_at_the_door(site: Site) -> None:
    with site.window() as window:
        window.page.goto("/sign-in")
        assert axe.problems(window.page) == []


def test_axe_finds_nothing_where_nothing_is(site: Site) -> None:
    with site.window("viewer") as window:
        window.page.goto(NOT_FOUND)
        assert axe.problems(window.page) == []
        window.forgive("404")


def test_axe_finds_nothing_on_the_steps_of_an_edit(site: Site) -> None:
    found: list[str] = []
    with site.window("editor") as window:
        for step, act in STEPS.items():
            act(window.page)
            found += [f"{step}: {problem}" for problem in axe.problems(window.page)]
        window.page.get_by_role("button", name="Take it back now").click()
        expect(window.page.get_by_role("status").first).to_contain_text("Taken back")

    assert not found, "\n".join(found)
