# SPDX-License-Identifier: Apache-2.0
"""Settings, users, comments and places of a crontab."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.jobs.crontab.disabled import comment_out, is_out
from debvisor_timers.jobs.crontab.parse import Crontab, description, parse_crontab

FILE = Path("/etc/cron.d/x")


def parse(text: str, owner: str = "") -> Crontab:
    return parse_crontab(text, path=FILE, owner=owner)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("FOO = bar  ", "FOO", "bar"),
        (' BAR\t=  "quoted value"  ', "BAR", "quoted value"),
        ("EMPTY=", "EMPTY", ""),
        ('E2=""', "E2", ""),
        ("HASH=a # b", "HASH", "a # b"),
        ("DOL=$FOO:~", "DOL", "$FOO:~"),
        ("'QU'='x '", "QU", "x"),
        ('A=b"c', "A", 'b"c'),
        ("C='\"'", "C", '"'),
        ("A=b\r", "A", "b"),
        ("1A=d", "1A", "d"),
        ("X-Y=1", "X-Y", "1"),
        ("a=1 2 3", "a", "1 2 3"),
    ],
)
def test_a_setting_is_read_as_a_running_cron_did(line: str, name: str, value: str) -> None:
    (entry,) = parse(f"{line}\n* * * * * root run\n").entries

    assert {key: each.value for key, each in entry.settings.items()} == {name: value}


@pytest.mark.parametrize("line", ["A B=c", 'J="a"b', 'A="b', 'A="" x', "NOEQ", "* * * *"])
def test_what_is_neither_setting_nor_entry_makes_cron_pass_over_the_file(line: str) -> None:
    crontab = parse(f"* * * * * root run\n{line}\n")

    assert crontab.is_ignored
    assert [problem.span.line for problem in crontab.problems] == [2]


def test_a_setting_counts_from_its_line_on() -> None:
    first, second, third = parse(
        "* * * * * root a\nPATH=/one\n* * * * * root b\nPATH=/two\n* * * * * root c\n"
    ).entries

    assert first.settings == {}
    assert second.settings["PATH"].value == "/one"
    assert third.settings["PATH"].value == "/two"


def test_a_users_crontab_has_no_column_with_users() -> None:
    (entry,) = parse("@daily run  it \n", owner="alice").entries

    assert (entry.schedule, entry.user, entry.raw) == ("@daily", "alice", "run  it ")
    assert entry.columns[2] == 8


def test_blanks_between_columns_do_not_count() -> None:
    (entry,) = parse("  5\t *  * *   * \troot\t\trun\n").entries

    assert (entry.schedule, entry.user, entry.raw) == ("5 * * * *", "root", "run")
    assert entry.columns == (3, 18, 24)


def test_a_comment_belongs_to_the_line_right_below_it() -> None:
    text = "# About the file.\n\n# What a does:\n# it runs.\n* * * * * root a\n* * * * * root b\n"

    assert [description(entry.comment) for entry in parse(text).entries] == [
        "What a does: it runs.",
        "",
    ]


def test_an_entry_that_is_commented_out_is_no_description() -> None:
    text = "# Old.\n# 0 1 * * * root old\n# m h dom mon dow user command\n* * * * * root a\n"

    (entry,) = parse(text).entries
    assert description(entry.comment) == ""


COMMANDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@given(commands=st.lists(COMMANDS.filter(lambda text: len(text) < 500), min_size=1, max_size=5))
def test_a_line_that_was_commented_out_is_read_as_before(commands: list[str]) -> None:
    text = "".join(f"* * * * * root {command}\n" for command in commands)
    jobs = {number: f"job-{number}" for number in range(1, len(commands) + 1)}

    after = comment_out(text, jobs)

    assert parse(after).entries == parse(text).entries
    assert [entry.raw for entry in parse(text).entries] == commands
    assert all(is_out(line) and line.startswith("#") for line in after.split("\n")[:-1])
    assert comment_out(after, jobs) == after
