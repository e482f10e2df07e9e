# SPDX-License-Identifier: Apache-2.0
"""Reading cron expressions: what they mean, and what is refused where and why."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import yaml

from debvisor_timers.calendar.cron import LONGEST_TEXT, parse_cron
from debvisor_timers.errors import ScheduleError
from tests.models.cron_model import RefusedError, read_cron
from tests.models.cron_writer import CronWriter

CASES = Path(__file__).parents[2] / "cases" / "calendar"
REFUSED = yaml.safe_load((CASES / "refused.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: repr(case["cron"]))
def test_refused_expressions_say_what_where_and_how_to_mend(case: dict[str, str]) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_cron(case["cron"])
    error = caught.value
    assert " " * error.start + "^" * error.length == case["at"]
    assert error.message == case["says"]
    assert error.fix == case["fix"]


def test_the_fields_of_an_expression_are_kept() -> None:
    expression = parse_cron(" */20\t8-10  1,15 jan-mar/2 mon,5 ")
    assert expression.text == " */20\t8-10  1,15 jan-mar/2 mon,5 "
    assert expression.minutes == {0, 20, 40}
    assert expression.hours == {8, 9, 10}
    assert expression.months == {1, 3}
    assert expression.day_of_month.days == {1, 15}
    assert expression.day_of_week.weekdays == {1, 5}


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("* * * * *", "minute hour dom dow"),
        ("0 0 1 * 1", ""),
        ("*/5 0 1 * 1", "minute"),
        ("*,5 5,* 1 * 1", "minute"),
        ("0 */2 */2 * 1-7", "hour dom"),
        ("0 0 ? * */2", "dom dow"),
        ("0 0 1-31 * ?", "dow"),
        ("0 0 *,5 * 5,*", "dom"),
        ("0-59 0-23 1-31 * 0-7", ""),
        ("0/1 0/1 1/1 * 0/1", ""),
        ("@hourly", "hour dom dow"),
        ("@daily", "dom dow"),
        ("@monthly", "dow"),
        ("@weekly", "dom"),
    ],
)
def test_a_field_is_a_star_when_it_begins_with_one(text: str, stars: str) -> None:
    expression = parse_cron(text)
    flags = {
        "minute": expression.minute_star,
        "hour": expression.hour_star,
        "dom": expression.day_of_month.star,
        "dow": expression.day_of_week.star,
    }
    assert " ".join(name for name, flag in flags.items() if flag) == stars


@pytest.mark.parametrize(
    ("macro", "fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        (" @hourly\t", "0 * * * *"),
    ],
)
def test_macros_are_what_crontab_says(macro: str, fields: str) -> None:
    expression, same = parse_cron(macro), parse_cron(fields)
    assert expression.text == macro
    assert (expression.minutes, expression.hours) == (same.minutes, same.hours)
    assert expression.dates == same.dates


def test_a_text_of_absurd_length_is_refused_and_cut_in_the_message() -> None:
    with pytest.raises(ScheduleError, match=f"is longer than {LONGEST_TEXT} characters") as caught:
        parse_cron("0," * LONGEST_TEXT + "0 * * * *")
    assert len(caught.value.message) < 100


def test_leading_zeros_of_any_number_are_decimal() -> None:
    expression = parse_cron(f"{'0' * 900}8 09 010 * *")
    assert expression.minutes == {8}
    assert expression.hours == {9}
    assert expression.day_of_month.days == {10}


def test_parsing_is_judged_as_by_the_model_on_mangled_expressions() -> None:
    """No exception but ScheduleError, its place inside the text, the same verdict as the model."""
    random, writer = Random(11), CronWriter(seed=11)
    verdicts = set()
    for _ in range(4000):
        text = _mangle(writer.expression(), random)
        refusal = _refusal(text)
        assert (refusal is None) == _is_possible(text), text
        verdicts.add(refusal is None)
        if refusal is not None:
            assert refusal.message
            assert refusal.fix
            assert 0 <= refusal.start < max(1, len(text))
            assert 1 <= refusal.length <= max(1, len(text) - refusal.start)
    assert verdicts == {True, False}


def _refusal(text: str) -> ScheduleError | None:
    try:
        parse_cron(text)
    except ScheduleError as error:
        return error
    return None


def _is_possible(text: str) -> bool:
    try:
        return read_cron(text).fires_at_all()
    except RefusedError:
        return False


def _mangle(text: str, random: Random) -> str:
    place = random.randrange(len(text))
    new: str = random.choice(
        ["", *"0123459,,--//**?LW#~H;.@+ \tsunxé\n²", "60", "mon", "dec", "-0"]
    )
    return text[:place] + new + text[place + random.choice([0, 1]) :]
