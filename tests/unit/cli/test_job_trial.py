# SPDX-License-Identifier: Apache-2.0
"""job create, update, edit and delete with --try: kept, taken back, refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.unit.cli.program import Program
from tests.unit.operations.world import TWO, World

LATER = ("job", "update", "nightly", "--cron", "0 7 * * *", "--try", "5min", "--no-wait")


@pytest.fixture(autouse=True)
def _drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let drafts lie in the folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def tried(program: Program, world: World) -> Program:
    """Return the program on a host with two jobs."""
    world.apply(TWO)
    return program


def file(world: World) -> str:
    return (world.layout.jobs / "a.yaml").read_text(encoding="utf-8")


def test_an_update_that_is_tried_is_made_and_says_how_to_keep_it(
    tried: Program, world: World
) -> None:
    answer = tried(*LATER)

    assert (answer.code, answer.err) == (0, "")
    first, *_, last = answer.out.splitlines()
    assert first == "updated nightly"
    assert last.startswith("it is taken back at 2026-11-23 ")
    assert last.endswith("; keep it with: debvisor-timers confirm")
    assert '{cron: "0 7 * * *", catch_up: once}' in file(world)


def test_what_nobody_confirms_is_taken_back_with_its_file(tried: Program, world: World) -> None:
    tried(*LATER)

    assert tried("undo-try").code == 0

    assert file(world) == TWO


def test_what_is_confirmed_stays(tried: Program, world: World) -> None:
    tried(*LATER)

    assert tried("confirm").code == 0

    assert tried("undo-try").out == "nothing is being tried\n"
    assert "0 7 * * *" in file(world)


def test_a_job_that_is_made_on_trial_goes_with_its_file(tried: Program, world: World) -> None:
    new = ("job", "create", "--id", "fresh", "--command", "/bin/true")
    assert tried(*new, "--try=30", "--no-wait").out.startswith("Created job: fresh\n")
    assert (world.layout.jobs / "fresh.yaml").exists()

    tried("undo-try")

    assert not (world.layout.jobs / "fresh.yaml").exists()


def test_a_job_that_is_deleted_on_trial_comes_back(tried: Program, world: World) -> None:
    gone = tried("job", "delete", "nightly", "--force", "--try=30", "--no-wait")
    assert gone.out.startswith("deleted nightly\n")

    tried("undo-try")

    assert file(world) == TWO


def test_an_edited_file_is_tried_too(tried: Program, world: World, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/0 2 /0 7 /" "$1"\n', encoding="utf-8")
    editor.chmod(0o755)

    answer = tried(
        *("job", "edit", "nightly", "--try=1h", "--no-wait"), environment={"EDITOR": str(editor)}
    )

    assert answer.out.startswith("updated nightly\n")
    assert "0 7 " in file(world)
    tried("undo-try")
    assert file(world) == TWO


def test_one_document_tells_until_when(tried: Program) -> None:
    found = tried(*LATER, "--json").json

    assert found["jobs"] == ["nightly"]
    assert found["deadline"].startswith("2026-11-23T")
    assert found["decision"] is None


def test_what_changes_nothing_is_not_tried(tried: Program, world: World) -> None:
    answer = tried("job", "update", "nightly", "--cron", "0 2 * * *", "--try=5min")

    assert (answer.code, answer.out) == (0, "nightly is as it should be already\n")
    assert not world.layout.trial.exists()


@pytest.mark.parametrize("command", [("edit", "nightly"), ("delete", "nightly")])
def test_a_wrong_time_is_told_before_anybody_is_asked_anything(
    tried: Program, world: World, command: tuple[str, ...]
) -> None:
    answer = tried("job", *command, "--try=soon", environment={"EDITOR": "false"})

    assert answer.code == 2
    assert answer.err.startswith("error: --try 'soon' is no time from 1s to 1d\n")
    assert file(world) == TWO


@pytest.mark.parametrize(
    ("more", "what", "fix"),
    [
        (("--try=0",), "--try '0' is no time from 1s to 1d", "write seconds, or a time: 5min"),
        (("--try=2d",), "--try '2d' is no time from 1s to 1d", "write seconds, or a time: 5min"),
        (
            ("--try=soon",),
            "--try 'soon' is no time from 1s to 1d",
            "write seconds, or a time: 5min",
        ),
        (
            ("--try=30", "--dry-run"),
            "--dry-run leaves nothing to try",
            "leave out --dry-run, or --try",
        ),
        (
            ("--try=30", "--no-apply"),
            "--no-apply leaves nothing to try",
            "leave out --no-apply, or --try",
        ),
        (("--no-wait",), "--no-wait without --try", "add --try TIME, such as --try 5min"),
    ],
)
def test_a_trial_that_makes_no_sense_is_refused_before_anything_is_done(
    tried: Program, world: World, more: tuple[str, ...], what: str, fix: str
) -> None:
    answer = tried("job", "update", "nightly", "--cron", "0 7 * * *", *more)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"error: {what}\n fix: {fix}\n"
    assert file(world) == TWO
