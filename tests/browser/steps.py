# SPDX-License-Identifier: Apache-2.0
"""The steps of an edit, each as somebody at the page takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playwright.sync_api import Page, expect


def write_wrongly(page: Page) -> None:
    """Write an hour that there is not, and see it refused."""
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("Cron expression").fill("30 25 * * *")
    expect(page.get_by_role("region", name="Check")).to_contain_text("hour 25")


def plan(page: Page) -> None:
    """Write another time, and look at its plan."""
    page.get_by_label("Cron expression").fill("45 2 * * *")
    expect(page.get_by_role("region", name="Check")).to_contain_text("nothing is wrong")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan for")


def try_it(page: Page) -> None:
    """Let the plan be tried."""
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("timer")).to_be_visible()


STEPS: Mapping[str, Callable[[Page], None]] = {
    "edit-wrong": write_wrongly,
    "plan": plan,
    "trial": try_it,
}
