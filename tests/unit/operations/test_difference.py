# SPDX-License-Identifier: Apache-2.0
"""diff: units and YAML of generations, and what is on disk now; no secret is shown."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.operations.safety.difference import Differences, differences
from tests.unit.operations.world import NIGHTLY, TWO, World

LATER = NIGHTLY.replace("0 2", "0 3")
NIGHT = "debvisor-job-nightly.timer"


def shown(found: Differences) -> list[tuple[str, str]]:
    units = [(each.job_id, str(each.change)) for each in found.units]
    return [*units, *((each.name, str(each.change)) for each in found.files)]


def test_nothing_differs_after_an_apply(world: World) -> None:
    world.apply(NIGHTLY)

    found = differences(world.host)

    assert (found.before, found.after, shown(found)) == (1, None, [])


def test_what_was_edited_since_is_shown_against_the_newest(world: World) -> None:
    world.apply(NIGHTLY)
    world.write(LATER)
    world.write("jobs: {}\n", "new.yaml")
    world.systemd.units.write({NIGHT: None})

    found = differences(world.host)

    assert shown(found) == [
        ("nightly", "update"),
        ("jobs.d/a.yaml", "update"),
        ("jobs.d/new.yaml", "create"),
    ]
    assert found.files[0].diff == (
        "--- jobs.d/a.yaml",
        "+++ jobs.d/a.yaml",
        "@@ -1,4 +1,4 @@",
        " jobs:",
        "   nightly:",
        '-    schedule: {cron: "0 2 * * *", catch_up: once}',
        '+    schedule: {cron: "0 3 * * *", catch_up: once}',
        "     command: [/bin/true]",
    )
    assert found.files[1].diff == (
        "--- /dev/null",
        "+++ jobs.d/new.yaml",
        "@@ -0,0 +1 @@",
        "+jobs: {}",
    )
    assert found.units[0].names == (NIGHT,)
    assert "-OnCalendar=*-*-* 02:00:00" in found.units[0].diff


def test_one_number_is_compared_with_the_newest(world: World) -> None:
    world.apply(TWO)
    world.apply(LATER)
    world.write("jobs: {}\n")

    found = differences(world.host, 1)

    assert (found.before, found.after) == (1, 2)
    assert shown(found) == [
        ("hourly", "remove"),
        ("nightly", "update"),
        ("jobs.d/a.yaml", "update"),
    ]


def test_two_numbers_are_compared_as_they_are_named(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(TWO)
    world.apply(LATER)

    assert shown(differences(world.host, 2, 1)) == [
        ("hourly", "remove"),
        ("jobs.d/a.yaml", "update"),
    ]
    assert shown(differences(world.host, 3, 3)) == []


def test_a_generation_that_is_not_kept_is_named(world: World) -> None:
    with pytest.raises(NotFoundError, match="nothing was ever applied"):
        differences(world.host)
    world.apply(NIGHTLY)
    with pytest.raises(NotFoundError, match="generation 5 is not kept"):
        differences(world.host, 5)
    with pytest.raises(NotFoundError, match="generation 6 is not kept"):
        differences(world.host, 1, 6)


def test_no_secret_is_shown(world: World) -> None:
    secret = "    environment: {DB_PASSWORD: hunter2}\n    input: |\n      correct horse\n"
    world.apply(NIGHTLY)
    world.apply(NIGHTLY + secret)

    found = differences(world.host, 1)

    lines = "\n".join((*found.units[0].diff, *found.files[0].diff))
    assert "hunter2" not in lines
    assert "correct" not in lines
    assert "DB_PASSWORD" in lines


def test_a_secret_that_changes_is_told_without_it(world: World) -> None:
    text = NIGHTLY + "    environment: {DB_PASSWORD: %s}\n"
    world.apply(text % "hunter2")
    world.apply(text % "hunter3")

    found = differences(world.host, 1)

    assert found.files[0].diff[2:] == ("(it differs in what is left out here)",)
    assert "hunter" not in "\n".join(found.units[0].diff)
