# SPDX-License-Identifier: Apache-2.0
"""Delays between attempts: those that were asked for, and those that systemd makes of them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.jobs.retries import Retries
from debvisor_timers.render.attempts import attempt_values
from debvisor_timers.render.waits import Waits
from tests.unit.render.settings import job

MICROSECOND = timedelta(microseconds=1)


def seconds(retries: Retries) -> list[float]:
    return [delay.total_seconds() for delay in retries.delays]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, []),
        ({"max": 0, "delay": "5s"}, []),
        ({"max": 3}, [60, 120, 240]),
        ({"max": 6}, [60, 120, 240, 480, 600, 600]),
        ({"max": 3, "factor": 1}, [60, 60, 60]),
        ({"max": 4, "delay": "10s", "factor": 1.5}, [10, 15, 22.5, 33.75]),
        ({"max": 3, "delay": "1us", "factor": 1.5}, [0.000001, 0.000001, 0.000002]),
        ({"max": 2, "delay": 0}, [0, 0]),
        ({"max": 2, "delay": "2h"}, [7200, 7200]),
        ({"max": 3, "delay": "1min", "max_delay": "1min"}, [60, 60, 60]),
        ({"max": 3, "delay": "1min", "max_delay": "4min"}, [60, 120, 240]),
        ({"max": 3, "delay": "1min", "max_delay": "239s"}, [60, 120, 239]),
    ],
)
def test_delays(keys: dict[str, object], expected: list[float]) -> None:
    assert seconds(Retries.model_validate(keys)) == expected


def test_many_attempts_with_a_great_factor_are_counted_at_once() -> None:
    retries = Retries.model_validate({"max": 100, "delay": "1us", "factor": 100})

    assert retries.delays[-1] == timedelta(minutes=10)
    assert len(retries.delays) == 100


def native(retries: Retries) -> list[int]:
    """Return the delays of systemd 257 in microseconds, by service_restart_usec_next()."""
    values = attempt_values(job(retries=retries), Waits(conflicts={}))
    first = values["restart_sec"] // MICROSECOND
    if not values["restart_steps"]:
        return [first] * retries.max
    steps, last = int(values["restart_steps"]), values["restart_max_delay"] // MICROSECOND
    assert last > first
    return [
        last
        if number > steps
        else int(first * (Decimal(last) / first) ** (Decimal(number - 1) / steps))
        for number in range(1, retries.max + 1)
    ]


RETRIES = st.builds(
    lambda count, delay, factor, more: Retries(
        max=count,
        delay=timedelta(microseconds=delay),
        factor=Decimal(factor) / 1000,
        max_delay=timedelta(microseconds=delay + more),
    ),
    st.integers(1, 12),
    st.integers(1, 10**10),
    st.integers(1000, 5000),
    st.integers(0, 10**11),
)


@given(RETRIES)
def test_no_delay_of_systemd_is_longer_than_the_one_that_was_asked_for(retries: Retries) -> None:
    wanted = [delay // MICROSECOND for delay in retries.delays]

    assert all(got <= asked for got, asked in zip(native(retries), wanted, strict=True))


@given(RETRIES)
def test_delays_of_systemd_are_exact_as_long_as_none_is_cut(retries: Retries) -> None:
    growing = [delay // MICROSECOND for delay in retries.growing_delays(retries.max)]
    systemd = native(retries)[: len(growing)]

    # Each is cut to microseconds, and the last one, by which systemd computes, was before.
    assert all(asked - got <= 2 for got, asked in zip(systemd, growing, strict=True))


@given(RETRIES)
def test_delays_never_shrink_and_stay_below_the_longest(retries: Retries) -> None:
    delays = retries.delays

    assert list(delays) == sorted(delays)
    assert delays[0] == retries.delay
    assert retries.max_delay is not None
    assert delays[-1] <= retries.max_delay
