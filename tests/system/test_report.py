# SPDX-License-Identifier: Apache-2.0
"""`report` and the past in `timeline`, of real runs on a real host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import fromstring

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host

HOSTILE = '"<script>alert(1)</script> & Co."'
JOBS = {
    "good": "command: [/bin/true]",
    "bad": f"name: {HOSTILE}, command: [/bin/sh, -c, exit 3]",
    "second-time": "retries: {max: 1, delay: 0}, "
    "command: [/bin/sh, -c, test $DEBVISOR_ATTEMPT = 2]",
    "held": "schedule: {on_calendar: '*:*:0/5'}, command: [/bin/true]",
    "slow": "command: [/bin/sleep, '3']",
    "under-way": "command: [/bin/sleep, '600']",
    "never": "command: [/bin/true]",
    "gone": "command: [/bin/true]",
}
WINDOW = """\
maintenance_windows:
  - {from: "2020-01-01 00:00", until: "2040-01-01 00:00", jobs: [held], reason: new disks}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A host on which jobs succeeded, failed, were retried, skipped, removed, or never ran."""
    with Box.boot(installed, hostname="zeus", timezone="Europe/Amsterdam") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, "alice"])
        box.run(["useradd", "--create-home", "--groups", "debvisor-timers", "bob"])
        host = Host(box)
        box.write(work.CONFIG, WINDOW, 0o640)
        host.apply(work.yaml(JOBS))
        some = ("good", "bad", "second-time", "gone", "slow")
        work.begin(host, *some, "under-way")
        work.await_ends(host, *some)
        host.await_run("held", "skipped")
        box.run(["systemctl", "stop", "debvisor-job-held.timer"])
        remaining = {job: keys for job, keys in JOBS.items() if job != "gone"}
        host.apply(work.yaml(remaining))
        box.run(["systemctl", "stop", "debvisor-job-held.timer"])
        work.await_ends(host, "held")
        yield host


def test_the_text_tells_what_happened(host: Host) -> None:
    told = host.cli("report", user="alice").stdout

    assert told.startswith("Jobs on zeus, ")
    assert "\n1 of 5 runs failed, of 1 job; it still fails.\n" in told
    failed = told.partition("\nFAILED\n")[2].partition("\n\n")[0]
    assert 'bad ("<script>alert(1)</script> & Co."): 1 of 1 run' not in failed
    assert "  bad (<script>alert(1)</script> & Co.): 1 of 1 run, and it still fails\n" in failed
    assert "failed (exit status 3)" in failed
    assert "second-time: 1 run of 1 succeeded only after a further attempt\n" in told
    assert re.search(r"  held: [0-9]+ starts? skipped: maintenance: new disks\n", told)
    assert re.search(r"\nNEVER RAN\n  held: .*\n  never: .*2099-01-01", told)
    assert "  under way now " in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_the_command_that_it_names_shows_why(host: Host) -> None:
    (failed,) = host.json("report", user="alice")["failed"]
    (run,) = failed["failures"]

    shown = host.json("history", "bad", user="alice")

    assert [run["run"] for run in shown] == [run["run"]]
    assert run["logs"] == ["debvisor-timers", "logs", "bad", "--run", run["run"]]


def test_the_html_is_written_into_a_file(host: Host) -> None:
    file = "/home/alice/report.html"

    host.cli("report", "--since", "1h", "--html", "--output", file, user="alice")

    page = host.box.read(file)
    assert page.startswith("<!DOCTYPE html>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co." in page
    assert "<script" not in page
    assert "Jobs on zeus" in page


def test_root_and_a_reader_are_told_the_same_numbers(host: Host) -> None:
    root, alice = host.json("report"), host.json("report", user="alice")

    assert root["totals"] == alice["totals"]
    assert [one["job"] for one in root["never_ran"]] == ["held", "never"]
    assert root["missed"] == alice["missed"]
    assert root["notes"] == alice["notes"] == []


def test_who_may_not_read_the_past_is_told_so(host: Host) -> None:
    refused = host.cli("report", user="bob", expect=4)

    assert "may not read the journal" in refused.stderr


def test_the_timeline_has_the_runs_of_today(host: Host) -> None:
    # What happened a minute before midnight is told by the week.
    answer = host.json("timeline", "--week", "today", user="alice")

    past = {
        job["job"]: sorted({run["outcome"] for run in job["past"]})
        for job in answer["jobs"]
        if job["past"]
    }
    assert past == {
        "good": ["succeeded"],
        "bad": ["failed"],
        "second-time": ["succeeded"],
        "held": ["skipped"],
        "slow": ["succeeded"],
        "under-way": ["running"],
        "gone": ["succeeded"],
    }
    slow = next(job["past"][0] for job in answer["jobs"] if job["job"] == "slow")
    assert 3 <= slow["duration_seconds"] < 10
    picture = host.cli("timeline", "--week", "today", user="alice").stdout
    for sign in ("✓", "✗", "»", "▶", "▼ now "):
        assert sign in picture
    assert "\nFailed: bad (1).\n" in picture
    assert "\nNot defined any more: gone.\n" in picture


def test_the_svg_tells_of_each_run_who_points_at_it(host: Host) -> None:
    svg = fromstring(host.cli("timeline", "--week", "today", "--svg", "-", user="alice").stdout)

    titles = [title.text or "" for title in svg.iter(f"{SVG}title")]
    assert any(re.match(r"bad: .*, failed \(exit status 3\) after .*, run 2", t) for t in titles)


def test_who_may_not_read_the_past_sees_the_calendars(host: Host) -> None:
    shown = host.cli("timeline", user="bob")

    assert "note: past runs are shown as the calendars have them: " in shown.stderr
    assert "a column is" in shown.stdout
