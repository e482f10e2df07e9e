# SPDX-License-Identifier: Apache-2.0
"""translate: a cron expression in systemd's words, with the instants that systemd computes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.errors import ScheduleError
from debvisor_timers.operations.coming.translate import translate_schedule
from tests.unit.operations.world import World


def test_an_expression_has_lines_words_and_the_next_starts(world: World) -> None:
    answer = translate_schedule(world.host, "30 7 * * mon-fri", zone=None, count=3)

    assert answer.translation.on_calendar == ("Mon..Fri *-*-* 07:30:00",)
    assert answer.translation.words == "Monday to Friday at 07:30"
    assert answer.next_starts == tuple(
        datetime(2026, 11, day, 7, 30, tzinfo=UTC) for day in (24, 25, 26)
    )


def test_lines_that_act_together_are_one_list_of_starts(world: World) -> None:
    """Day of month or day of week; the 24th is a Tuesday, and counts once."""
    answer = translate_schedule(world.host, "0 4 24 * tue", zone=None, count=3)

    assert len(answer.translation.on_calendar) == 2
    assert answer.next_starts == (
        datetime(2026, 11, 24, 4, tzinfo=UTC),
        datetime(2026, 12, 1, 4, tzinfo=UTC),
        datetime(2026, 12, 8, 4, tzinfo=UTC),
    )


def test_a_zone_moves_the_instants(world: World) -> None:
    answer = translate_schedule(world.host, "0 4 * * *", zone="Europe/Amsterdam", count=1)

    assert answer.translation.on_calendar == ("*-*-* 04:00:00 Europe/Amsterdam",)
    assert answer.next_starts == (datetime(2026, 11, 24, 3, tzinfo=UTC),)


def test_an_expression_that_cannot_be_told_is_refused_with_its_place(world: World) -> None:
    with pytest.raises(ScheduleError, match="25") as caught:
        translate_schedule(world.host, "0 25 * * *", zone=None, count=1)

    assert (caught.value.start, caught.value.length) == (2, 2)
