# SPDX-License-Identifier: Apache-2.0
"""Completion as bash asks for it: words and options, and what is on the disk of a host."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.cli import complete
from debvisor_timers.cli.bash_words import BashWords, joined
from debvisor_timers.cli.main import ALIASES, COMMANDS, GROUPS, cli
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.kept_runs import a_run, keep
from tests.unit.operations.last_runs import note_under_way
from tests.unit.operations.world import World

JOBS = """\
jobs:
  nightly:
    schedule: "0 2 * * *"
    owner: admin
    tags: {environment: production, "note": 'a "b" 100%'}
    command: [/bin/true]
  nightly-2: {owner: carol, command: [/bin/true]}
  weekly: {command: [/bin/true]}
"""
NIGHT = datetime(2026, 11, 20, 2, tzinfo=UTC)

Complete = Callable[..., Sequence[str]]


@pytest.fixture
def completed(world: World, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Return what completes a line after `debvisor-timers`, on a host with three jobs."""
    world.apply(JOBS)
    layout = replace(world.layout, units=world.layout.state.parent / "units")
    layout.units.mkdir()
    for name, entry in world.units().items():
        if isinstance(entry, FileEntry):
            (layout.units / name).write_text(entry.text, encoding="utf-8")
    monkeypatch.setattr(complete, "Layout", lambda: layout)

    def ask(line: str, *, program: str = "debvisor-timers") -> Sequence[str]:
        words = f"{program} {line}"
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" "))))
        found = BashWords(cli, {}, program, f"_{program.upper().replace('-', '_')}_COMPLETE")
        return [each.split(",", 1)[1] for each in found.complete().splitlines()]

    return ask


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hist", ["history"]),
        ("jo", ["job"]),
        ("job li", ["list"]),
        ("job d", ["delete", "dependencies", "disable"]),
        ("show ni", ["nightly", "nightly-2"]),
        ("job show we", ["weekly"]),
        ("job run w", ["weekly"]),
        ("job delete w", ["weekly"]),
        ("graph w", ["weekly"]),
        ("logs w", ["weekly"]),
        ("next nightly w", ["weekly"]),
        ("history p", ["prune"]),
        ("history nightly w", ["weekly"]),
        ("list --owner ", ["admin", "carol"]),
        ("list --owner=ad", ["admin"]),
        ("history --owner c", ["carol"]),
        ("list --tag env", ["environment=production"]),
        ("history --tag no", ['note=a "b" 100%']),
        ("list --status fa", ["failed"]),
        ("history --status sk", ["skipped"]),
        ("list --format ", ["text", "json"]),
        ("show nightly --f", ["--format"]),
        ("run nightly --dr", ["--dry-run"]),
        ("stats --b", ["--by"]),
        ("show nobody", []),
        ("show ../", []),
    ],
)
def test_words_are_completed(completed: Complete, line: str, words: Sequence[str]) -> None:
    assert completed(line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("list --owner = ad", ["admin"]),
        ("list --owner =", ["admin", "carol"]),
        ("list --format = j", ["json"]),
        ("job list --status = fa", ["failed"]),
        ("list --tag environment = pro", ["production"]),
        ("list --tag = environment = pro", ["production"]),
        ("list --tag = env", ["environment=production"]),
        ("list --owner = admin --status = fa", ["failed"]),
    ],
)
def test_words_that_bash_breaks_at_the_equals_sign_are_completed(
    completed: Complete, line: str, words: Sequence[str]
) -> None:
    assert completed(line) == words


def test_broken_words_are_joined() -> None:
    assert joined(["a", "--b", "=", "c", "=", "d", "e", "--f", "="]) == [
        *("a", "--b=c=d", "e", "--f="),
    ]


@pytest.mark.parametrize("line", ["xyzzy ", "job xyzzy ", "show --nope ", "job "])
def test_a_wrong_word_ends_no_completion_by_an_error(completed: Complete, line: str) -> None:
    assert isinstance(completed(line), list)


def test_the_second_name_is_completed_alike(completed: Complete) -> None:
    assert completed("job show we", program="debvisor-schedule") == ["weekly"]


def test_all_first_words_and_all_words_after_job_are_offered(completed: Complete) -> None:
    first = {name for name in (*COMMANDS, *GROUPS) if " " not in name}
    of_job = {name.removeprefix("job ") for name in (*COMMANDS, *ALIASES) if name[:4] == "job "}

    assert set(completed("")) <= first
    assert {name for name in COMMANDS if " " not in name} <= set(completed(""))
    assert set(completed("job ")) == of_job


def test_ids_of_runs_come_from_the_history_newest_first(world: World, completed: Complete) -> None:
    keep(
        world,
        [
            a_run(NIGHT, 5),
            a_run(NIGHT + timedelta(days=1), 5, outcome=RunOutcome.FAILED),
            a_run(NIGHT + timedelta(days=2), 5),
            a_run(NIGHT, 5, job="weekly"),
        ],
    )
    newest, failed, oldest = (NIGHT + timedelta(days=days) for days in (2, 1, 0))

    def begins(line: str) -> list[str]:
        return [each[:9] for each in completed(line)]

    days = [f"{day:%Y%m%dT}" for day in (newest, failed, oldest)]
    assert begins("show nightly --run ") == days
    assert begins("logs nightly --run 202611") == days
    assert begins("retry nightly ") == [days[1]]
    assert begins("show weekly --run ") == [days[2]]
    assert begins("show week --run ") == [days[2]]
    assert completed("show weekly --run 1999") == []


def test_a_run_that_is_under_way_is_offered(world: World, completed: Complete) -> None:
    world.systemd.manager.start(["debvisor-job-weekly.service"])
    note_under_way(world, "weekly")

    assert completed("show weekly --run ") == ["20261123T120000Z-0d4c52"]


def test_generations_are_numbers_newest_first(world: World, completed: Complete) -> None:
    world.apply(JOBS + "  more: {command: [/bin/true]}\n")

    assert completed("rollback ") == ["2", "1"]
    assert completed("diff 1 ") == ["2", "1"]


def test_types_of_tasks_are_the_files_that_declare_them(world: World, completed: Complete) -> None:
    folder = world.layout.config / "tasks.d"
    folder.mkdir()
    (folder / "vm_snapshot.yaml").write_text("")
    (folder / "backup.yaml").write_text("")

    found = completed("job create --task-type ")
    assert {"backup", "vm_snapshot", "cost_analysis"} <= set(found)
    assert found == sorted(set(found))


def test_a_host_with_nothing_completes_commands(
    world: World, monkeypatch: pytest.MonkeyPatch, completed: Complete
) -> None:
    empty = replace(world.layout, units=world.layout.state / "no-units")
    monkeypatch.setattr(complete, "Layout", lambda: empty)

    assert completed("show ") == []
    assert completed("list --owner ") == []
    assert completed("show nightly --run ") == []
    assert "show" in completed("sh")


def test_a_thousand_jobs_are_completed_at_once(world: World, completed: Complete) -> None:
    units = world.layout.state.parent / "units"
    text = (units / "debvisor-job-nightly.service").read_text(encoding="utf-8")
    for number in range(1000):
        (units / f"debvisor-job-many-{number}.service").write_text(text, encoding="utf-8")

    begun = time.perf_counter()
    jobs, owners = completed("show many-"), completed("list --owner ")
    took = time.perf_counter() - begun

    assert len(jobs) == 1000
    assert owners == ["admin", "carol"]
    assert took < 1
