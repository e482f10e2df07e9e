# SPDX-License-Identifier: Apache-2.0
"""The first page: what needs attention, then all jobs."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from debvisor_timers.operations.holding.pause import Wish
from debvisor_timers.operations.holding.selecting import Choice
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.kept_runs import keep, nightly_runs
from tests.unit.operations.last_runs import FAILED_AT_TWO, SUCCEEDED_AT_TWO, note_last
from tests.unit.operations.world import NIGHTLY, TWO
from tests.unit.web.served import Served

STRANGE = """\
jobs:
  strange:
    name: <b>bold</b> & "quoted"
    schedule: "0 2 * * *"
    command: [/bin/true]
"""


def names(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="/jobs/([^"]+)"', html)


def many(count: int) -> str:
    lines = [f"  job-{number:03}: {{command: [/bin/true]}}" for number in range(count)]
    return "\n".join(["jobs:", *lines, ""])


def test_no_jobs_are_told_how_to_begin(viewer: TestClient) -> None:
    html = viewer.get("/").text

    assert "No jobs yet" in html
    assert "Nothing needs attention" in html


def test_every_job_is_there_with_its_schedule_and_next_start(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(TWO)

    html = viewer.get("/").text

    assert names(html) == ["hourly", "nightly"]
    assert "every day at 02:00" in html
    assert 'datetime="2026-11-24T02:00:00+00:00"' in html
    assert "2 jobs" in html


def test_what_users_write_stays_text(served: Served, viewer: TestClient) -> None:
    served.world.apply(STRANGE)

    html = viewer.get("/").text

    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &#34;quoted&#34;" in html
    assert "<b>bold" not in html


def test_a_failed_job_needs_attention_before_all_others(served: Served, viewer: TestClient) -> None:
    served.world.apply(TWO)
    note_last(served.world, "nightly", FAILED_AT_TWO)

    html = viewer.get("/").text

    attention, _, rows = html.partition("All jobs")
    assert "exit status 3" in attention
    assert '<a href="/jobs/nightly">' in attention
    assert "/jobs/nightly/runs/20261123T020000Z-4f2a9c" in attention
    assert names(rows) == ["hourly", "nightly"]


def test_drift_needs_attention(served: Served, viewer: TestClient) -> None:
    served.world.apply(TWO)
    served.world.write(NIGHTLY)

    html = viewer.get("/").text

    assert "Pending" in html.partition("All jobs")[0]
    assert "debvisor-timers apply" in html


def test_a_file_that_is_wrong_is_told_with_its_place(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    served.world.write(
        'jobs:\n  bad:\n    schedule: "0 25 * * *"\n    command: [/bin/true]\n', "b.yaml"
    )

    html = viewer.get("/").text

    assert "b.yaml:3:18" in html
    assert "hour 25" in html


def test_the_strip_shows_the_runs(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    keep(served.world, nightly_runs([60.0, 60.0, 60.0]))

    assert 'aria-label="the last 3 runs: 3 succeeded"' in viewer.get("/").text


def test_jobs_are_found_by_words(served: Served, viewer: TestClient) -> None:
    served.world.apply(many(3))

    assert names(viewer.get("/", params={"q": "JOB-001"}).text) == ["job-001"]
    assert "None of the 3 jobs is like that" in viewer.get("/", params={"q": "nope"}).text


def test_jobs_are_found_by_state(served: Served, viewer: TestClient) -> None:
    served.world.apply(TWO)
    note_last(served.world, "nightly", FAILED_AT_TWO)
    note_last(served.world, "hourly", SUCCEEDED_AT_TWO)
    Scheduler(served.world.host).pause(Choice(jobs=("hourly",)), Wish())

    assert names(viewer.get("/", params={"show": "failed"}).text) == ["nightly"]
    assert names(viewer.get("/", params={"show": "paused"}).text) == ["hourly"]
    assert names(viewer.get("/", params={"show": "no-such"}).text) == ["hourly", "nightly"]


def test_the_next_to_start_can_come_first(served: Served, viewer: TestClient) -> None:
    served.world.apply(TWO.replace("hourly", "often"))

    assert names(viewer.get("/", params={"sort": "next"}).text) == ["often", "nightly"]


def test_many_jobs_come_a_hundred_at_a_time(served: Served, viewer: TestClient) -> None:
    served.world.apply(many(205))

    first, last = viewer.get("/").text, viewer.get("/", params={"page": "3"}).text

    assert len(names(first)) == 100
    assert names(last) == [f"job-{number}" for number in range(200, 205)]
    assert "201 to 205 of 205" in last
    assert 'href="/?page=2" rel="next"' in first
    assert names(viewer.get("/", params={"page": "99"}).text) == names(last)


def test_only_who_may_run_jobs_has_buttons_for_it(served: Served) -> None:
    served.world.apply(TWO)

    seen = {role: served.as_role(role).get("/").text for role in ("viewer", "operator", "editor")}

    assert 'formaction="/jobs/nightly/run"' not in seen["viewer"]
    assert 'formaction="/jobs/nightly/run"' in seen["operator"]
    assert 'href="/new"' not in seen["operator"]
    assert 'href="/new"' in seen["editor"]


def test_a_part_is_sent_again_only_when_something_has_changed(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(NIGHTLY)
    first = viewer.get("/", params={"part": "rows"})
    held = {"If-None-Match": first.headers["etag"]}

    same = viewer.get("/", params={"part": "rows"}, headers=held)
    note_last(served.world, "nightly", FAILED_AT_TWO)
    changed = viewer.get("/", params={"part": "rows"}, headers=held)

    assert "<html" not in first.text
    assert (same.status_code, changed.status_code) == (304, 200)
    assert "failed (exit status 3)" in changed.text


def test_maintenance_is_told_on_top(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    Scheduler(served.world.host).begin_maintenance(Wish(reason="new disk"))

    assert "the host is in maintenance" in viewer.get("/").text
