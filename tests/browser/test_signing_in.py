# SPDX-License-Identifier: Apache-2.0
"""Into the pages by a token, and out of them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.site import BASE, Site, sign_in


def test_a_page_leads_to_the_door_and_back(site: Site) -> None:
    with site.window() as window:
        page = window.page
        page.goto("/jobs/nightly-backup")
        expect(page).to_have_url(f"{BASE}/sign-in?next=%2Fjobs%2Fnightly-backup")

        page.get_by_label("Token").fill(site.tokens["viewer"])
        page.get_by_role("button", name="Sign in").click()

        expect(page).to_have_url(f"{BASE}/jobs/nightly-backup")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Nightly backup")


def test_a_wrong_token_is_refused_in_words(site: Site) -> None:
    with site.window() as window:
        window.page.goto("/sign-in")
        window.page.get_by_label("Token").fill("no such token")
        window.page.get_by_role("button", name="Sign in").click()

        expect(window.page.get_by_role("alert")).to_be_visible()
        assert window.page.context.cookies() == []
        window.forgive("401")


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(site: Site) -> None:
    with site.window("viewer") as window:
        cookies = [each for each in window.page.context.cookies() if each["name"] != "theme"]

        assert [(each["httpOnly"], each["sameSite"]) for each in cookies] == [(True, "Strict")]
        assert window.page.evaluate("document.cookie") == ""


def test_who_signs_out_is_out(site: Site) -> None:
    with site.window("viewer") as window:
        window.page.get_by_role("button", name="Sign out").click()
        window.page.wait_for_url("**/sign-in*")
        window.page.goto("/")

        expect(window.page.get_by_label("Token")).to_be_visible()


def test_a_token_that_is_revoked_ends_its_sessions(site: Site) -> None:
    made = site.host.json("token", "create", "leaver", "--role", "viewer")
    with site.window() as window:
        sign_in(window.page, made["token"])
        site.host.cli("token", "revoke", "leaver")
        window.page.goto("/")

        expect(window.page.get_by_label("Token")).to_be_visible()


def test_what_another_site_posts_changes_nothing(site: Site) -> None:
    with site.window("operator") as window:
        assert window.post("/jobs/scrub-pool/pause", csrf="guessed") == 403
        assert window.post("/jobs/scrub-pool/pause") == 403
    assert not site.is_paused("scrub-pool")
