# SPDX-License-Identifier: Apache-2.0
"""Percent signs as Debian's cron 3.0pl1-197 takes them: each row was seen in a box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.jobs.crontab.percent import join_percent, split_percent

SEEN = [
    (r"see plain", "see plain", None),
    (r"see pct \% in%line1%li\%ne2%", "see pct % in", "line1\nli%ne2\n"),
    (r"see 'x\\\%y' z\\ w\%", r"see 'x\%y' z\ w%", None),
    (r'see bs "\\%" a\b%in', 'see bs "' + "\\", '" a\\b\nin\n'),
    (r"see onlyin%", "see onlyin", ""),
    (r"see nl%a%b", "see nl", "a\nb\n"),
    ("see" + "\\", "see" + "\\", None),
    (r"sed 's/^\s*(\S.*)$/\1/p'", r"sed 's/^\s*(\S.*)$/\1/p'", None),
]


@pytest.mark.parametrize(("raw", "command", "text"), SEEN)
def test_the_first_percent_sign_begins_the_input(raw: str, command: str, text: str | None) -> None:
    assert split_percent(raw) == (command, text)


LINE = st.text(st.characters(codec="ascii", exclude_characters="\n\r\0"))


@given(
    command=LINE,
    text=st.none() | st.lists(LINE).map(lambda lines: "".join(f"{x}\n" for x in lines)),
)
def test_what_is_joined_comes_apart_again(command: str, text: str | None) -> None:
    joined = join_percent(command, text)

    assert joined is None or split_percent(joined) == (command, text)


@given(command=LINE)
def test_every_line_can_be_a_command(command: str) -> None:
    assert join_percent(command, None) is not None


@pytest.mark.parametrize("text", ["a\n", "a\nb\n", "\n", "a\n\n", "", "50 %\n"])
def test_an_input_of_whole_lines_can_be_joined(text: str) -> None:
    assert join_percent("cat", text) is not None


@pytest.mark.parametrize(("command", "text"), [("a\nb", None), ("cat", "no end")])
def test_what_no_line_can_hold_is_refused(command: str, text: str | None) -> None:
    assert join_percent(command, text) is None
