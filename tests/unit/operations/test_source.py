# SPDX-License-Identifier: Apache-2.0
"""apply_source: another folder than /etc, with files that change in the same step."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult, apply, apply_source
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.applying.recover import recover
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import NIGHTLY, TWO, World

LATER = NIGHTLY.replace("0 2", "0 3")
HOURLY = "debvisor-job-hourly.timer"


class Tree:
    """A folder like the configuration beside it, and the edit that makes them the same."""

    def __init__(self, world: World, folder: Path, text: str) -> None:
        self.world = world
        self.folder = folder / "tree"
        (self.folder / "jobs.d").mkdir(parents=True)
        (self.folder / "jobs.d" / "a.yaml").write_text(text, encoding="utf-8")
        self.file = world.layout.jobs / "a.yaml"
        before = self.file.read_bytes() if self.file.exists() else None
        self.edit = FileEdit(path=self.file, before=before, after=text.encode())

    def apply(
        self, *, edits: bool = True, jobs: frozenset[str] | None = None, expect: int | None = None
    ) -> ApplyResult:
        source = Source(
            config=self.folder, edits=(self.edit,) if edits else (), jobs=jobs, units=None
        )
        return apply_source(
            self.world.host,
            source,
            ApplyOptions(expect_generation=expect, confirm_removal=lambda _: True),
        )


def test_another_folder_is_applied_and_kept_as_the_generation(world: World, tmp_path: Path) -> None:
    world.apply(NIGHTLY)

    result = Tree(world, tmp_path, TWO).apply(edits=False)

    assert (result.created, result.generation) == (1, 2)
    kept = Generations(world.layout.state / "generations").folder / "2" / "jobs.d" / "a.yaml"
    assert kept.read_text(encoding="utf-8") == TWO
    assert make_plan(world.host).removed == ("hourly",), "what /etc says is pending"
    assert world.apply().removed == 1


def test_units_name_the_file_below_the_configuration(world: World, tmp_path: Path) -> None:
    Tree(world, tmp_path, NIGHTLY).apply()

    unit = world.units()["debvisor-job-nightly.timer"]

    assert isinstance(unit, FileEntry)
    assert f"Source={world.layout.jobs}/a.yaml:2" in unit.text


def test_a_file_is_edited_with_the_units(world: World, tmp_path: Path) -> None:
    world.apply(NIGHTLY)
    tree = Tree(world, tmp_path, TWO)

    tree.apply()

    assert tree.file.read_text(encoding="utf-8") == TWO
    assert make_plan(world.host).is_empty
    assert world.apply().unchanged == 2


def test_a_failure_at_any_step_leaves_file_and_machine_as_they_were(
    world: World, tmp_path: Path
) -> None:
    world.apply(NIGHTLY)
    before = world.picture()
    tree = Tree(world, tmp_path, TWO)
    failures = 0
    while True:
        world.systemd.steps.fail_at(failures + 1)
        try:
            tree.apply()
        except SystemdError:
            failures += 1
            assert tree.file.read_bytes() == NIGHTLY.encode()
            assert world.picture() == before
        else:
            break
    assert failures > 5
    assert tree.file.read_bytes() == TWO.encode()


class KilledError(BaseException):
    """A process that ends here."""


def test_a_crash_is_undone_with_its_files(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(NIGHTLY)
    before = world.picture()
    tree = Tree(world, tmp_path, TWO)
    monkeypatch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
    world.systemd.steps.fail_on("manager.reload", KilledError())
    with pytest.raises(KilledError):
        tree.apply()
    assert tree.file.read_bytes() == TWO.encode()

    recover(world.host)

    assert tree.file.read_bytes() == NIGHTLY.encode()
    assert world.picture() == before


def test_what_somebody_wrote_after_the_crash_stays(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(NIGHTLY)
    tree = Tree(world, tmp_path, TWO)
    monkeypatch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
    world.systemd.steps.fail_on("manager.reload", KilledError())
    with pytest.raises(KilledError):
        tree.apply()
    tree.file.write_text(LATER, encoding="utf-8")

    recover(world.host)

    assert tree.file.read_text(encoding="utf-8") == LATER


def test_a_file_that_changed_meanwhile_is_refused(world: World, tmp_path: Path) -> None:
    world.apply(NIGHTLY)
    tree = Tree(world, tmp_path, TWO)
    tree.file.write_text(LATER, encoding="utf-8")

    with pytest.raises(RefusedError, match="changed by somebody else"):
        tree.apply()

    assert tree.file.read_text(encoding="utf-8") == LATER
    assert HOURLY not in world.units()


def test_a_new_file_goes_when_it_is_undone(world: World, tmp_path: Path) -> None:
    tree = Tree(world, tmp_path, NIGHTLY)
    world.systemd.steps.fail_on("manager.start")

    with pytest.raises(SystemdError):
        tree.apply()

    assert not tree.file.exists()


def test_a_link_stays_a_link_and_rights_stay(world: World, tmp_path: Path) -> None:
    world.apply(NIGHTLY)
    file, elsewhere = world.layout.jobs / "a.yaml", tmp_path / "elsewhere.yaml"
    file.rename(elsewhere)
    elsewhere.chmod(0o600)
    file.symlink_to(elsewhere)

    Tree(world, tmp_path, TWO).apply()

    assert file.is_symlink()
    assert elsewhere.read_bytes() == TWO.encode()
    assert elsewhere.stat().st_mode & 0o777 == 0o600


def test_other_jobs_that_somebody_has_changed_are_left(world: World, tmp_path: Path) -> None:
    world.apply(TWO)
    world.systemd.units.write({HOURLY: None})

    result = Tree(world, tmp_path, TWO.replace("0 2", "0 3")).apply(jobs=frozenset({"nightly"}))

    assert (result.updated, HOURLY in world.units()) == (1, False)
    assert make_plan(world.host).updated == ("hourly",)


def test_an_expected_generation_that_has_passed_is_refused(world: World, tmp_path: Path) -> None:
    world.apply(NIGHTLY)
    tree = Tree(world, tmp_path, TWO)

    with pytest.raises(RefusedError, match="generation 1 is the newest, not 4"):
        tree.apply(expect=4)
    with pytest.raises(RefusedError, match="generation 1 is the newest, not 4"):
        apply(world.host, ApplyOptions(expect_generation=4))

    assert tree.apply(expect=1).generation == 2
