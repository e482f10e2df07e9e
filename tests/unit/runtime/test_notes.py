# SPDX-License-Identifier: Apache-2.0
"""notes: what stands in a file is what was written, and nobody else can write there."""

from __future__ import annotations

import re
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.runtime import notes, run

ODD = "a\rDEBVISOR_SKIPPED=lie\x85FORCED=1\u2028DIRECTORY=-/tmp\x0b\x0c\x1cX=1\nY=2"


def test_a_run_id_sorts_by_time_and_is_new_each_time() -> None:
    first, second = notes.run_id(1795399200_000000), notes.run_id(1795399200_000000)
    assert re.fullmatch(r"20261123T020000Z-[0-9a-f]{6}", first)
    assert first != second


def test_what_is_written_is_read(tmp_path: Path) -> None:
    fields = {"A": "1", "B": "", "C": "x=y", "D": " é\udcff "}
    notes.write(str(tmp_path / "run"), "runs", "backup", fields, lasting=True)
    assert notes.read(f"{tmp_path}/run/runs/backup") == fields
    assert [path.name for path in (tmp_path / "run/runs").iterdir()] == ["backup"]


def test_a_value_adds_no_field_whoever_reads(tmp_path: Path) -> None:
    """It may be a file name, $TRIGGER_PATH, that anybody can have made."""
    notes.write(str(tmp_path), "runs", "backup", {"PATH": ODD, "B": "2"}, lasting=False)
    path = tmp_path / "runs" / "backup"
    assert notes.read(str(path)).keys() == {"PATH", "B"}
    assert run.read_state(str(path)).keys() == {"PATH", "B"}
    assert len(path.read_text("utf-8").splitlines()) == 2


@given(st.text())
def test_every_value_is_one_line(value: str) -> None:
    text = notes.lines({"A": value.encode("utf-8", "replace").decode()}).decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("text", ["rubbish\n", "A=1\n\nB=2\n", "A=1\nhalf"])
def test_a_note_that_makes_no_sense_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "note").write_text(text, encoding="utf-8")
    assert notes.read(f"{tmp_path}/note") == {}
    assert notes.read(f"{tmp_path}/none") == {}


def test_everybody_may_read_a_note(tmp_path: Path) -> None:
    notes.write(str(tmp_path), "runs", "backup", {"A": "1"}, lasting=False)
    assert stat.S_IMODE((tmp_path / "runs/backup").stat().st_mode) == 0o644


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs").chmod(mode)
    with pytest.raises(PermissionError, match=f"fix: chmod go-w {tmp_path}/runs"):
        notes.write(str(tmp_path), "runs", "backup", {"A": "1"}, lasting=False)


def test_a_unit_file_is_read_by_section_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "x.service").write_text(
        "# made by\n[Unit]\nDescription=50%% of [Service]\n[Service]\nX-Requires=a | 1s\n"
        "X-Requires=b | 2s\nExecStart=/bin/x a=b\n",
        encoding="utf-8",
    )
    assert notes.statements(f"{tmp_path}/x.service") == {
        ("[Unit]", "Description"): ["50% of [Service]"],
        ("[Service]", "X-Requires"): ["a | 1s", "b | 2s"],
        ("[Service]", "ExecStart"): ["/bin/x a=b"],
    }
    assert notes.statements(f"{tmp_path}/none.service") == {}


def test_a_record_is_sent_by_the_native_protocol(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        notes.send({"MESSAGE": "two\nlines", "ODD": "a=\udcffb"}, str(tmp_path / "socket"))
        sent = journal.recv(1000)
    assert sent == b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nODD=a=\xffb\n"


def test_the_journal_gets_our_fields_only() -> None:
    fields = {"DEBVISOR_JOB": "backup", "IDENTIFIER": "x", "READY_AT": "1"}
    assert notes.told(fields) == {"DEBVISOR_JOB": "backup"}
