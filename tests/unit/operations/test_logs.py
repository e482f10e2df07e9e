# SPDX-License-Identifier: Apache-2.0
"""logs: the call of journalctl that shows a job."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.operations.logs import LogQuestion, journalctl_command
from tests.unit.operations.world import NIGHTLY, TWO, World

PLAIN = [
    "journalctl",
    "--output=short-iso",
    "--lines=200",
    "--unit=debvisor-job-nightly.service",
]


def command(
    world: World,
    job: str = "nightly",
    *,
    follow: bool = False,
    lines: int | None = None,
    as_json: bool = False,
) -> list[str]:
    question = LogQuestion(job_id=job, follow=follow, lines=lines, as_json=as_json)
    return journalctl_command(world.host, question)


def test_the_last_lines_of_the_unit(world: World) -> None:
    world.apply(NIGHTLY)

    assert command(world) == PLAIN


def test_every_option_reaches_journalctl(world: World) -> None:
    world.apply(NIGHTLY)

    assert command(world, follow=True, lines=7, as_json=True) == [
        "journalctl",
        "--output=json",
        "--follow",
        "--lines=7",
        "--unit=debvisor-job-nightly.service",
    ]


def test_a_job_that_is_not_applied_may_be_waited_for(world: World) -> None:
    world.write(NIGHTLY)

    assert command(world) == PLAIN


def test_a_job_that_was_removed_keeps_its_log(world: World) -> None:
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert command(world) == PLAIN


def test_a_job_whose_yaml_is_gone_and_whose_units_are_not(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert command(world) == PLAIN


def test_a_job_that_was_removed_before_it_ran_is_unknown(world: World) -> None:
    world.apply(TWO)
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    with pytest.raises(NotFoundError, match="there is no job 'nightly'"):
        command(world)


def test_an_unknown_job_is_told_with_the_nearest(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'hourley'") as caught:
        command(world, "hourley")

    assert caught.value.fix == "did you mean 'hourly'?"
