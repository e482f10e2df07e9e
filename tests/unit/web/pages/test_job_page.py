# SPDX-License-Identifier: Apache-2.0
"""The page of a job, and that of a run."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from debvisor_timers.history.outcome import RunOutcome
from tests.unit.operations.kept_runs import FIRST, a_run, keep, nightly_runs
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.run_records import Recorder
from tests.unit.operations.world import NIGHTLY, TWO, World
from tests.unit.web.served import Served

AROUND = """\
jobs:
  # Before all others.
  quiesce:
    command: [/bin/true]
  nightly:
    schedule: "0 2 * * *"
    depends_on: [quiesce]
    conflicts_with: [scrub]
    environment: {API_TOKEN: hunter2hunter2}
    command: [/bin/true]
  scrub:
    command: [/bin/true]
  verify:
    triggers: [{success_of: [nightly]}]
    command: [/bin/true]
"""


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def ran(world: World) -> str:
    """Let nightly have run, and printed a line on each stream; return the run's id."""
    recorder = Recorder(world=world)
    recorder.begin()
    recorder.printed("all is <well>")
    recorder.printed("oh no", stderr=True)
    recorder.end(exit_status=3)
    return recorder.run


def test_source_and_units_stand_side_by_side(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)

    text = text_of(viewer.get("/jobs/nightly").text)

    assert "a.yaml:2" in text
    assert "schedule: {cron: &#34;0 2 * * *&#34;, catch_up: once}" in text
    assert "debvisor-job-nightly.service" in text
    assert "OnCalendar=*-*-* 02:00:00" in text


def test_the_source_is_that_of_the_job_alone_without_its_secrets(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(AROUND)

    html = viewer.get("/jobs/nightly").text

    written = text_of(html[html.index('id="source"') : html.index('id="rendered"')])
    assert "depends_on: [quiesce]" in written
    assert "success_of" not in written
    assert "Before all others" not in written
    assert "hunter2" not in html


def test_neighbours_are_told_with_what_they_have_to_do_with_it(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(AROUND)

    html = viewer.get("/jobs/nightly").text

    around = html[html.index('aria-labelledby="around"') :]
    assert '<a href="/jobs/quiesce">quiesce</a><small>required · never ran</small>' in around
    assert "started by its success" in around
    assert "never runs beside it" in around


def test_durations_are_drawn_with_their_trend(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    keep(served.world, nightly_runs([100.0 + 10 * number for number in range(30)]))

    html = viewer.get("/jobs/nightly").text

    assert html.count('class="p-succeeded"') == 30
    assert 'class="trend"' in html
    assert "longer each week" in html
    assert "100 %" in html


def test_runs_come_page_by_page(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    keep(served.world, nightly_runs([60.0] * 30))

    first = viewer.get("/jobs/nightly").text
    second = viewer.get("/jobs/nightly?page=2").text

    assert first.count("/jobs/nightly/runs/2026") > second.count("/jobs/nightly/runs/2026")
    assert 'href="/jobs/nightly?page=2#runs-title" rel="next"' in first
    assert 'href="/jobs/nightly?page=1#runs-title" rel="prev"' in second
    assert 'rel="next"' not in second


def test_a_job_that_nobody_knows_is_a_page_of_its_own(served: Served, viewer: TestClient) -> None:
    served.world.apply(TWO)

    answer = viewer.get("/jobs/nightli")

    assert answer.status_code == 404
    assert "There is no job &#39;nightli&#39;" in answer.text
    assert "<html" in answer.text


def test_a_job_that_was_removed_from_the_files_is_still_shown(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(TWO)
    served.world.write(NIGHTLY)

    html = viewer.get("/jobs/hourly").text

    assert "orphaned" in html
    assert "no file has it any more" in html


def test_the_log_tells_the_streams_apart(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    run = ran(served.world)

    html = viewer.get(f"/jobs/nightly/runs/{run}").text

    log = html[html.index('<div class="log"') :]
    assert re.search(r'<li class="out">.*all is &lt;well&gt;', log)
    assert re.search(r'<li class="err">.*<span class="stream">err</span>.*oh no', log)
    assert "failed (exit status 3)" in html


def test_a_part_of_the_page_of_a_run_is_its_log(served: Served, viewer: TestClient) -> None:
    served.world.apply(NIGHTLY)
    run = ran(served.world)

    answer = viewer.get(f"/jobs/nightly/runs/{run}?part=log")

    assert answer.headers["x-run-outcome"] == "failed"
    assert "<html" not in answer.text
    assert "oh no" in answer.text


def test_a_failed_run_can_be_retried_by_operators(served: Served) -> None:
    served.world.apply(NIGHTLY)
    keep(served.world, [a_run(FIRST, 60.0, outcome=RunOutcome.FAILED, reason="exit status 1")])
    path = "/jobs/nightly/runs/20261001T020000Z-4f2a9c"

    assert f'formaction="{path}/retry"' in served.as_role("operator").get(path).text
    assert f'formaction="{path}/retry"' not in served.as_role("viewer").get(path).text


def test_a_script_that_has_the_page_is_sent_it_again_when_something_happened(
    served: Served, viewer: TestClient
) -> None:
    served.world.apply(NIGHTLY)
    first = viewer.get("/jobs/nightly")
    held = {"If-None-Match": first.headers["etag"]}

    same = viewer.get("/jobs/nightly?part=live", headers=held)
    note_last(served.world, "nightly", FAILED_AT_TWO)
    changed = viewer.get("/jobs/nightly?part=live", headers=held)

    assert (same.status_code, changed.status_code) == (304, 200)
    assert "failed (exit status 3)" in changed.text
