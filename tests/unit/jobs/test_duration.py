# SPDX-License-Identifier: Apache-2.0
"""Durations: read as systemd reads them, written so that it reads them back."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.duration import SPAN_PATTERN, format_timespan, parse_timespan

# What `systemd-analyze timespan` of systemd 257 says, in microseconds.
READ = {
    "90": 90_000_000,
    "0": 0,
    "1.5": 1_500_000,
    "1h 30min": 5_400_000_000,
    "1h30min": 5_400_000_000,
    " 5 s ": 5_000_000,
    "2 h": 7_200_000_000,
    "1w 1d": 691_200_000_000,
    "5min20s": 320_000_000,
    "300ms20s 5day": 432_020_300_000,
    "1y 12month": 63_115_200_000_000,
    "55s500ms": 55_500_000,
    "1M": 2_629_800_000_000,
    "1m": 60_000_000,
    "0.1us": 0,
    "1.5hr": 5_400_000_000,
    "7µs": 7,
}


@pytest.mark.parametrize(("text", "microseconds"), READ.items())
def test_a_duration_is_read(text: str, microseconds: int) -> None:
    assert parse_timespan(text) == timedelta(microseconds=microseconds)


@pytest.mark.parametrize("text", ["infinity", " infinity "])
def test_infinity_is_none(text: str) -> None:
    assert parse_timespan(text) is None


WRONG = {
    "": (0, 1),
    "x": (0, 1),
    "5 parsecs": (2, 7),
    "5min 3": (5, 1),
    "-5s": (0, 3),
    "1h,5s": (2, 3),
    "5MIN": (1, 3),
    "1e3": (1, 1),
    "5 infinity": (2, 8),
    "101y": (0, 4),
}


@pytest.mark.parametrize(("text", "place"), WRONG.items())
def test_a_wrong_duration_says_which_characters(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(ScheduleError) as raised:
        parse_timespan(text)

    assert (raised.value.start, raised.value.length) == place
    assert raised.value.fix


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0"),
        (timedelta(seconds=90), "1min30s"),
        (timedelta(hours=1, minutes=30), "1h30min"),
        (timedelta(days=8), "1w1d"),
        (timedelta(microseconds=1_001), "1ms1us"),
    ],
)
def test_a_duration_is_written(span: timedelta, text: str) -> None:
    assert format_timespan(span) == text


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500)))
def test_what_is_written_is_read_back(span: timedelta) -> None:
    assert parse_timespan(format_timespan(span)) == span


@settings(deadline=None)
@given(st.text(alphabet="0123456789. \thmsdwyMinu", max_size=12))
def test_editors_accept_what_is_read(text: str) -> None:
    try:
        parse_timespan(text)
    except ScheduleError:
        return
    assert re.search(SPAN_PATTERN, text)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_reads_the_same() -> None:
    texts = [text.strip() for text in READ if text.strip() != "0.1us"]
    said = subprocess.run(
        ["systemd-analyze", "timespan", *texts],
        check=True,
        capture_output=True,
        text=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        timeout=30,
    ).stdout
    found = [int(number) for number in re.findall(r"[uμ]s: (\d+)", said)]

    assert dict(zip(texts, found, strict=True)) == {text: READ_STRIPPED[text] for text in texts}


READ_STRIPPED = {text.strip(): microseconds for text, microseconds in READ.items()}
