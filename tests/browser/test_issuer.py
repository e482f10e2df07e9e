# SPDX-License-Identifier: Apache-2.0
"""Into the pages by an OpenID provider that is not ours: Canaille."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.box import Box, Layer
from tests.browser import axe, chromium, jobs, pictures
from tests.browser.issuer import BUTTON, SECRET, SETTINGS, URL, Issuer, consent, sign_in
from tests.browser.site import BASE, PHONE, POLICY, WIDE, Look, Site, Window, prepare
from tests.system import work
from tests.system.host import Host

SECRET_FILE = "/etc/credstore/debvisor-timers-web.oidc-secret"
NETWORK = """
mkdir -p /etc/systemd/system/debvisor-timers-web.service.d
cp /usr/share/doc/debvisor-timers-web/examples/network.conf \
    /etc/systemd/system/debvisor-timers-web.service.d/
chgrp debvisor-timers /etc/debvisor/timers/config.yaml
systemctl daemon-reload
"""
LOOKS = [Look(width=width, theme=theme) for width in (WIDE, PHONE) for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def issued(
    layer: Layer, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Issuer]]:
    """A host whose people sign in elsewhere."""
    folder = tmp_path_factory.mktemp("issuer")
    with Box.boot(layer, hostname="hera") as box:
        host = Host(box)
        prepare(host, jobs.FIVE)
        box.run("mkdir -p -m 0700 /etc/credstore")
        box.write(SECRET_FILE, SECRET, 0o600)
        box.write(work.CONFIG, POLICY + SETTINGS, 0o640)
        box.run(NETWORK)
        issuer = Issuer(box, folder / "log")
        issuer.start()
        browser = chromium.launch(playwright, box, folder)
        yield Site(host, browser), issuer
        browser.close()
        issuer.stop()


@pytest.fixture
def site(issued: tuple[Site, Issuer]) -> Site:
    return issued[0]


@pytest.fixture(autouse=True)
def issuer(issued: tuple[Site, Issuer]) -> Issuer:
    issued[1].tell("forget")
    return issued[1]


def enter(page: Page, path: str = "/") -> None:
    """Go to a page of ours, and from its door to the provider."""
    page.goto(path)
    page.get_by_role("link", name=BUTTON).click()


@contextmanager
def visited(site: Site) -> Iterator[Window]:
    """Yield a window; what pages of the provider lack is not our fault."""
    with site.window() as window:
        yield window
        window.forgive("404")


def test_who_signs_in_there_is_signed_in_here_on_the_first_page(site: Site) -> None:
    with visited(site) as window:
        page = window.page
        enter(page, "/jobs/nightly-backup")
        sign_in(page, "anna")
        consent(page)

        expect(page).to_have_url(f"{BASE}/jobs/nightly-backup")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Nightly backup")
        expect(page.get_by_role("banner")).to_contain_text("anna admin")
        (cookie,) = [each for each in page.context.cookies(BASE) if "debvisor" in each["name"]]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto("/")
        expect(page.get_by_label("Token")).to_be_visible()
        page.get_by_role("link", name=BUTTON).click()  # still known there, and asked nothing
        expect(page.get_by_role("banner")).to_contain_text("anna admin")


def test_a_group_gives_the_role_and_none_gives_none(site: Site, issuer: Issuer) -> None:
    with visited(site) as window:
        enter(window.page)
        sign_in(window.page, "vic")
        consent(window.page)
        expect(window.page.get_by_role("banner")).to_contain_text("vic viewer")

    issuer.tell("forget")
    with visited(site) as window:
        page = window.page
        enter(page)
        sign_in(page, "bob")
        consent(page)
        why = page.get_by_role("alert")
        expect(why).to_contain_text("The issuer knows 'bob', who has no role here.")
        expect(why).to_contain_text("groups has to name one of: timers-admins, timers-viewers.")
        page.get_by_role("link", name=BUTTON).click()  # as somebody else
        sign_in(page, "vic")
        expect(page.get_by_role("banner")).to_contain_text("vic viewer")
        window.forgive("403")


def test_who_declines_is_told_so(site: Site) -> None:
    with visited(site) as window:
        enter(window.page)
        sign_in(window.page, "anna")
        window.page.locator("#deny").click()

        expect(window.page.get_by_role("alert")).to_contain_text("The issuer has refused: access")
        expect(window.page.get_by_role("link", name=BUTTON)).to_be_visible()
        window.forgive("401")


def test_a_way_back_that_nobody_waits_for_leads_nowhere(site: Site) -> None:
    with visited(site) as window:
        window.page.goto("/sign-in/done?state=guessed&code=stolen")
        expect(window.page.get_by_role("alert")).to_contain_text("begun in another window")
        window.forgive("400")


def test_a_token_for_another_sign_in_is_not_taken(site: Site) -> None:
    with visited(site) as window:
        page = window.page
        with page.expect_request(f"{URL}/oauth/authorize*") as asked:
            enter(page)
        there = asked.value.url
        nonce = parse_qs(urlsplit(there).query)["nonce"][0]
        page.goto(there.replace(nonce, "another"))
        sign_in(page, "anna")
        consent(page)

        expect(page.get_by_role("alert")).to_contain_text("is not for this sign-in")
        window.forgive("401")


def test_a_code_is_good_once(site: Site) -> None:
    with visited(site) as window:
        page = window.page
        enter(page)
        sign_in(page, "anna")
        state = page.context.storage_state()
        with page.expect_request(f"{BASE}/sign-in/done*") as back:
            consent(page)
        expect(page).to_have_url(f"{BASE}/")

        page.goto("about:blank")
        page.context.clear_cookies()
        page.context.add_cookies([{**each} for each in state["cookies"]])
        page.goto(back.value.url)
        expect(page.get_by_role("alert")).to_contain_text("The issuer has refused: invalid_grant")
        window.forgive("401")


def test_an_issuer_that_is_away_is_told_at_once(site: Site, issuer: Issuer) -> None:
    with visited(site) as window:
        page = window.page
        enter(page)
        sign_in(page, "anna")

        site.host.box.run("systemctl kill --signal=STOP debvisor-timers-web.service")
        try:
            with page.expect_request(f"{BASE}/sign-in/done*"):
                consent(page)
            issuer.stop()
        finally:
            site.host.box.run("systemctl kill --signal=CONT debvisor-timers-web.service")
        try:
            why = page.get_by_role("alert")
            expect(why).to_contain_text("The issuer cannot be asked")
            expect(why).to_contain_text("Connection refused")
            for _ in range(2):
                page.get_by_role("link", name=BUTTON).click()
                expect(page).to_have_url(f"{BASE}/sign-in/oidc?next=%2F")
                expect(page.get_by_role("alert")).to_contain_text("The issuer c")
            window.forgive("503")
        finally:
            issuer.start()
            site.host.box.run("systemctl restart debvisor-timers-web.service")
            answers = f"curl --fail --silent {BASE}/api/v1/health"
            site.host.box.wait_until(answers, 30, "the server answers")


def test_who_is_disabled_there_is_out_here(site: Site, issuer: Issuer) -> None:
    issuer.tell("expire", "1")
    with visited(site) as window:
        page = window.page
        enter(page)
        sign_in(page, "anna")
        consent(page)
        expect(page.get_by_role("banner")).to_contain_text("anna admin")
        asked = issuer.granted()

        def is_asked_again() -> bool:
            page.goto("/")
            expect(page.get_by_role("banner")).to_contain_text("anna admin")
            return issuer.granted() > asked

        def is_out() -> bool:
            page.goto("/")
            return str(page.url).startswith(URL)

        site.host.box.wait_until(is_asked_again, 60, "the issuer is asked again")
        issuer.tell("lock", "anna")
        site.host.box.wait_until(is_out, 60, "who is disabled is sent to the issuer")
        expect(page.locator("input[name=login]")).to_be_visible()
    issuer.tell("unlock", "anna")
    issuer.tell("expire", "3600")


def test_an_access_token_of_it_is_good_for_the_api(site: Site, issuer: Issuer) -> None:
    def status(name: str, path: str) -> str:
        header = f"Authorization: Bearer {issuer.token(name)}"
        return site.host.box.run(
            ["curl", "-s", "-o/root/said", "-w%{http_code}", f"-H{header}", f"{BASE}/api/v1{path}"]
        ).stdout

    assert [status("anna", "/tokens"), status("vic", "/tokens")] == ["200", "403"]
    assert status("vic", "/jobs") == "200"
    assert status("bob", "/jobs") == "403"
    assert "groups has to name one of" in site.host.box.read("/root/said")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}-{look.theme}")
def test_the_door_fits_its_window(site: Site, tmp_path: Path, look: Look) -> None:
    folder = pictures.folder(tmp_path)
    with site.window("", look) as window:
        page = window.page
        for name, path in {"door": "/sign-in", "door-refused": "/sign-in/done"}.items():
            page.goto(path)
            assert axe.problems(page) == []
            pictures.take(page, folder / f"{name}-{look.width}-{look.theme}.png")
            assert pictures.too_wide(page) == []
        window.forgive("400")
