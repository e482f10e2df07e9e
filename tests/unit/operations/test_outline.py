# SPDX-License-Identifier: Apache-2.0
"""What is read off units, without their YAML."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.operations.past.outline import Outline, read_outline
from tests.unit.operations.world import World

JOB = """\
jobs:
  nightly: {{command: [/bin/true], {keys}}}
"""


@pytest.mark.parametrize(
    ("keys", "title", "timeout"),
    [
        ("timeout: 30min", "nightly", timedelta(minutes=30)),
        ("timeout: 1d 2h 3min 4.005s", "nightly", timedelta(hours=26, seconds=184, milliseconds=5)),
        ("timeout: infinity", "nightly", None),
        ("timeout: 90s, total_timeout: 1h", "nightly", timedelta(seconds=90)),
        ("timeout: 20min, retries: {max: 2, delay: 2h}", "nightly", timedelta(minutes=20)),
        ('name: "100 % of it", timeout: 1min', "100 % of it", timedelta(minutes=1)),
    ],
)
def test_title_and_time_out(world: World, keys: str, title: str, timeout: timedelta | None) -> None:
    world.apply(JOB.format(keys=keys))

    found = read_outline(world.host, "nightly")

    assert found == Outline(title=title, timeout=timeout, on_calendar=())


def test_the_calendar(world: World) -> None:
    world.apply(JOB.format(keys='schedule: "0 2,14 * * *"'))

    found = read_outline(world.host, "nightly")

    assert found
    assert found.on_calendar == ("*-*-* 02,14:00:00",)


def test_a_job_that_is_not_applied_has_none(world: World) -> None:
    world.write(JOB.format(keys="timeout: 30min"))

    assert read_outline(world.host, "nightly") is None
