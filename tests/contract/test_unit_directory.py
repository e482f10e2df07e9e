# SPDX-License-Identifier: Apache-2.0
"""What a folder of units does; the real one needs no systemd, so both run everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.systemd.memory import Steps
from debvisor_timers.systemd.memory.folder import MemoryFolder
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry, UnitDirectory
from debvisor_timers.systemd.unit_directory import DiskUnitDirectory

PATTERNS = ("debvisor-job-*", "debvisor-boot-*")
FOLDERS = ("debvisor-timers.target.wants",)
LINK = "debvisor-timers.target.wants/debvisor-job-a.timer"


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> UnitDirectory:
    """An empty folder."""
    if request.param == "disk":
        return DiskUnitDirectory(tmp_path / "units", PATTERNS, folders=FOLDERS)
    return MemoryFolder("units", Steps(), {}, PATTERNS, FOLDERS)


def test_a_folder_that_is_not_there_is_empty(folder: UnitDirectory) -> None:
    assert folder.read() == {}


def test_what_was_written_is_read(folder: UnitDirectory) -> None:
    entries: dict[str, Entry] = {
        "debvisor-job-a.timer": FileEntry("[Timer]\n"),
        "debvisor-boot-a.timer": FileEntry(""),
        "debvisor-job-b.service": LinkEntry("/dev/null"),
        LINK: LinkEntry("../debvisor-job-a.timer"),
    }
    folder.write(entries)
    assert folder.read() == entries


def test_one_entry_is_read_without_the_others(folder: UnitDirectory) -> None:
    folder.write(
        {
            "debvisor-job-a.timer": FileEntry("[Timer]\n"),
            "debvisor-job-b.service": LinkEntry("./x/../null"),
            "debvisor-web.service": FileEntry("[Unit]\n"),
            LINK: LinkEntry("../debvisor-job-a.timer"),
        }
    )

    assert folder.entry("debvisor-job-a.timer") == FileEntry("[Timer]\n")
    assert folder.entry("debvisor-job-b.service") == LinkEntry("./x/../null")
    for name in ("debvisor-job-c.service", "debvisor-web.service", LINK, "", "../a", "\0"):
        assert folder.entry(name) is None


def test_text_that_is_not_utf_8_survives(folder: UnitDirectory) -> None:
    entry = FileEntry("Description=\udcff \N{SNOWMAN} \r\n" + "x" * 200_000)
    folder.write({"debvisor-job-a.service": entry})
    assert folder.read() == {"debvisor-job-a.service": entry}


def test_names_of_others_are_not_ours(folder: UnitDirectory) -> None:
    folder.write(
        {
            "debvisor-web.service": FileEntry("[Unit]\n"),
            "other.target.wants/debvisor-job-a.timer": LinkEntry("../debvisor-job-a.timer"),
        }
    )
    assert folder.read() == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FileEntry("a"), FileEntry("b")),
        (FileEntry("a"), LinkEntry("b")),
        (LinkEntry("a"), FileEntry("b")),
        (LinkEntry("a"), LinkEntry("b")),
    ],
)
def test_an_entry_takes_the_place_of_another(
    folder: UnitDirectory, before: Entry, after: Entry
) -> None:
    folder.write({LINK: before})
    folder.write({LINK: after})
    assert folder.read() == {LINK: after}


def test_none_removes_and_need_not_find_anything(folder: UnitDirectory) -> None:
    folder.write({"debvisor-job-a.timer": FileEntry("a"), LINK: LinkEntry("b")})
    folder.write({"debvisor-job-a.timer": None, LINK: None, "debvisor-job-c.timer": None})
    assert folder.read() == {}


def test_nothing_to_change_is_no_error(folder: UnitDirectory) -> None:
    folder.write({})
    assert folder.read() == {}


@pytest.mark.parametrize("name", ["/etc/passwd", "../debvisor-job-a.timer", "a/../../b", ""])
def test_a_path_outside_the_folder_is_a_mistake_of_ours(folder: UnitDirectory, name: str) -> None:
    with pytest.raises(ValueError, match="below the folder"):
        folder.write({name: FileEntry("")})
