# SPDX-License-Identifier: Apache-2.0
"""The first page: what needs attention, all jobs, finding some of them."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.browser.site import Look, Site, Window


def test_what_failed_stands_first(window: Window) -> None:
    attention = window.page.get_by_role("region", name="Needs attention")

    expect(attention.get_by_role("listitem").first).to_contain_text("Failed Renew certificates")
    expect(attention.get_by_role("listitem").first).to_contain_text("exit status 3")
    expect(attention).to_contain_text("Nightly backup")


def test_a_strip_says_in_words_what_it_shows(window: Window) -> None:
    row = window.page.get_by_role("row").filter(has_text="renew-certificates")

    strip = row.get_by_role("img").first
    expect(strip).to_have_accessible_name("the last 30 runs: 27 succeeded, 3 failed")


def test_jobs_are_found_while_typing(window: Window) -> None:
    page = window.page
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("certif")

    jobs = page.get_by_role("table").get_by_role("row")
    expect(jobs.filter(has_text="nightly-backup")).to_have_count(0)
    expect(jobs.filter(has_text="renew-certificates")).to_have_count(1)


def test_a_filter_shows_the_failed_alone(window: Window) -> None:
    window.page.get_by_role("navigation", name="Which jobs").get_by_text("Failed").click()

    rows = window.page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("renew-certificates")


def test_the_next_start_is_counted_down(window: Window) -> None:
    page = window.page
    site_clock = page.get_by_role("row").filter(has_text="nightly-backup").locator("time").last
    before = site_clock.get_attribute("datetime")

    assert before
    expect(site_clock).to_contain_text("in ")


def test_the_first_key_skips_the_navigation(window: Window) -> None:
    window.page.keyboard.press("Tab")
    skip = window.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    window.page.keyboard.press("Enter")

    expect(window.page.get_by_role("main")).to_be_focused()


def test_the_theme_is_remembered(site: Site) -> None:
    with site.window("viewer", Look(theme="light")) as window:
        page = window.page
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.get_by_role("button", name="Switch between light and dark").click()
        assert page.evaluate(background) != light
        page.goto("/timeline")

        assert page.evaluate(background) != light


def test_five_hundred_jobs_are_found_at_once(large_site: Site) -> None:
    with large_site.window("viewer") as window:
        page = window.page
        began = time.monotonic()
        page.goto("/")
        expect(page.get_by_role("main")).to_contain_text("500 jobs")
        shown = time.monotonic() - began
        page.get_by_role("searchbox").fill("export-wiki-3")

        rows = page.get_by_role("table").get_by_role("row")
        expect(rows).to_have_count(2)
        expect(rows.last).to_contain_text("export-wiki-3")
        assert shown < 3, f"it took {shown:.1f} s until the page was there"


def test_every_control_is_reached_by_keys_and_seen(window: Window) -> None:
    """A focus that is not shown is lost for those who have no other pointer."""
    page = window.page
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            break
        assert focused["seen"], focused["name"]
        reached.append(focused["name"])

    assert reached[0] == "Skip to the content"
    for name in ("Jobs", "Timeline", "Sign out", "New job", "Run Prune snapshots now"):
        assert name in reached
    assert reached.index("New job") < reached.index("Run Prune snapshots now")


_FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at);
  const ringed = [at, at.parentElement].some((each) => {
    const its = getComputedStyle(each);
    return its.outlineStyle !== 'none' || its.boxShadow !== 'none';
  });
  const name = at.getAttribute('aria-label') || at.innerText || at.getAttribute('name') || '';
  return {name: name.trim(), seen: ringed && style.visibility === 'visible'};
}"""
