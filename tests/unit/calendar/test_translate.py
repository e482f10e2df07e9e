# SPDX-License-Identifier: Apache-2.0
"""Translations for callers and for the service that answers line by line."""

from __future__ import annotations

import json

import pytest

from debvisor_timers.calendar.translate import translate, translate_line
from debvisor_timers.errors import ScheduleError


def test_a_translation_has_lines_and_words() -> None:
    translation = translate("0 0 13 * 5")
    assert translation.on_calendar == ("*-*-13 00:00:00", "Fri *-*-* 00:00:00")
    assert translation.words == "on day 13 of the month and on Fridays at 00:00"
    assert translation.expression.text == "0 0 13 * 5"


def test_the_zone_follows_every_line() -> None:
    assert translate("0 0 13 * 5", zone="UTC").on_calendar == (
        "*-*-13 00:00:00 UTC",
        "Fri *-*-* 00:00:00 UTC",
    )


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ScheduleError, match="time zone 'Nowhere/Land'"):
        translate("0 0 * * *", zone="Nowhere/Land")


DAILY = ["*-*-* 02:00:00"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("0 2 * * *\n", {"expr": "0 2 * * *", "zone": None, "on_calendar": DAILY}),
        ("0 2 * * *\r\n", {"expr": "0 2 * * *", "zone": None, "on_calendar": DAILY}),
        (
            "UTC\t0 2 * * *",
            {"expr": "0 2 * * *", "zone": "UTC", "on_calendar": [f"{DAILY[0]} UTC"]},
        ),
        (
            "UTC\t@daily",
            {"expr": "@daily", "zone": "UTC", "on_calendar": ["*-*-* 00:00:00 UTC"]},
        ),
        ("0\t2\t*\t*\t*", {"expr": "0\t2\t*\t*\t*", "zone": None, "on_calendar": DAILY}),
        (
            "UTC\t0\t2 * * *",
            {"expr": "0\t2 * * *", "zone": "UTC", "on_calendar": [f"{DAILY[0]} UTC"]},
        ),
        ("\t0 2 * * *", {"expr": "\t0 2 * * *", "zone": None, "on_calendar": DAILY}),
    ],
)
def test_a_line_is_answered(line: str, answer: dict[str, object]) -> None:
    assert json.loads(json.dumps(translate_line(line))) == answer


@pytest.mark.parametrize(
    ("line", "expr", "part"),
    [
        ("0 25 * * *\n", "0 25 * * *", "hour 25 is outside 0-23; fix: use an hour from 0 to 23"),
        ("Nowhere/Land\t0 2 * * *", "0 2 * * *", "time zone 'Nowhere/Land' is not in"),
        ("+05:00\t0 2 * * *", "0 2 * * *", "time zone '+05:00' is not in"),
        ("UTC\t0 2 * *", "0 2 * *", "missing: day of week"),
        ("\n", "", "the cron expression is empty"),
        ("@reboot", "@reboot", "triggers: [{boot: 0s}]"),
        ("UTC\t", "", "the cron expression is empty"),
    ],
)
def test_a_wrong_line_is_answered_with_its_error(line: str, expr: str, part: str) -> None:
    answer = json.loads(json.dumps(translate_line(line)))
    assert set(answer) == {"expr", "error"}
    assert answer["expr"] == expr
    assert part in answer["error"]
