# SPDX-License-Identifier: Apache-2.0
"""Jobs made and changed on pages: checked, planned, applied, tried, taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import jobs
from tests.browser.site import POLICY, Look, Site, Window
from tests.system import work

FILE = "/etc/debvisor/timers/jobs.d/jobs.yaml"
UNIT = "/etc/systemd/system/debvisor-job-{job}.timer"


@pytest.fixture(autouse=True)
def unchanged(site: Site) -> Iterator[None]:
    """Let each test find the five jobs as they are written, and leave no trial."""
    site.host.box.write(work.CONFIG, POLICY, 0o640)
    yield
    site.host.box.run("systemctl start debvisor-timers-undo-try.service", check=False)
    site.host.box.run("find /etc/debvisor/timers/jobs.d -name '*.yaml' ! -name jobs.yaml -delete")
    site.host.apply(jobs.FIVE, "--overwrite-edits")


@pytest.fixture
def editor(site: Site) -> Iterator[Window]:
    with site.window("editor") as window:
        yield window


def checked(page: Page) -> Locator:
    """Return the part of the page with what the check has found."""
    return page.get_by_role("region", name="Check")


def to_plan(page: Page) -> None:
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan for")


def change_cron(page: Page, cron: str) -> None:
    """Write another cron expression into the form of the nightly backup, and go to its plan."""
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("Cron expression").fill(cron)
    expect(checked(page)).to_contain_text("nothing is wrong")
    to_plan(page)


def test_a_job_is_made_by_the_form_and_fires(site: Site, editor: Window) -> None:
    page = editor.page
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Name", exact=True).fill("Every five seconds")
    expect(page.get_by_label("Id", exact=True)).to_have_value("every-five-seconds")
    page.get_by_text("Calendar of systemd").click()
    page.get_by_label("Times", exact=True).fill("*:*:0/5")
    page.get_by_label("Command", exact=True).last.fill(f"{jobs.WORK} 0 0")
    coming = page.get_by_role("region", name="Next runs").get_by_role("listitem")
    expect(coming).to_have_count(5)
    expect(page.get_by_label("YAML of")).to_have_value(re.compile("every-five-seconds:"))
    to_plan(page)
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("status").first).to_contain_text("Created")
    runs = page.locator("#runs")
    expect(runs).to_contain_text("succeeded", timeout=30_000)
    expect(runs).to_contain_text("timer")
    assert "debvisor-job-every-five-seconds.timer" in site.host.running_timers()


def test_what_is_wrong_is_said_as_the_command_line_does(site: Site, editor: Window) -> None:
    page = editor.page
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("Cron expression").fill("30 25 * * *")
    found = checked(page)
    expect(found).to_contain_text("hour 25 is outside 0-23")
    expect(found).to_contain_text("not applicable yet")

    text = page.get_by_label("YAML of").input_value()
    site.host.box.write("/root/jobs.yaml", text)
    said = site.host.json("check", "/root/jobs.yaml", expect=3)
    first = said["problems"][0]
    expect(found.get_by_role("button")).to_have_text(f"{first['line']}:{first['column']}")
    expect(found).to_contain_text(first["message"])
    expect(found).to_contain_text(first["fix"])

    found.get_by_role("button").click()
    expect(page.get_by_label("YAML of")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == "25"


def test_what_is_wrong_is_not_applied(site: Site, editor: Window) -> None:
    page = editor.page
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("YAML of").fill(jobs.FIVE.replace("timeout: 1h", "timeuot: 1h"))
    expect(checked(page)).to_contain_text("did you mean 'timeout'?")
    page.get_by_role("button", name="Show the plan").click()

    expect(page.get_by_role("alert")).to_be_visible()
    assert site.host.box.read(FILE) == jobs.FIVE
    editor.forgive("422")


def test_an_edit_is_planned_then_applied(site: Site, editor: Window) -> None:
    page = editor.page
    change_cron(page, "45 2 * * *")
    expect(page.get_by_role("region", name="Difference of the file")).to_contain_text("45 2 * * *")
    assert site.host.box.read(FILE) == jobs.FIVE
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("status").first).to_contain_text("Saved, and applied.")
    assert site.host.box.read(FILE) == jobs.FIVE.replace("30 1 * * *", "45 2 * * *", 1)
    assert "OnCalendar=*-*-* 02:45:00" in site.host.box.read(UNIT.format(job="nightly-backup"))


def test_a_trial_that_nobody_keeps_is_taken_back(site: Site, editor: Window) -> None:
    page = editor.page
    change_cron(page, "45 2 * * *")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("is on trial")
    expect(page.get_by_role("timer")).to_contain_text("4:")
    assert "OnCalendar=*-*-* 02:45:00" in site.host.box.read(UNIT.format(job="nightly-backup"))

    # What the timer of the trial starts when its time is over.
    site.host.box.run(["systemctl", "start", "debvisor-timers-undo-try.service"])

    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing is on trial")
    assert site.host.box.read(FILE) == jobs.FIVE
    assert "OnCalendar=*-*-* 01:30:00" in site.host.box.read(UNIT.format(job="nightly-backup"))


def test_a_trial_is_taken_back_by_hand(site: Site, editor: Window) -> None:
    page = editor.page
    change_cron(page, "45 2 * * *")
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Take it back now").click()

    expect(page.get_by_role("status").first).to_contain_text("Taken back")
    assert site.host.box.read(FILE) == jobs.FIVE


def test_a_trial_is_kept(site: Site, editor: Window) -> None:
    page = editor.page
    change_cron(page, "45 2 * * *")
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Keep it").click()

    expect(page.get_by_role("status").first).to_contain_text("Kept")
    assert "45 2 * * *" in site.host.box.read(FILE)
    assert not site.host.box.run("systemctl list-timers --all | grep undo-try", check=False).stdout


def test_days_of_clock_changes_are_marked(editor: Window) -> None:
    """The last Sunday of March is among the next five Sundays of March, whenever that is."""
    page = editor.page
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("Time zone").fill("Europe/Amsterdam")
    page.get_by_label("Cron expression").fill("30 2 * 3 sun")
    coming = page.get_by_role("region", name="Next runs")

    expect(coming).to_contain_text("clocks go forward on this day, from 02:00 to 03:00")
    expect(coming.get_by_role("listitem")).to_have_count(5)


def test_two_editors_do_not_overwrite_each_other(site: Site, editor: Window) -> None:
    page = editor.page
    page.goto("/jobs/nightly-backup/edit")
    page.get_by_label("Cron expression").fill("45 2 * * *")
    expect(checked(page)).to_contain_text("nothing is wrong")
    site.host.cli("job", "update", "nightly-backup", "--timeout", "2h")
    page.get_by_role("button", name="Show the plan").click()

    expect(page.get_by_role("alert")).to_contain_text("changed by somebody else")
    assert "timeout: 2h" in site.host.box.read(FILE)
    editor.forgive("409")


def test_what_the_policy_forbids_is_said_before_it_is_asked_for(site: Site, editor: Window) -> None:
    site.host.box.write(work.CONFIG, "", 0o640)
    page = editor.page
    page.goto("/new")
    page.get_by_role("radiogroup", name="What it runs").get_by_text("Command").click()
    page.get_by_label("Command", exact=True).last.fill("/bin/true")

    expect(checked(page)).to_contain_text("the policy of this host does not allow it")


def test_a_job_is_deleted_once_its_id_was_written(site: Site, editor: Window) -> None:
    page = editor.page
    page.goto("/jobs/scrub-pool/edit")
    page.get_by_text("Delete this job").click()
    page.get_by_label("Write scrub-pool to delete it").fill("scrub-pool")
    page.get_by_role("button", name="Delete").click()

    expect(page.get_by_role("status").first).to_contain_text("Deleted")
    assert "scrub-pool" not in site.host.box.read(FILE)


def test_a_job_is_changed_without_scripts(site: Site) -> None:
    with site.window("editor", Look(scripts=False)) as window:
        page = window.page
        page.goto("/jobs/nightly-backup/edit")
        page.get_by_label("Cron expression").fill("30 25 * * *")
        page.get_by_role("button", name="Show the plan").click()
        expect(checked(page)).to_contain_text("hour 25 is outside 0-23")
        window.forgive("422")
        page.get_by_label("Cron expression").fill("45 2 * * *")
        to_plan(page)
        page.get_by_role("button", name="Apply").click()

        expect(page.get_by_role("status").first).to_contain_text("Saved, and applied.")
    assert site.host.box.read(FILE) == jobs.FIVE.replace("30 1 * * *", "45 2 * * *", 1)
