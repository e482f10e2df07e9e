# SPDX-License-Identifier: Apache-2.0
"""Documents: values as they were written, and their places."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from debvisor_timers.jobs.compose import SlowComposer, compose
from debvisor_timers.jobs.document import Document
from debvisor_timers.jobs.files import SourceFile
from debvisor_timers.jobs.scalar import NULL, Plain
from debvisor_timers.source import Span
from tests.unit.jobs.cases import CASES, found

FILE = Path("a.yaml")


def document(text: str) -> Document:
    return Document(SourceFile(path=FILE, text=text, digest=""))


def test_values_keep_the_text_and_whether_it_had_quotes() -> None:
    value = document("a: yes\nb: 'yes'\nc: 010\nd: [1.10, ~]\ne: {f: \"\"}\ng: |\n  x\n").value

    assert value == {
        "a": "yes",
        "b": "yes",
        "c": "010",
        "d": ["1.10", NULL],
        "e": {"f": ""},
        "g": "x\n",
    }
    assert isinstance(value["a"], Plain)
    assert not isinstance(value["b"], Plain)


@pytest.mark.parametrize("text", ["a:", "a: ~", "a: null", "a: NULL", "a: Null"])
def test_nothing(text: str) -> None:
    assert document(text).value == {"a": NULL}


@pytest.mark.parametrize("text", ["a: 'null'", 'a: "~"', "a: nil", "a: None"])
def test_something(text: str) -> None:
    assert isinstance(document(text).value["a"], str)


TEXT = """\
# comment
one:
  two: [alpha, "beta gamma", {three: x}]
  ümlaut: "ä\U0001f600: 0 25 * * *"
  long: |
    text
  empty:
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["one"], (3, 3, 38)),
        (["one", "two", 0], (3, 9, 5)),
        (["one", "two", 1], (3, 16, 12)),
        (["one", "two", 2, "three"], (3, 38, 1)),
        (["one", "ümlaut"], (4, 11, 16)),
        (["one", "long"], (5, 9, 1)),
        (["one", "empty"], (7, 3, 5)),
        (["one", "missing"], (2, 1, 3)),
        (["one", "two", 7], (3, 3, 3)),
        ([], (2, 1, 4)),
    ],
)
def test_places_of_values(path: list[str | int], expected: tuple[int, int, int]) -> None:
    line, column, length = expected

    assert document(TEXT).span(path) == Span(file=FILE, line=line, column=column, length=length)


def test_places_of_keys() -> None:
    assert document(TEXT).span(["one", "two"], on_key=True) == Span(
        file=FILE, line=3, column=3, length=3
    )


def test_a_place_inside_of_a_text_counts_quotes_and_characters_not_bytes() -> None:
    span = document(TEXT).span(["one", "ümlaut"], start=6, length=2)

    assert (span.line, span.column, span.length) == (4, 18, 2)


def test_a_place_inside_of_a_text_with_escapes_is_all_of_it() -> None:
    span = document('a: "x\\u0020y z"\n').span(["a"], start=4, length=1)

    assert (span.column, span.length) == (4, 12)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    parsed = document(f"a: 1{end}b:{end}  c: x{end}")

    assert parsed.span(["b", "c"]) == Span(file=FILE, line=3, column=6, length=1)
    assert parsed.problem("x", parsed.span(["b", "c"])).source_line == "  c: x"


def test_a_shown_line_has_no_control_characters_and_is_cut() -> None:
    parsed = document("a: 'x\u202e" + "y" * 1000 + "'\n")

    line = parsed.problem("x", parsed.span(["a"], on_key=True)).source_line

    assert line.startswith("a: 'x\N{REPLACEMENT CHARACTER}yyy")
    assert len(line) == 200


def test_aliases_are_told_where_the_anchor_is() -> None:
    (problem,) = document("a: &x [1]\nb: *x\n").problems

    assert (problem.span.line, problem.span.column) == (1, 4)


@pytest.mark.parametrize(
    "text", ["a: x && y", "a: '&x'", "a: b! c", "a: |\n  &x !y\n", "# &x !y\na: 1"]
)
def test_text_that_only_looks_like_an_anchor_or_a_tag(text: str) -> None:
    assert document(text).problems == []


def test_a_key_that_is_no_text() -> None:
    (problem,) = document("? [a]\n: b\n").problems

    assert problem.message == "a list or mapping cannot be a key"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_slow_parser_says_the_same(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = found(case)

    monkeypatch.setattr(
        "debvisor_timers.jobs.document.compose", partial(compose, composer=SlowComposer)
    )

    assert places(found(case)) == places(fast)


def places(told: set[str]) -> set[str]:
    """Return what both parsers must say alike: each words and places errors of YAML its own way."""
    is_wrong = {"wrong"} if any(line.startswith("error") for line in told) else set()
    return is_wrong | {line for line in told if ": " in line or line.startswith("job")}
