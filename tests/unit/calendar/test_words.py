# SPDX-License-Identifier: Apache-2.0
"""Schedules in English."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.words import in_words
from debvisor_timers.errors import ScheduleError
from tests.models.cron_model import KINDS_OF_YEARS, read_cron
from tests.models.cron_writer import CronWriter

CASES = Path(__file__).parents[2] / "cases" / "calendar" / "words.yaml"
WORDS = yaml.safe_load(CASES.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("cron", "words"), WORDS.items())
def test_words(cron: str, words: str) -> None:
    assert in_words(parse_cron(cron)) == words


def test_the_same_words_are_said_only_of_the_same_instants() -> None:
    writer = CronWriter(seed=31)
    said: dict[str, str] = {}
    collisions = 0
    for _ in range(8_000):
        text = (
            f"{writer.clock()[0]} 0 {writer.day_part()}" if len(said) % 2 else writer.expression()
        )
        try:
            words = in_words(parse_cron(text))
        except ScheduleError:
            continue
        other = said.setdefault(words, text)
        if other != text and collisions < 80:
            collisions += 1
            assert _instants(text) == _instants(other), f"{text} and {other}: {words}"
    assert collisions == 80


def _instants(text: str) -> tuple[frozenset[int], frozenset[int], list[date]]:
    model = read_cron(text)
    days = [
        day
        for year in KINDS_OF_YEARS
        for offset in range(365 + calendar.isleap(year))
        if model.fires_on(day := date(year, 1, 1) + timedelta(days=offset))
    ]
    return model.minutes, model.hours, days
