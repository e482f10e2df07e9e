# SPDX-License-Identifier: Apache-2.0
"""Names of commands: headings, further names, groups of two words, the second program name."""

from __future__ import annotations

import sys

import click
import pytest

from debvisor_timers.cli.main import ALIASES, COMMANDS, GROUPS, HEADINGS, cli, program_name
from debvisor_timers.cli.options import JobName
from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY


def resolved(*words: str) -> click.Command:
    """Return the command that a command line names."""
    context = click.Context(cli, info_name="debvisor-timers")
    name, command, rest = cli.resolve_command(context, list(words))
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, rest)
    assert command is not None
    assert name is not None
    return command


@pytest.mark.parametrize(("further", "name"), ALIASES.items())
def test_a_further_name_is_the_very_same_command(further: str, name: str) -> None:
    assert resolved(*further.split()) is resolved(*name.split())


def test_every_heading_names_commands_once() -> None:
    names = [name for several in HEADINGS.values() for name in several]

    assert len(names) == len(set(names))
    assert set(COMMANDS) <= set(names), "which heading does it belong under?"


def test_help_has_every_command_on_a_line_under_a_heading(program: Program) -> None:
    lines = program("--help", terminal=True).out.splitlines()

    shown = [line.split("  ")[1] for line in lines if line.startswith("  ") and line[2] != " "]
    assert set(COMMANDS) <= set(shown)
    assert {"Every day:", "Changing jobs:", "What was:"} <= set(lines)
    assert "Further commands:" not in lines
    assert max(map(len, lines)) <= 80
    for name, summary in COMMANDS.items():
        assert any(f"{name} " in line and summary in line for line in lines), summary


@pytest.mark.parametrize(
    "word",
    [word for word in GROUPS if any(name.startswith(f"{word} ") for name in (*COMMANDS, *ALIASES))],
)
def test_a_first_word_has_a_help_of_its_own(program: Program, word: str) -> None:
    answer = program(word, "--help")

    assert answer.code == 0
    assert answer.out.startswith(f"Usage: debvisor-timers {word} ")
    for name in (*COMMANDS, *ALIASES):
        first, _, second = name.partition(" ")
        assert (first != word) or f"\n  {second} " in answer.out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "audit"])
def test_every_command_finds_jobs_alike(name: str) -> None:
    # The audit alone tells of ids that neither units, nor runs, nor files have any more.
    named = [p for p in resolved(*name.split()).params if "JOB" in (p.metavar or "")]

    for param in named:
        assert param.name == "depends_on" or isinstance(param.type, JobName)


def test_a_wrong_second_word_names_the_nearest(program: Program) -> None:
    answer = program("job", "lst")

    assert answer.code == 2
    assert "No such command 'job lst'. Did you mean 'job list'?" in answer.err


def test_a_command_of_two_words_may_begin_with_a_command(program: Program) -> None:
    assert "Forget the oldest runs" in program("history", "prune", "--help").out
    program.world.apply("jobs: {prune: {command: [/bin/true]}}\n")
    assert program("history", "--", "prune").out == "prune has not run yet\n"


def test_both_forms_give_the_same_answer(program: Program) -> None:
    program.world.apply(NIGHTLY)

    assert program("job", "list").out == program("list").out
    of_job = program("job", "show", "nightly", "--format=json")
    assert of_job.json == program("show", "nightly", "--json").json
    assert program("job", "show", "nightly", "--format", "text").out.startswith("         job  ")


def test_two_formats_together_are_refused(program: Program) -> None:
    answer = program("list", "--json", "--format=text")

    assert (answer.code, answer.out) == (2, "")
    assert "--json and --format=text together\n fix: write one of them" in answer.err


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/usr/bin/debvisor-timers", "debvisor-timers"),
        ("/usr/bin/debvisor-schedule", "debvisor-schedule"),
        ("/usr/lib/python3/dist-packages/debvisor_timers/__main__.py", "debvisor-timers"),
        ("-c", "debvisor-timers"),
    ],
)
def test_the_program_knows_how_it_was_called(
    monkeypatch: pytest.MonkeyPatch, called: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called])

    assert program_name() == name


def test_help_has_the_name_that_was_typed(program: Program) -> None:
    answer = program("job", "list", "--help", called="debvisor-schedule")

    assert answer.out.startswith("Usage: debvisor-schedule job list [OPTIONS]\n")
