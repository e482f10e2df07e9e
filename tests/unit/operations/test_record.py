# SPDX-License-Identifier: Apache-2.0
"""The apply record survives the disk byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.operations.applying.record import ApplyRecord, RecordFile
from debvisor_timers.systemd.ports import FileEntry, LinkEntry

RECORD = ApplyRecord(
    generation=7,
    before={"a.timer": FileEntry("[Timer]\n# \udcff not UTF-8\n"), "b.timer": None},
    after={"a.timer": None, "b.timer": LinkEntry("../b.timer")},
    scripts=("0123",),
    obsolete_scripts=("4567",),
    stopped=("a.timer",),
    started=("b.timer",),
    forgotten=("a.timer",),
    due={"a.timer": "2026-11-23T02:00:00+00:00"},
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "state" / "apply.json")

    file.write(RECORD)

    assert file.read() == RECORD


def test_no_record_means_that_nothing_was_cut_off(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "apply.json")

    assert file.read() is None
    file.remove()
    assert file.read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"generation": "x"}'])
def test_a_damaged_record_is_said_not_swallowed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "apply.json"
    path.write_text(text)

    with pytest.raises(SystemdError, match=r"apply\.json"):
        RecordFile(path).read()
