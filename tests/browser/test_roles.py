# SPDX-License-Identifier: Apache-2.0
"""What each role is offered, and what it is refused though it asks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site

BUTTONS = {"operator": "Run now", "editor": "Edit", "admin": "Tokens"}


@pytest.mark.parametrize(
    ("role", "run", "edit", "tokens"),
    [
        ("viewer", False, False, False),
        ("operator", True, False, False),
        ("editor", True, True, False),
        ("admin", True, True, True),
    ],
)
def test_a_role_sees_what_it_may_do(
    site: Site, role: str, run: bool, edit: bool, tokens: bool
) -> None:
    with site.window(role) as window:
        page = window.page
        expect(page.get_by_role("link", name="New job")).to_have_count(int(edit))
        expect(page.get_by_role("link", name="Tokens")).to_have_count(int(tokens))
        expect(page.get_by_role("button", name="Run Prune snapshots now")).to_have_count(int(run))

        page.goto("/jobs/prune-snapshots")
        expect(page.get_by_role("button", name="Run now")).to_have_count(int(run))
        expect(page.get_by_role("button", name="Pause")).to_have_count(int(run))
        expect(page.get_by_role("link", name="Edit")).to_have_count(int(edit))


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("viewer", "/jobs/prune-snapshots/run"),
        ("viewer", "/jobs/prune-snapshots/pause"),
        ("operator", "/jobs/prune-snapshots/edit"),
        ("operator", "/new"),
    ],
)
def test_a_role_is_refused_what_it_was_not_offered(site: Site, role: str, path: str) -> None:
    with site.window(role) as window:
        csrf = window.page.locator('meta[name="csrf"]').get_attribute("content")

        assert csrf
        assert window.post(path, csrf=csrf) == 403


@pytest.mark.parametrize("path", ["/new", "/jobs/prune-snapshots/edit", "/tokens"])
def test_a_viewer_who_knows_the_address_reads_why_not(site: Site, path: str) -> None:
    with site.window("viewer") as window:
        answer = window.page.goto(path)

        assert answer
        assert answer.status == 403
        expect(window.page.get_by_role("main")).to_contain_text("role")
        window.forgive("403")
