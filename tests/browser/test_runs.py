# SPDX-License-Identifier: Apache-2.0
"""Runs as they happen: by the clock and by hand, their logs, failures, retries, pauses."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import jobs
from tests.browser.site import Site, Window

NEVER = '{on_calendar: "2099-01-01 00:00:00"}'
JOBS = f"""\
jobs:
  ticking:
    name: Ticks
    schedule: {{on_calendar: "*:*:0/5"}}
    command: [{jobs.WORK}, "0", "0"]
  chatty:
    name: Says a lot
    schedule: {NEVER}
    command: [{jobs.WORK}, "5", "0"]
  endless:
    name: Goes on
    schedule: {NEVER}
    command: [{jobs.WORK}, "300", "0"]
  fragile:
    name: Fragile
    schedule: {NEVER}
    script: |
      echo "looking for the disk"
      test -e /run/disk || {{ echo "there is no disk" >&2; exit 7; }}
      echo "the disk is there"
  second-time:
    name: Second time lucky
    schedule: {NEVER}
    retries: {{max: 2, delay: 1}}
    script: |
      echo "attempt $DEBVISOR_ATTEMPT"
      test "$DEBVISOR_ATTEMPT" = 2
"""


@pytest.fixture(scope="module", autouse=True)
def trials(site: Site) -> None:
    site.host.write(JOBS, "trials.yaml")
    site.host.apply()


def run_now(page: Page, job: str) -> None:
    """Start a job by the button of its page, and go to the page of the run."""
    page.goto(f"/jobs/{job}")
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(f"/jobs/{job}"))
    page.locator("#runs").get_by_role("link", name="running").first.click()
    page.wait_for_url("**/runs/*")


def test_a_job_fires_while_its_page_is_looked_at(window: Window) -> None:
    window.page.goto("/jobs/ticking")
    runs = window.page.locator("#runs").get_by_role("row")
    before = runs.count()

    expect(runs.nth(before + 1)).to_be_visible(timeout=30_000)
    expect(runs.nth(1)).to_contain_text(re.compile("succeeded|running"))
    expect(runs.nth(2)).to_contain_text("timer")


def test_a_log_is_watched_while_it_is_written(window: Window) -> None:
    page = window.page
    run_now(page, "chatty")
    log = page.get_by_role("log")

    expect(log).to_contain_text("step 4: copied 148 MiB")
    expect(page.get_by_role("main")).to_contain_text("live")
    expect(log).not_to_contain_text("the end")
    expect(log).to_contain_text("step 12: copied 444 MiB")
    expect(log).to_contain_text("the end")
    expect(page.get_by_role("main")).to_contain_text("succeeded")


def test_both_outputs_are_told_apart(window: Window) -> None:
    page = window.page
    page.goto("/jobs/chatty")
    page.locator("#runs").get_by_role("link", name="succeeded").first.click()
    lines = page.get_by_role("log").get_by_role("listitem")
    said = lines.filter(has_text="copied 111 MiB")
    complained = lines.filter(has_text="step 3: the disk answers slowly")

    expect(said).to_contain_text("out")
    expect(complained).to_contain_text("err")
    page.get_by_text("stderr", exact=True).click()
    expect(said).to_be_hidden()
    expect(complained).to_be_visible()


def test_a_failure_is_seen_explained_and_mended_by_a_retry(site: Site, window: Window) -> None:
    page = window.page
    page.goto("/jobs/fragile")
    page.get_by_role("button", name="Run now").click()
    page.goto("/")
    failed = page.get_by_role("region", name="Needs attention").get_by_role("listitem")
    fragile = failed.filter(has_text="Fragile")
    expect(fragile).to_contain_text("exit status 7")

    fragile.get_by_role("link", name="Log").click()
    expect(page.get_by_role("log")).to_contain_text("there is no disk")
    site.host.box.run(["touch", "/run/disk"])
    page.get_by_role("button", name="Retry").click()

    newest = page.locator("#runs").get_by_role("row").nth(1)
    expect(newest).to_contain_text("succeeded")
    page.goto("/")
    expect(page.get_by_role("region", name="Needs attention")).not_to_contain_text("Fragile")


def test_attempts_of_a_run_are_told_one_by_one(window: Window) -> None:
    page = window.page
    page.goto("/jobs/second-time")
    page.get_by_role("button", name="Run now").click()
    succeeded = page.locator("#runs").get_by_role("link", name="succeeded")
    succeeded.click()

    attempts = page.get_by_role("region", name="Attempts").get_by_role("row")
    expect(attempts).to_have_count(3)
    expect(attempts.nth(1)).to_contain_text("failed")
    expect(attempts.nth(2)).to_contain_text("succeeded")
    expect(page.get_by_role("log")).to_contain_text("attempt 1")
    expect(page.get_by_role("log")).to_contain_text("attempt 2")


def test_a_run_is_stopped(site: Site, window: Window) -> None:
    page = window.page
    run_now(page, "endless")
    expect(page.get_by_role("log")).to_contain_text("step 3")
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("main")).to_contain_text("stopped")
    assert site.host.show("debvisor-job-endless.service", "ActiveState")["ActiveState"] != "active"


def test_a_paused_job_does_not_fire_until_it_is_resumed(site: Site, window: Window) -> None:
    page = window.page
    page.goto("/jobs/ticking")
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("paused")
    assert site.is_paused("ticking")
    runs = page.locator("#runs").get_by_role("row")
    expect(runs.nth(1)).to_contain_text("skipped", timeout=30_000)

    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("paused")
    expect(runs.nth(1)).to_contain_text("succeeded", timeout=30_000)
    assert not site.is_paused("ticking")


def test_the_audit_names_the_token(site: Site) -> None:
    with site.window("operator") as window:
        window.page.goto("/jobs/scrub-pool")
        window.page.get_by_role("button", name="Skip next").click()
        expect(window.page.get_by_role("button", name="Do not skip")).to_be_visible()
        window.page.get_by_role("button", name="Do not skip").click()
        expect(window.page.get_by_role("button", name="Skip next")).to_be_visible()
        window.page.goto("/audit")

        main = window.page.get_by_role("main")
        expect(main).to_contain_text("browser-operator")
        expect(main).to_contain_text("scrub-pool")
