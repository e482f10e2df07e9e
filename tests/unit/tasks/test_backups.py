# SPDX-License-Identifier: Apache-2.0
"""Backups in a directory: what a manifest says, which are found, and what a chain is."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.tasks import backup_folders
from debvisor_timers.tasks.archive import archive
from debvisor_timers.tasks.backups import (
    File,
    Manifest,
    backups_of,
    broken,
    chain,
    chosen,
    is_folder_name,
    manifest_in,
    read_manifests,
)
from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.protection import backups_in

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UUID = "5a8e9e0e-8a3c-4f5e-9d53-0c6f7f3a1b11"
SUM = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
"""Of the bytes "foo"; source: sha256sum."""

TEXT = f"""\
{{
  "version": 1,
  "id": "b1",
  "machine": "web-1",
  "uuid": "{UUID}",
  "time": "2026-11-23T12:00:00+00:00",
  "job": "nightly",
  "state": "running",
  "files": [
    {{
      "name": "vda.qcow2",
      "size": 3,
      "sha256": "{SUM}",
      "target": "vda",
      "capacity": 1048576
    }}
  ],
  "parent": "",
  "checkpoint": "debvisor-b1",
  "quiesced": false,
  "mode": "full"
}}
"""


def backup(directory: Path, name: str, *, parent: str = "", machine: str = "web-1") -> Manifest:
    """Make a backup of which the image has the bytes "foo", hours after noon as its name says."""
    folder = directory / machine / name
    folder.mkdir(parents=True)
    (folder / "vda.qcow2").write_text("foo")
    image = File(name="vda.qcow2", size=3, sha256=SUM, target="vda", capacity=1048576)
    manifest = Manifest(
        id=name,
        machine=machine,
        uuid=UUID if machine == "web-1" else machine,
        time=NOON + timedelta(hours=int(name[1:])),
        job="nightly",
        state="running",
        files=(image,),
        parent=parent,
        folder=folder,
    )
    (folder / "manifest.json").write_text(manifest.text())
    return manifest


def test_a_manifest_is_written_for_people_and_read_again(tmp_path: Path) -> None:
    manifest = manifest_in(TEXT, tmp_path / "b1")
    assert manifest.text() == TEXT
    assert (manifest.machine, manifest.mode, manifest.size) == ("web-1", "full", 3)
    assert manifest.images == manifest.files


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version": 1', '"version": 2'),
        ('"id": "b1"', '"id": "b2"'),
        ('"job": "nightly",', ""),
        ("+00:00", ""),
        ('"vda.qcow2"', '"../vda.qcow2"'),
        ('"vda.qcow2"', '"/etc/shadow"'),
        ('"parent": ""', '"parent": "../b0"'),
        (SUM, "none"),
        ('"files": [', '"files": [7,'),
        ("{", ""),
    ],
    ids=lambda value: str(value)[:16],
)
def test_a_manifest_that_is_wrong_is_none(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"."):
        manifest_in(TEXT.replace(old, new), tmp_path / "b1")


def test_backups_are_found_oldest_first_and_half_ones_are_not(tmp_path: Path) -> None:
    for name in ("b2", "b10", "b1"):
        backup(tmp_path, name)
    backup(tmp_path, "b3", machine="web-2")
    (tmp_path / "web-1" / "b2").rename(tmp_path / "web-1" / ".partial-b2")
    (tmp_path / "web-1" / "b4").mkdir()

    found = read_manifests(tmp_path)

    assert [one.id for one in found.manifests] == ["b1", "b3", "b10"]
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path}/web-1/b4 is no backup: ")
    assert read_manifests(tmp_path / "none").manifests == ()


def test_coverage_sees_backups_that_have_their_name(tmp_path: Path) -> None:
    backup(tmp_path, "b1")
    backup(tmp_path, "b2")
    (tmp_path / "web-1" / "b2").rename(tmp_path / "web-1" / ".partial-b2")
    found = backups_in([tmp_path])
    assert found.problems == ()
    ((saved,),) = found.by_machine.values()
    assert (saved.place, saved.made) == (f"{tmp_path}/web-1/b1", NOON + timedelta(hours=1))


def test_a_chain_goes_down_to_the_full_one(tmp_path: Path) -> None:
    full, first, second = (
        backup(tmp_path, "b1"),
        backup(tmp_path, "b2", parent="b1"),
        backup(tmp_path, "b3", parent="b2"),
    )
    assert chain(second, [second, full, first]) == [full, first, second]
    assert chain(full, [full]) == [full]
    with pytest.raises(ValueError, match="its parent b1 is missing"):
        chain(second, [first, second])
    with pytest.raises(ValueError, match="its parent b3 is missing"):
        chain(second, [replace(first, parent="b3"), second])
    assert broken([full, first]) == ""
    (first.folder / "vda.qcow2").write_text("longer")
    assert broken([full, first]) == f"{first.folder}/vda.qcow2 has 6 bytes instead of 3"
    (first.folder / "vda.qcow2").unlink()
    assert broken([full, first]) == f"{first.folder}/vda.qcow2: No such file or directory"


@pytest.mark.parametrize(
    ("name", "machines", "expected"),
    [
        ("latest", [], ["web-1/b3", "web-2/b2"]),
        ("latest", ["web-2"], ["web-2/b2"]),
        ("latest", [UUID], ["web-1/b3"]),
        ("latest", ["*-1", "none"], ["web-1/b3"]),
        ("b2", [], ["web-1/b2", "web-2/b2"]),
        ("web-1/b2", [], ["web-1/b2"]),
        ("web-2/latest", [], ["web-2/b2"]),
    ],
)
def test_backups_are_chosen(
    name: str, machines: list[str], expected: list[str], tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        backup(tmp_path, f"b{number}")
    for number in (1, 2):
        backup(tmp_path, f"b{number}", machine="web-2")
    found = chosen(tmp_path, read_manifests(tmp_path).manifests, name, machines)
    assert [f"{one.machine}/{one.id}" for one in found] == expected


@pytest.mark.parametrize(
    ("name", "machines", "said"),
    [
        ("b9", [], "there is no backup b9 in {}\n"),
        ("latest", ["db"], "there is no backup of db in {}\n"),
        ("../web-1/b1", [], "there is no backup ../web-1/b1 in {}\n"),
    ],
)
def test_a_backup_that_is_not_there(
    name: str, machines: list[str], said: str, tmp_path: Path
) -> None:
    backup(tmp_path, "b1")
    with pytest.raises(TaskFailed) as caught:
        chosen(tmp_path, read_manifests(tmp_path).manifests, name, machines)
    assert str(caught.value).startswith(said.format(tmp_path))
    assert caught.value.exit_status == 65


def test_names_that_would_be_no_folder_of_a_machine() -> None:
    assert is_folder_name("web 1")
    assert not any(map(is_folder_name, ("..", ".lock", "a/b", "", "a\n")))


def test_a_folder_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    manifest = replace(manifest_in(TEXT, tmp_path / "b1"), folder=tmp_path / "b1")
    with backup_folders.staged(tmp_path, "b1") as stage:
        (stage / "vda.qcow2").write_text("foo")
        file = backup_folders.file_of(stage / "vda.qcow2", target="vda", capacity=1048576)
        assert (file.size, file.sha256) == (3, SUM)
        assert not (tmp_path / "b1").exists()
        assert backup_folders.finish(stage, manifest) == tmp_path / "b1"
    (found,) = backups_of(tmp_path).manifests
    assert found == manifest
    backup_folders.remove(tmp_path / "b1")
    assert list(tmp_path.iterdir()) == []


def test_whatever_stops_a_backup_leaves_nothing(tmp_path: Path) -> None:
    def work() -> None:
        with (
            backup_folders.stopping_by_signal(),
            backup_folders.staged(tmp_path, "b1") as stage,
        ):
            (stage / "vda.qcow2").write_text("foo")
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_one_at_a_time_changes_the_backups_of_a_machine(tmp_path: Path) -> None:
    with backup_folders.held(tmp_path, shared=True), backup_folders.held(tmp_path, shared=True):
        with (
            pytest.raises(TaskFailed, match="is at work") as caught,
            backup_folders.held(tmp_path),
        ):
            pass
        assert caught.value.exit_status == 75
    with backup_folders.held(tmp_path):
        pass


def test_room_is_asked_for_before(tmp_path: Path) -> None:
    backup_folders.check_room(tmp_path, 0)
    with pytest.raises(TaskFailed, match=r"no room in .*the backup may need 1099511627840 MiB"):
        backup_folders.check_room(tmp_path, 2**60)


def test_archive_removes_what_no_rule_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBVISOR_RUN_ID", "20261123T200000Z-4f2a9c")
    backup(tmp_path, "b1")
    backup(tmp_path, "b2", parent="b1")
    backup(tmp_path, "b3")
    backup(tmp_path, "b4", parent="b3")
    backup(tmp_path, "b1", machine="gone")
    config = {"directory": str(tmp_path), "keep": 1}

    dry = archive({**config, "dry_run": True})["machines"]
    assert dry["web-1"]["would_remove"] == ["b2", "b1"]
    assert len(read_manifests(tmp_path).manifests) == 5
    found = archive(config)["machines"]

    assert found["web-1"]["removed"] == ["b2", "b1"]
    assert found["web-1"]["kept"] == {"b4": "the newest", "b3": "needed by b4"}
    assert found["web-1"]["bytes"] == 6
    assert found["gone"]["removed"] == []
    left = [one.id for one in read_manifests(tmp_path).manifests]
    assert left == ["b1", "b3", "b4"]
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".lock"]


def test_archive_removes_nothing_beside_what_it_cannot_read(tmp_path: Path) -> None:
    backup(tmp_path, "b1")
    backup(tmp_path, "b2", parent="b1")
    backup(tmp_path, "b3", parent="b2")
    (tmp_path / "web-1" / "b2" / "manifest.json").write_text("{")
    (tmp_path / "other" / "folder").mkdir(parents=True)
    with pytest.raises(TaskFailed, match=r"none is removed: .*/b2 is no backup") as caught:
        archive({"directory": str(tmp_path), "retention_days": 1})
    assert caught.value.exit_status == 65
    assert sorted(path.name for path in (tmp_path / "web-1").iterdir() if path.name != ".lock") == [
        "b1",
        "b2",
        "b3",
    ]
    assert list((tmp_path / "other").iterdir()) == [tmp_path / "other" / "folder"]


def test_archive_wants_a_rule(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="no rule is given"):
        archive({"directory": str(tmp_path)})
