# SPDX-License-Identifier: Apache-2.0
"""Which files root alone can change: by their folders, their links, and what could be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from debvisor_timers.jobs.trust import doubt_on, doubts_on

ALICE = 1000

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: runs in the box")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A folder of root with a file of root in it."""
    (tmp_path / "etc").mkdir(mode=0o755)
    (tmp_path / "etc" / "env").touch(mode=0o644)
    return tmp_path / "etc"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of another user."""
    (tmp_path / "home").mkdir(mode=0o755)
    os.chown(tmp_path / "home", ALICE, ALICE)
    return tmp_path / "home"


def doubted(path: Path) -> Path | None:
    """Return what is doubted on the way to `path`; the folder of the tests is below /tmp."""
    doubt = doubt_on(path, below_shared=True)
    return doubt.path if doubt else None


def test_a_file_of_root_in_folders_of_root_is_trusted(etc: Path) -> None:
    assert doubted(etc / "env") is None


def test_a_shared_folder_is_no_place_for_what_may_come_and_go(etc: Path) -> None:
    shared = etc / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "env").touch()
    assert doubted(shared / "env") is None
    assert doubted(shared / "missing") == shared
    os.chown(shared / "env", ALICE, ALICE)
    assert doubted(shared / "env") == shared / "env"
    (shared / "link").symlink_to("/etc/passwd")
    os.chown(shared / "link", ALICE, ALICE, follow_symlinks=False)
    assert doubted(shared / "link") == shared / "link"


def test_a_link_in_a_folder_of_another_user_is_doubted(etc: Path, home: Path) -> None:
    (home / "env").symlink_to(etc / "env")
    assert doubted(home / "env") == home


def test_a_link_by_way_of_a_folder_of_another_user_is_doubted(etc: Path, home: Path) -> None:
    (home / "hop").symlink_to(etc / "env")
    (etc / "link").symlink_to("../home/hop")
    assert doubted(etc / "link") == home


def test_a_folder_that_is_left_again_counts(etc: Path, home: Path) -> None:
    assert doubted(home / ".." / "etc" / "env") == home
    (etc / "link").symlink_to("env")
    assert doubted(etc / "link") is None


def test_links_in_a_circle_end(etc: Path) -> None:
    (etc / "a").symlink_to("b")
    (etc / "b").symlink_to("a")
    assert doubted(etc / "a") is None


@pytest.mark.parametrize(
    ("mode", "group", "trusted"),
    [(0o666, 0, False), (0o664, ALICE, False), (0o664, 0, True), (0o640, ALICE, True)],
)
def test_who_may_write(etc: Path, mode: int, group: int, *, trusted: bool) -> None:
    os.chown(etc / "env", 0, group)
    (etc / "env").chmod(mode)
    assert doubted(etc / "env") == (None if trusted else etc / "env")


def test_what_matches_a_glob_now_or_later_counts(etc: Path, home: Path) -> None:
    os.chown(etc / "env", ALICE, 0)
    matched = doubts_on(f"{etc}/e*", below_shared=True)
    assert [doubt.path for doubt in matched] == [etc / "env"]
    to_come = doubts_on(f"{etc.parent}/h*/not-yet", below_shared=True)
    assert [doubt.path for doubt in to_come] == [home]
