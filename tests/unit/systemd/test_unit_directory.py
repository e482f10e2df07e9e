# SPDX-License-Identifier: Apache-2.0
"""The real folder: modes, staging, what is left after failures; reading is in tests/contract."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import FileEntry, LinkEntry
from debvisor_timers.systemd.unit_directory import DiskUnitDirectory

WANTS = "debvisor-timers.target.wants"
LINK = f"{WANTS}/debvisor-job-a.timer"


@pytest.fixture(autouse=True)
def narrow_umask() -> Iterator[None]:
    """Let what is written be readable whatever the umask of the caller is."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> DiskUnitDirectory:
    """An empty folder of units."""
    tmp_path.chmod(0o755)
    return DiskUnitDirectory(tmp_path, ("debvisor-job-*",), folders=(WANTS,))


def names(path: Path) -> list[str]:
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_files_are_readable_by_all(folder: DiskUnitDirectory, tmp_path: Path) -> None:
    folder.write({"debvisor-job-a.timer": FileEntry("a")})
    assert mode(tmp_path / "debvisor-job-a.timer") == 0o644


def test_scripts_can_be_run_by_all(tmp_path: Path) -> None:
    scripts = DiskUnitDirectory(tmp_path / "scripts", ("*",), mode=0o755)
    scripts.write({"0a1b": FileEntry("#!/bin/sh\n")})
    assert mode(tmp_path / "scripts" / "0a1b") == 0o755
    assert scripts.read() == {"0a1b": FileEntry("#!/bin/sh\n")}


def test_a_write_leaves_nothing_but_what_was_asked_for(
    folder: DiskUnitDirectory, tmp_path: Path
) -> None:
    folder.write({"debvisor-job-a.timer": FileEntry("a"), LINK: LinkEntry("../x")})
    assert names(tmp_path) == ["debvisor-job-a.timer", WANTS, LINK]


def test_a_link_is_kept_as_it_was_written(folder: DiskUnitDirectory, tmp_path: Path) -> None:
    folder.write({LINK: LinkEntry("./../a//b/")})
    assert os.readlink(tmp_path / LINK) == "./../a//b/"  # noqa: PTH115
    assert folder.read() == {LINK: LinkEntry("./../a//b/")}


def test_the_last_link_takes_its_folder_along(folder: DiskUnitDirectory, tmp_path: Path) -> None:
    other = f"{WANTS}/other.timer"
    folder.write({LINK: LinkEntry("../x"), other: LinkEntry("../y")})
    folder.write({LINK: None})
    assert names(tmp_path) == [WANTS, other]
    folder.write({other: None})
    assert names(tmp_path) == []


def test_drop_ins_of_the_administrator_are_not_ours(
    folder: DiskUnitDirectory, tmp_path: Path
) -> None:
    drop_in = tmp_path / "debvisor-job-a.service.d" / "more.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nNice=5\n")
    assert folder.read() == {}


def test_what_a_killed_writer_left_is_swept(folder: DiskUnitDirectory, tmp_path: Path) -> None:
    left = tmp_path / ".debvisor-stage-abc"
    left.mkdir()
    (left / "0").write_text("half")
    folder.write({"debvisor-job-a.timer": FileEntry("a")})
    assert names(tmp_path) == ["debvisor-job-a.timer"]


def test_it_is_swept_where_nothing_is_to_be_written(
    folder: DiskUnitDirectory, tmp_path: Path
) -> None:
    """An apply that is killed while it stages has changed nothing that an undo brings back."""
    (tmp_path / ".debvisor-stage-abc").mkdir()
    folder.write({})
    assert names(tmp_path) == []


def test_until_all_is_staged_nothing_changes(folder: DiskUnitDirectory, tmp_path: Path) -> None:
    folder.write({"debvisor-job-a.timer": FileEntry("old")})
    with pytest.raises(SystemdError, match=r"cannot write .*debvisor-job-b\.timer"):
        folder.write(
            {
                "debvisor-job-a.timer": FileEntry("new"),
                # A link target longer than any file system takes.
                "debvisor-job-b.timer": LinkEntry("x" * 10_000),
            }
        )
    assert folder.read() == {"debvisor-job-a.timer": FileEntry("old")}
    assert names(tmp_path) == ["debvisor-job-a.timer"]


def test_a_rename_that_fails_is_named_and_those_before_it_stand(
    folder: DiskUnitDirectory, tmp_path: Path
) -> None:
    (tmp_path / "debvisor-job-b.timer" / "in the way").mkdir(parents=True)
    with pytest.raises(SystemdError, match=r"cannot write .*debvisor-job-b\.timer: Is a directory"):
        folder.write(
            {
                "debvisor-job-a.timer": FileEntry("a"),
                "debvisor-job-b.timer": FileEntry("b"),
                "debvisor-job-c.timer": FileEntry("c"),
            }
        )
    assert folder.read() == {"debvisor-job-a.timer": FileEntry("a")}
    assert not list(tmp_path.glob(".debvisor-*"))


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "units").write_text("")
    folder = DiskUnitDirectory(tmp_path / "units", ("debvisor-job-*",))
    assert folder.read() == {}
    with pytest.raises(SystemdError, match="cannot write into"):
        folder.write({"debvisor-job-a.timer": FileEntry("a")})


def test_readers_never_see_a_half_written_file(
    folder: DiskUnitDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = FileEntry("old" * 1000), FileEntry("new" * 1000)
    folder.write({"debvisor-job-a.timer": old})
    seen = []
    real_rename: Callable[[Path, Path], Path] = Path.rename

    def watched(source: Path, target: Path) -> Path:
        seen.append(folder.read())
        done = real_rename(source, target)
        seen.append(folder.read())
        return done

    monkeypatch.setattr(Path, "rename", watched)
    folder.write({"debvisor-job-a.timer": new})
    assert seen == [{"debvisor-job-a.timer": old}, {"debvisor-job-a.timer": new}]
