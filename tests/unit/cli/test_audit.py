# SPDX-License-Identifier: Apache-2.0
"""audit: what a person sees, what a program gets, and the exit status."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from debvisor_timers.cli.audit import _VERBS
from debvisor_timers.history.audit import Verb
from debvisor_timers.history.records import AUDIT_MESSAGE_ID
from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY, World


@pytest.fixture
def changed(program: Program, world: World) -> Program:
    """Return a program by which nightly was applied and started."""
    world.write(NIGHTLY)
    program("apply")
    program("run", "nightly")
    return program


def test_the_newest_comes_first(changed: Program) -> None:
    lines = [line.split("  ") for line in changed("audit").out.splitlines()]

    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["TIME", "WHO", "WHAT", "RESULT"],
        ["2026-11-23 13:00:07", "root (login of alice)", "run nightly", "done"],
        [
            "2026-11-23 13:00:07",
            "root (login of alice)",
            "apply nightly: 1 created, 0 updated, 0 removed",
            "done",
        ],
    ]


def test_it_fits_a_terminal(changed: Program) -> None:
    lines = click.unstyle(changed("audit", terminal=True).out).splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("done")


def test_nothing_was_changed_yet(program: Program) -> None:
    assert program("audit").out == "nothing was changed, as far as the audit reaches\n"
    assert program("audit", "--json").json == []


def test_a_diff_is_shown_on_demand(changed: Program) -> None:
    out = changed("audit", "--diff", "--verb", "apply").out

    assert out.startswith(
        "2026-11-23 13:00:07  root (login of alice): apply nightly: 1 created, 0 updated,"
        " 0 removed (generation 1): done\n"
    )
    assert "+OnCalendar=*-*-* 02:00:00\n" in out


def test_filters_are_those_of_the_command_line(changed: Program) -> None:
    assert [row["verb"] for row in changed("audit", "--json", "--limit", "1").json] == ["run"]
    assert [row["verb"] for row in changed("audit", "--json", "--verb", "run").json] == ["run"]
    assert len(changed("audit", "--json", "--job", "nightly").json) == 2
    assert len(changed("audit", "--json", "--who", "alice").json) == 2
    assert changed("audit", "--json", "--who", "bob").json == []
    assert changed("audit", "--json", "--since", "2026-11-24").json == []
    assert len(changed("audit", "--json", "--until", "2026-11-24").json) == 2
    assert changed("audit", "--verb", "dance").code == 2
    assert changed("audit", "--head", "x").code == 2


def test_a_program_gets_everything(changed: Program) -> None:
    document = changed("audit", "--json", "--verb", "run").json[0]

    digest = document.pop("digest")
    assert len(digest) == 64
    assert document.pop("host")
    assert document == {
        "number": 2,
        "time": "2026-11-23T13:00:07+01:00",
        "verb": "run",
        "jobs": ["nightly"],
        "file": None,
        "what": "",
        "result": "done",
        "error": None,
        "generation": None,
        "uid": 0,
        "user": "root",
        "login_uid": 1000,
        "login_user": "alice",
        "sudo_uid": None,
        "sudo_user": None,
        "token": None,
        "address": None,
        "request": None,
        "door": "cli",
        "diff": "",
        "proven": True,
    }


def test_a_whole_chain_is_told_with_its_head(changed: Program) -> None:
    answer = changed("audit", "--verify")

    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "2 records checked, 1 to 2"
    assert lines[1].startswith("head 2:")
    assert lines[2] == "whole"
    again = changed("audit", "--verify", "--head", lines[1].removeprefix("head "))
    assert again.code == 0
    assert again.out.splitlines()[1] == "the noted digest is that of record 2"


def test_a_vacuumed_beginning_is_told_and_is_fine(changed: Program, world: World) -> None:
    forget(world, 1)

    answer = changed("audit", "--verify")

    assert answer.code == 0
    assert "1 older one was vacuumed with the journal\n" in answer.out


def test_a_record_that_is_missing_ends_with_ten(changed: Program, world: World) -> None:
    forget(world, 2)

    answer = changed("audit", "--verify")

    assert answer.code == 10
    assert answer.out.splitlines()[-1] == "1 finding"
    assert answer.err == "tampered: record 2 is missing at the end: the head names 2\n"
    document = changed("audit", "--verify", "--json")
    assert document.code == 10
    assert document.json["whole"] is False
    assert document.json["findings"] == [
        {
            "fault": "missing at the end",
            "number": 2,
            "text": "record 2 is missing at the end: the head names 2",
        }
    ]


def test_a_record_that_was_changed_is_marked(changed: Program, world: World) -> None:
    records = world.systemd.state.records
    place = next(n for n, each in enumerate(records) if each.get("DEBVISOR_AUDIT_NUMBER") == "2")
    fields = {**records[place].fields, "DEBVISOR_AUDIT_LOGIN_USER": ("bob",)}
    records[place] = replace(records[place], fields=fields)

    assert "run nightly" in changed("audit").out
    assert "done (changed!)" in changed("audit").out
    assert changed("audit", "--verify").code == 10


@pytest.mark.parametrize("head", ["", "x", "3:x", "-1:" + "a" * 64, "A" * 64])
def test_a_head_that_is_none_is_a_mistake(changed: Program, head: str) -> None:
    assert changed("audit", "--verify", "--head", head).code == 2


@pytest.mark.parametrize("part", [("--job", "nightly"), ("--since", "today"), ("--diff",)])
def test_nobody_takes_a_part_for_verified(changed: Program, part: tuple[str, ...]) -> None:
    assert changed("audit", "--verify", *part).code == 2


def test_an_audit_that_cannot_be_written_is_told_on_stderr(changed: Program, world: World) -> None:
    world.systemd.state.steps.fail_on("journal.send")

    answer = changed("run", "nightly")

    assert answer.code == 0
    assert answer.err.startswith("warning: the audit is kept, and sent to the journal by the next")


def test_the_choice_of_verbs_is_the_table() -> None:
    assert list(_VERBS) == [str(verb) for verb in Verb]


def forget(world: World, number: int) -> None:
    world.systemd.state.records[:] = [
        record
        for record in world.systemd.state.records
        if record.get("MESSAGE_ID") != AUDIT_MESSAGE_ID
        or record.get("DEBVISOR_AUDIT_NUMBER") != str(number)
    ]
