# SPDX-License-Identifier: Apache-2.0
"""The other pages: time, graph, tokens, settings; all of them without scripts; hostile words."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import jobs
from tests.browser.places import small
from tests.browser.site import POLICY, Look, Site, Window, sign_in
from tests.system import work

HOSTILE = """\
jobs:
  hostile:
    name: "<img src=x onerror=document.title='caught'> & </script>"
    description: "\\"'><b id=caught>"
    owner: "{{ 7 * 7 }}"
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    script: |
      printf '<script>document.title="caught"</script>\\n\\033[31mred\\033[0m \\a\\n'
      echo '<b id=caught>' >&2
"""


def test_a_day_shows_past_runs_and_those_to_come(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Timeline").click()
    failed = page.get_by_role("link", name=re.compile("04:00.*failed|failed.*04:00"))
    expect(failed).to_have_count(1)
    failed.click()

    expect(page).to_have_url(re.compile("/jobs/renew-certificates/runs/"))
    expect(page.get_by_role("main")).to_contain_text("failed")


def test_a_week_is_one_click_away_and_zooms(window: Window) -> None:
    page = window.page
    page.goto("/timeline")
    page.get_by_role("link", name="Week").click()
    expect(page).to_have_url(re.compile("week"))
    page.get_by_role("link", name="4×").click()

    expect(page.get_by_role("link", name="4×")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("main")).to_contain_text("Scrub the pool")


def test_the_graph_leads_to_jobs(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Graph").click()
    page.get_by_role("link", name=re.compile("^Verify the backup")).first.click()

    expect(page).to_have_url(re.compile("/jobs/verify-backup$"))
    around = page.get_by_role("region", name="Around it")
    expect(around).to_contain_text("nightly-backup")
    expect(around).to_contain_text("prune-snapshots")


def test_a_token_is_shown_once_works_and_is_revoked(site: Site, window: Window) -> None:
    page = window.page
    page.goto("/tokens")
    page.get_by_label("Name").fill("made-here")
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("button", name="Make token").click()
    secret = page.get_by_label("The token").inner_text()
    page.goto("/tokens")
    expect(page.get_by_role("main")).not_to_contain_text(secret)

    with site.window() as other:
        sign_in(other.page, secret)
        expect(other.page.get_by_role("banner")).to_contain_text("made-here")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Revoke made-here").click()
        expect(page.get_by_role("status").first).to_contain_text("Revoked")
        other.page.goto("/")
        expect(other.page.get_by_label("Token")).to_be_visible()


def test_settings_tell_no_secret(site: Site, window: Window) -> None:
    channels = "channels: {ops: {webhook: {url: 'https://ops:hush-hush@x.invalid/'}}}\n"
    site.host.box.write(work.CONFIG, channels, 0o640)
    window.page.goto("/settings")
    site.host.box.write(work.CONFIG, POLICY, 0o640)

    expect(window.page.get_by_role("main")).to_contain_text("ops")
    assert "hush-hush" not in window.page.content()


def test_every_page_is_read_without_scripts(site: Site) -> None:
    titles = {
        "overview": "Jobs",
        "job": "Nightly backup",
        "run": "Nightly backup",
        "graph": "Graph",
        "audit": "Audit",
        "tokens": "Tokens",
        "settings": "Settings",
        "new": "New job",
        "edit": "Edit nightly-backup",
    }
    with site.window("admin", Look(scripts=False)) as window:
        for name, path in small(site).items():
            window.page.goto(path)
            heading = window.page.get_by_role("heading", level=1)
            expect(heading).to_contain_text(titles.get(name, ""))


def test_buttons_work_without_scripts(site: Site) -> None:
    with site.window("operator", Look(scripts=False)) as window:
        page = window.page
        page.get_by_role("button", name="Pause Scrub the pool").click()
        expect(page.get_by_role("row").filter(has_text="scrub-pool")).to_contain_text("paused")
        assert site.is_paused("scrub-pool")
        page.get_by_role("button", name="Resume Scrub the pool").click()
        expect(page.get_by_role("row").filter(has_text="scrub-pool")).not_to_contain_text("paused")


def test_words_of_others_are_words_on_every_page(site: Site, window: Window) -> None:
    site.host.write(HOSTILE, "hostile.yaml")
    site.host.apply()
    work.start(site.host, "hostile")
    run = site.host.json("history", "hostile")[0]["run"]
    page = window.page
    for path in (*small(site).values(), "/jobs/hostile", f"/jobs/hostile/runs/{run}"):
        page.goto(path)
        assert page.title() != "caught", path
        expect(page.locator("#caught")).to_have_count(0)
        expect(page.locator("img")).to_have_count(0)
    expect(page.get_by_role("log")).to_contain_text('<script>document.title="caught"</script>')
    site.host.apply(jobs.FIVE, "--overwrite-edits")
    site.host.box.run(["rm", "/etc/debvisor/timers/jobs.d/hostile.yaml"])
    site.host.apply()
