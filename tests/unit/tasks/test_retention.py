# SPDX-License-Identifier: Apache-2.0
"""Which backups rules keep: examples, and what holds for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.tasks.retention import PERIODS, Kept, Rules, kept

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def days_ago(*numbers: float) -> list[Kept]:
    return [Kept(id=f"{number:g}", time=NOW - timedelta(days=number)) for number in numbers]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), "0 0.25 1 2 6 7 13 14 30 31 400"),
        (Rules(last=1), "0"),
        (Rules(last=3), "0 0.25 1"),
        (Rules(days=7), "0 0.25 1 2 6 7"),
        (Rules(days=0.1), "0"),
        (Rules(periods=(("hourly", 2),)), "0 0.25"),
        (Rules(periods=(("daily", 3),)), "0 1 2"),
        (Rules(periods=(("weekly", 3),)), "0 1 13"),
        (Rules(periods=(("monthly", 2),)), "0 30"),
        (Rules(periods=(("yearly", 9),)), "0 400"),
        (Rules(last=2, days=1, periods=(("yearly", 2),)), "0 0.25 1 400"),
    ],
)
def test_rules_keep(rules: Rules, expected: str) -> None:
    backups = days_ago(0, 0.25, 1, 2, 6, 7, 13, 14, 30, 31, 400)
    assert sorted(kept(backups, rules, now=NOW), key=float) == expected.split()


def test_reasons_are_told() -> None:
    backups = days_ago(0, 1, 5, 9)
    rules = Rules(last=2, days=6, periods=(("weekly", 3),))
    assert kept(backups, rules, now=NOW) == {
        "0": "the newest",
        "1": "keep 2",
        "5": "not older than 6 days",
        "9": "weekly",
    }


def test_what_an_incremental_one_needs_is_kept() -> None:
    full, first, second, other, newest = days_ago(9, 8, 7, 6, 0)
    first = Kept(id=first.id, time=first.time, parent=full.id)
    second = Kept(id=second.id, time=second.time, parent=first.id)
    newest = Kept(id=newest.id, time=newest.time, parent=second.id)
    assert kept([full, first, second, other, newest], Rules(last=1), now=NOW) == {
        "0": "the newest",
        "7": "needed by 0",
        "8": "needed by 0",
        "9": "needed by 0",
    }


def test_days_are_those_of_the_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    times = [datetime(2026, 11, 22, 22, 30, tzinfo=UTC), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)]
    backups = [
        Kept(id=str(number), time=time.astimezone(zone)) for number, time in enumerate(times)
    ]
    assert kept(backups, Rules(periods=(("daily", 2),)), now=NOW).keys() == {"0", "1"}


def test_the_hour_that_comes_twice_is_two() -> None:
    zone = ZoneInfo("Europe/Berlin")
    times = [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]
    backups = [
        Kept(id=str(number), time=time.astimezone(zone)) for number, time in enumerate(times)
    ]
    assert kept(backups, Rules(periods=(("hourly", 2),)), now=NOW).keys() == {"0", "1"}


def test_parameters_are_rules() -> None:
    config = {"retention_days": 30, "keep": 2, "weekly": 5, "daily": 7}
    assert Rules.of(config) == Rules(last=2, days=30, periods=(("daily", 7), ("weekly", 5)))
    assert not Rules.of({"dry_run": True})


_RULES = st.builds(
    Rules,
    last=st.none() | st.integers(1, 9),
    days=st.none() | st.floats(0.1, 99),
    periods=st.lists(
        st.tuples(st.sampled_from(sorted(PERIODS)), st.integers(1, 9)), max_size=3
    ).map(tuple),
)


@st.composite
def _backups(draw: st.DrawFn) -> list[Kept]:
    """Return backups, oldest first, of which some go on from an older one."""
    hours = sorted(draw(st.sets(st.integers(0, 3000), max_size=25)), reverse=True)
    found: list[Kept] = []
    for number, ago in enumerate(hours):
        parents = st.sampled_from(["", *(one.id for one in found)])
        time = NOW - timedelta(hours=ago)
        found.append(Kept(id=str(number), time=time, parent=draw(parents)))
    return found


@given(_backups(), _RULES)
def test_the_newest_stays_and_every_chain_is_whole(backups: Sequence[Kept], rules: Rules) -> None:
    found = kept(backups, rules, now=NOW)
    known = {one.id: one for one in backups}
    assert found.keys() <= known.keys()
    assert not backups or backups[-1].id in found
    assert all(not known[name].parent or known[name].parent in found for name in found)


@given(_backups(), _RULES)
def test_pruning_twice_is_pruning_once(backups: Sequence[Kept], rules: Rules) -> None:
    first = kept(backups, rules, now=NOW)
    left = [one for one in backups if one.id in first]
    assert kept(left, rules, now=NOW).keys() <= first.keys()
    if all(not one.parent for one in backups):
        assert kept(left, rules, now=NOW).keys() == first.keys()


@given(_backups(), _RULES, st.randoms())
def test_the_order_of_backups_is_of_no_matter(
    backups: list[Kept], rules: Rules, random: st.DataObject
) -> None:
    mixed = list(backups)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert kept(mixed, rules, now=NOW) == kept(backups, rules, now=NOW)


@given(_backups(), _RULES, st.integers(1, 9))
def test_a_further_rule_removes_nothing_more(
    backups: Sequence[Kept], rules: Rules, days: int
) -> None:
    if not rules:
        return
    wider = Rules(last=rules.last, days=rules.days, periods=(*rules.periods, ("daily", days)))
    assert kept(backups, rules, now=NOW).keys() <= kept(backups, wider, now=NOW).keys()
