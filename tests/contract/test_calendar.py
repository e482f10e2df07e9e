# SPDX-License-Identifier: Apache-2.0
"""The emitted OnCalendar= lines, elapsed by systemd itself, against cron by brute force."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from debvisor_timers.calendar.translate import translate
from debvisor_timers.errors import ScheduleError
from tests.models.cron_model import read_cron
from tests.models.cron_writer import CronWriter
from tests.models.systemd_calendar import elapses, joined

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and os.environ.get("CI") != "true",
    reason="systemd-analyze is not installed",
)

# Ends of years, of February in leap and common years, of long and short months; 2100 is no leap
# year. Some bases are instants at which many schedules elapse: the next one must come after.
BASES = tuple(
    datetime.fromisoformat(f"{base}+00:00")
    for base in (
        "2025-12-31T23:57:00",
        "2026-01-31T21:10:00",
        "2026-02-28T23:59:59",
        "2027-02-27T12:00:00",
        "2027-06-30T23:57:00",
        "2028-02-28T22:30:00",
        "2028-02-29T23:59:00",
        "2031-04-30T00:00:00",
        "2033-12-25T06:15:00",
        "2040-02-25T00:00:00",
        "2044-12-31T00:00:00",
        "2096-12-30T23:00:00",
    )
)
EXPRESSIONS_PER_BASE = 300
SELDOM = 500


def _differences(
    expressions: Sequence[str], base: datetime, count: int, expected: dict[str, list[datetime]]
) -> Iterator[str]:
    """Yield what is wrong with the lines of each expression, elapsed from `base`."""
    lines = {text: translate(text).on_calendar for text in expressions}
    flat = iter(elapses([line for text in expressions for line in lines[text]], base, count))
    for text in expressions:
        own = [next(flat) for _ in lines[text]]
        if not all(own):
            yield f"{text}: a line of {lines[text]} never elapses after {base}"
        if (got := joined(own, count)) != expected[text]:
            first = min(set(got).symmetric_difference(expected[text]))
            yield f"{text} -> {lines[text]}: first difference after {base} at {first}"


def _possible(writer: CronWriter, count: int) -> list[str]:
    """Return `count` different expressions that fire."""
    found: dict[str, None] = {}
    while len(found) < count:
        text = writer.expression()
        if read_cron(text).fires_at_all():
            found[text] = None
    return list(found)


@pytest.mark.parametrize("base", BASES, ids=str)
def test_lines_elapse_when_cron_would_fire(base: datetime) -> None:
    expressions = _possible(CronWriter(seed=BASES.index(base)), EXPRESSIONS_PER_BASE)
    expected = {text: read_cron(text).instants_after(base, 30) for text in expressions}
    assert not list(_differences(expressions, base, 30, expected))


@pytest.mark.parametrize("base", BASES[::4], ids=str)
def test_lines_elapse_when_cronsim_says(base: datetime) -> None:
    cronsim = _import_cronsim()
    writer = CronWriter(seed=BASES.index(base) + 100, beyond_cronsim=False)
    expressions = _possible(writer, EXPRESSIONS_PER_BASE)
    expected = {}
    for text in expressions:
        simulation = cronsim.CronSim(text, base)
        expected[text] = [next(simulation) for _ in range(6)]
    assert not list(_differences(expressions, base, 6, expected))


def _import_cronsim() -> Any:
    if os.environ.get("CI") == "true":
        return importlib.import_module("cronsim")
    return pytest.importorskip("cronsim", reason="python3-cronsim is not installed")


def test_seldom_schedules_elapse_when_cron_would_fire() -> None:
    writer = CronWriter(seed=1)
    texts = dict.fromkeys(
        text for _ in range(2 * SELDOM) for text in (writer.seldom(), writer.both_must())
    )
    expressions = [text for text in texts if read_cron(text).fires_at_all()][:SELDOM]
    base = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
    expected = {text: read_cron(text).instants_after(base, 5) for text in expressions}
    assert len(expressions) == SELDOM
    assert not list(_differences(expressions, base, 5, expected))


def test_what_never_fires_is_refused_and_nothing_else() -> None:
    """Judge by all 14 calendars that a year can have; what fires is elapsed by systemd."""
    writer = CronWriter(seed=2)
    texts = list(dict.fromkeys(writer.seldom() for _ in range(5 * SELDOM)))
    texts += [writer.both_must() for _ in range(SELDOM)]
    possible = {text: read_cron(text).fires_at_all() for text in texts}
    wrong = [text for text in texts if _is_accepted(text) != possible[text]]
    assert not wrong
    assert min(sum(possible.values()), len(texts) - sum(possible.values())) > 200
    lines = [line for text in texts if possible[text] for line in translate(text).on_calendar]
    assert all(elapses(lines, datetime(2026, 11, 23, tzinfo=UTC), 1))


def _is_accepted(text: str) -> bool:
    try:
        translate(text)
    except ScheduleError:
        return False
    return True


CORNER_CASES = Path(__file__).parents[1] / "cases" / "calendar" / "corner_cases.yaml"


@pytest.mark.parametrize("base", BASES[::3], ids=str)
def test_the_lines_of_the_corner_cases_elapse_when_cron_would_fire(base: datetime) -> None:
    cases = yaml.safe_load(CORNER_CASES.read_text(encoding="utf-8"))
    for case in cases:
        if "lines" in case:
            found = joined(elapses(case["lines"], base, 12), 12)
            assert found == read_cron(case["cron"]).instants_after(base, 12), case["cron"]


def test_a_zone_is_on_every_line_and_understood() -> None:
    lines = translate("0 12 13 1 5", zone="Asia/Tokyo").on_calendar
    base = datetime(2028, 1, 1, tzinfo=UTC)
    found = joined(elapses(lines, base, 3), 3)
    # Noon in Tokyo is 03:00 UTC all year: Friday the 7th, Thursday the 13th, Friday the 14th.
    assert [f"{instant:%F %R}" for instant in found] == [
        "2028-01-07 03:00",
        "2028-01-13 03:00",
        "2028-01-14 03:00",
    ]
