# SPDX-License-Identifier: Apache-2.0
"""The timeline as a page: lanes, marks with their runs, crowds, and what stands in the address."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.drawing.lanes import Lane, Picture
from debvisor_timers.web.pages.timeline import draw_timeline
from tests.unit.operations.kept_runs import a_run, keep
from tests.unit.operations.world import TWO, World
from tests.unit.web.served import Served

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def served(served: Served) -> Served:
    """Return a host at noon; `nightly` has failed at two for an hour."""
    world = served.world
    world.apply(TWO)
    runs = [
        a_run(MIDNIGHT, 600, job="hourly"),
        a_run(MIDNIGHT + 2 * HOUR, 3600, outcome=RunOutcome.FAILED, reason="exit status 3"),
    ]
    keep(world, runs)
    return served


def drawn(world: World, days: int = 1) -> Picture:
    return draw_timeline(JobScheduler(world.host), None, days)[2]


def lane(picture: Picture, job_id: str) -> Lane:
    return next(lane for lane in picture.lanes if lane.job_id == job_id)


def test_a_past_run_is_a_bar_as_long_as_it_took(served: Served) -> None:
    mark = lane(drawn(served.world), "nightly").marks[-1]

    # 2 of 24 hours from the left, one hour wide, of 10,000.
    assert mark.path == "M833.33 3h416.67v18h-416.67z"
    assert mark.kind == "f-failed"
    assert mark.told == "nightly: Mon 02:00:00, failed (exit status 3) after 1h"
    assert mark.href == "/jobs/nightly/runs/20261123T020000Z-4f2a9c"


def test_what_is_to_come_is_a_tick(served: Served) -> None:
    found = lane(drawn(served.world), "hourly")

    assert [mark.kind for mark in found.marks].count("f-ahead") == 11
    assert found.label == "1 run: 1 succeeded; 11 to come"


def test_many_marks_of_a_lane_are_one_shape_a_kind_but_failures(served: Served) -> None:
    found = lane(drawn(served.world, days=7), "hourly")

    assert [(mark.kind, mark.path.count("M")) for mark in found.marks] == [
        ("f-ahead", 155),
        ("f-succeeded", 1),
    ]


def test_jobs_that_start_together_are_told(served: Served) -> None:
    crowd = drawn(served.world, days=7).gatherings[0]

    assert (crowd.when, crowd.starts) == ("Tue 02:00", "2 starts")
    assert set(crowd.jobs) == {"hourly", "nightly"}


def test_a_run_has_a_link_with_a_name(served: Served) -> None:
    text = served.as_role("viewer").get("/timeline").text

    assert "<h1>Monday, 23 November 2026</h1>" in text
    assert re.search(
        r'<a href="/jobs/nightly/runs/[^"]+" aria-label="nightly: Mon 02:00:00, failed', text
    )


def test_a_week_begins_on_monday(served: Served) -> None:
    text = served.as_role("viewer").get("/timeline?show=week&day=2026-11-26").text

    assert "<h1>23 to 29 November 2026</h1>" in text
    assert 'href="/timeline?show=week&amp;day=2026-11-19&amp;zoom=1"' in text


@pytest.mark.parametrize(
    ("question", "jobs"), [("", {"hourly", "nightly"}), ("?q=NIGHT", {"nightly"}), ("?q=x", set())]
)
def test_jobs_are_found(served: Served, question: str, jobs: set[str]) -> None:
    text = served.as_role("viewer").get(f"/timeline{question}").text

    assert set(re.findall(r'data-words="(\S+) ', text)) == jobs


def test_a_time_that_makes_no_sense(served: Served) -> None:
    client = served.as_role("viewer")

    assert client.get("/timeline?day=tomorrow").status_code == 400
    assert client.get("/timeline?day=9999-12-31").status_code == 400
    assert client.get("/timeline?zoom=999&show=x&day=2026-12-24").status_code == 200
    assert served.as_role().get("/timeline").status_code in {303, 401}


def test_what_somebody_searches_for_is_escaped(served: Served) -> None:
    text = served.as_role("viewer").get("/timeline", params={"q": '"><script>'}).text

    assert "<script>" not in text.replace("<script type", "")
