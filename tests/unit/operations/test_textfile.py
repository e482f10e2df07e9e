# SPDX-License-Identifier: Apache-2.0
"""The file of the node exporter: whole or as it was, whoever else writes."""

from __future__ import annotations

import os
import re
import resource
from multiprocessing import get_context
from pathlib import Path

import pytest

from debvisor_timers.errors import UsageError
from debvisor_timers.operations.measuring.textfile import replace_textfile


def test_a_new_file_can_be_read_by_everybody_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_textfile(tmp_path / "a.prom", b"x 1\n")
    finally:
        os.umask(before)

    assert (tmp_path / "a.prom").read_bytes() == b"x 1\n"
    assert (tmp_path / "a.prom").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["a.prom"]


def test_a_reader_that_has_it_open_sees_the_old_one_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    replace_textfile(path, b"old 1\n" * 1000)

    with path.open("rb") as reader:
        begin = reader.read(6)
        replace_textfile(path, b"new 2\n")
        rest = reader.read()

    assert begin + rest == b"old 1\n" * 1000
    assert path.read_bytes() == b"new 2\n"


@pytest.mark.parametrize("name", ["a.txt", "a", "a.prom.new", ".prom", "a.PROM"])
def test_a_file_that_the_exporter_would_pass_over_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"does not end in \.prom") as refused:
        replace_textfile(tmp_path / name, b"")

    assert refused.value.fix.endswith(".prom")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory") as refused:
        replace_textfile(tmp_path / "none" / "a.prom", b"")

    assert f"the folder {tmp_path}/none" in refused.value.fix


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.prom").mkdir()

    with pytest.raises(UsageError, match="is a folder"):
        replace_textfile(tmp_path / "a.prom", b"")


def test_a_file_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(UsageError, match="File too large"):
            replace_textfile(path, b"new" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_no_file_can_have_is_an_error_of_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="File name too long"):
        replace_textfile(tmp_path / ("a" * 260 + ".prom"), b"new")


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a.prom").symlink_to("precious")

    replace_textfile(tmp_path / "a.prom", b"x 1\n")

    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a.prom").is_symlink()


def test_of_several_writers_each_reader_sees_one_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    replace_textfile(path, whole("0"))
    context = get_context("fork")
    writers = [context.Process(target=write_often, args=(path, str(number))) for number in range(4)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        text = path.read_bytes()
        assert re.fullmatch(rb"((\d)\2{6}\n)\1{999}", text)
        seen.add(text[:1])
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert [each.name for each in tmp_path.iterdir()] == ["a.prom"]
    assert len(path.read_bytes()) == 8000


def whole(digit: str) -> bytes:
    return (digit * 7 + "\n").encode() * 1000


def write_often(path: Path, digit: str) -> None:
    for _ in range(20):
        replace_textfile(path, whole(digit))
