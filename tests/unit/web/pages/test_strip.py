# SPDX-License-Identifier: Apache-2.0
"""The strip of the last runs: one path for each way to end."""

from __future__ import annotations

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.web.pages.strip import Strip, strip
from tests.unit.history.figured import run


def a_run(number: int, seconds: float = 10.0, outcome: str = "succeeded") -> RunFigures:
    return run(
        id=f"run-{number}",
        start=number * 86_400.0,
        duration=seconds,
        outcome=RunOutcome(outcome),
    )


def paths(drawn: Strip) -> dict[str, list[str]]:
    return {bars.kind: bars.path.split("M")[1:] for bars in drawn.bars}


def test_a_job_without_runs_has_thirty_empty_places() -> None:
    drawn = strip([])

    assert len(paths(drawn)["slot"]) == 30
    assert drawn.label == "no runs yet"


def test_the_newest_run_is_at_the_right() -> None:
    drawn = strip([a_run(1), a_run(2, outcome="failed")])

    found = paths(drawn)
    assert found["m-succeeded"] == ["198.5 24v-24"]
    assert found["m-failed"] == ["205.5 24v-24"]
    assert len(found["slot"]) == 28


def test_more_than_thirty_runs_show_the_newest_thirty() -> None:
    drawn = strip([a_run(1, outcome="failed"), *(a_run(number) for number in range(2, 32))])

    assert set(paths(drawn)) == {"m-succeeded"}
    assert drawn.label == "the last 30 runs: 30 succeeded"


def test_a_bar_is_as_tall_as_its_run_was_long() -> None:
    drawn = strip([a_run(1, 100.0), a_run(2, 25.0)])

    # By the root: of 5 to 24, a quarter of the time is half of the way.
    assert [stroke.partition("v-")[2] for stroke in paths(drawn)["m-succeeded"]] == ["24", "14.5"]


def test_one_long_run_does_not_press_the_others_to_the_ground() -> None:
    drawn = strip([*(a_run(number, 10.0) for number in range(10)), a_run(10, 10_000.0)])

    tall = [float(each.partition("v-")[2]) for each in paths(drawn)["m-succeeded"]]
    assert tall[-1] == 24
    assert min(tall) > 12


def test_a_failure_that_came_at_once_is_seen_and_a_skip_is_small() -> None:
    drawn = strip([a_run(1, 100.0), a_run(2, 0.0, "failed"), a_run(3, 0.0, "skipped")])

    found = paths(drawn)
    assert found["m-failed"][0].endswith("v-12")
    assert found["m-skipped"][0].endswith("v-4")


def test_words_tell_what_the_strip_shows() -> None:
    drawn = strip([a_run(1), a_run(2, outcome="timed_out"), a_run(3, outcome="failed"), a_run(4)])

    assert drawn.label == "the last 4 runs: 2 succeeded, 1 failed, 1 timed out"
