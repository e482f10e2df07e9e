# SPDX-License-Identifier: Apache-2.0
"""The [X-Debvisor] section."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.render.ownership import Ownership, digest, is_edited, read_ownership, sign
from debvisor_timers.source import Span

BODY = "# head\n[Service]\nExecStart=/bin/true\n"
SOURCE = Span(file=Path("/etc/debvisor/timers/jobs.d/a.yaml"), line=14, column=3)
SIGNED = """\
# head
[Service]
ExecStart=/bin/true

[X-Debvisor]
Job=a
Source=/etc/debvisor/timers/jobs.d/a.yaml:14
Generation=3
Digest=7af150400f2b1d6bfc093a6bd8a3d524
"""


def signed(body: str = BODY, *, line: int = 14, generation: int = 3) -> str:
    source = Span(file=SOURCE.file, line=line)
    return sign(body, job="a", source=source, generation=generation)


def test_the_section_stands_at_the_end() -> None:
    # sha256 of "# head\n[Service]\nExecStart=/bin/true\n\n", by sha256sum
    assert signed() == SIGNED
    assert not is_edited(SIGNED)


def test_what_the_section_says_is_read() -> None:
    assert read_ownership(SIGNED) == Ownership(
        job="a",
        source="/etc/debvisor/timers/jobs.d/a.yaml:14",
        generation=3,
        digest="7af150400f2b1d6bfc093a6bd8a3d524",
    )


def test_neither_a_move_nor_another_apply_changes_the_digest() -> None:
    assert digest(signed(line=99, generation=4)) == digest(SIGNED)
    assert digest(signed(BODY + "Nice=5\n")) != digest(SIGNED)


@pytest.mark.parametrize(
    "text", ["", "[Unit]\nJob=a\n", "# [X-Debvisor]\n# Job=a\n", "[X-Debvisor]\n"]
)
def test_a_file_without_the_section_is_not_ours(text: str) -> None:
    assert read_ownership(text) is None
    assert not is_edited(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ExecStart=/bin/true", "ExecStart=/bin/false"),
        ("# head\n", ""),
        ("\n\n[X-", "\nNice=5\n\n[X-"),
        ("[X-Debvisor]\n", "[X-Debvisor]\n[Service]\nNice=5\n[X-Debvisor]\n"),
        ("Generation=3\n", "Generation=3\n[Service]\nNice=5\n[X-Debvisor]\n"),
        ("Digest=", "  [Service]\nNice=5\n[X-Debvisor]\nDigest="),
        ("7af1", "7af2"),
    ],
)
def test_an_edit_by_hand_is_seen(before: str, after: str) -> None:
    edited = SIGNED.replace(before, after)
    assert edited != SIGNED
    assert read_ownership(edited) is not None
    assert is_edited(edited)


def test_a_header_that_another_line_swallows_is_no_header() -> None:
    assert read_ownership(SIGNED.replace("/bin/true\n\n[X", "/bin/true \\\n[X")) is None


def test_an_edit_inside_the_section_is_none() -> None:
    assert not is_edited(SIGNED.replace("a.yaml:14", "b.yaml:1"))
    assert not is_edited(SIGNED.replace("Job=a\n", "# note\nJob = a\n"))


def test_a_broken_generation_counts_as_none() -> None:
    ownership = read_ownership(SIGNED.replace("Generation=3", "Generation=many"))
    assert ownership is not None
    assert ownership.generation == 0


def test_bytes_that_are_no_text_are_an_edit_like_any_other() -> None:
    assert is_edited(SIGNED.replace("head", "\udcff"))


def test_a_hostile_file_name_stays_in_its_line() -> None:
    source = Span(file=Path("/x/\n[Service]\nNice=5\n\udcff\\"), line=1)
    text = sign(BODY, job="a", source=source, generation=3)
    ownership = read_ownership(text)
    assert ownership is not None
    assert ownership.source == "/x/\\x0a[Service]\\x0aNice=5\\x0a\\xff\\x5c:1"
    assert not is_edited(text)


@given(st.text(max_size=60))
def test_any_text_has_a_digest_and_perhaps_an_owner(text: str) -> None:
    assert len(digest(text)) == 32
    assert read_ownership(text) is None or "X-Debvisor" in text
