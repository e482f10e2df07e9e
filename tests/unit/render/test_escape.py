# SPDX-License-Identifier: Apache-2.0
"""The escaping filters, against hand-written lines and a model of systemd's reading."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from debvisor_timers.errors import RenderError
from debvisor_timers.render import escape
from tests.unit.render.hostile import lines, texts
from tests.unit.render.reading import read_command, read_plain, read_words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("--flag=a/b,c", "--flag=a/b,c"),
        ("a b", '"a b"'),
        ("", '""'),
        (";", '";"'),
        ("a;b", "a;b"),
        ("#", "#"),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ("${A} %h", '"$${A} %%h"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("it's", '"it\'s"'),
        ("C:\\new", '"C:\\\\new"'),
        ("two\nlines\t", '"two\\nlines\\t"'),
        ("\r\x1b\x7f", '"\\x0d\\x1b\\x7f"'),
        ("Größe", "Größe"),
        ("日本 🦆", '"日本 🦆"'),
        ("\u202e", '"\\xe2\\x80\\xae"'),
        ("@-:+!|", "@-:+!|"),
        ("*?[a]{b}~<>&|", "*?[a]{b}~<>&|"),
    ],
)
def test_argument_is_readable_and_quoted_only_where_needed(text: str, written: str) -> None:
    assert escape.argument(text) == written


@given(st.lists(texts(), max_size=5))
@example([";"])
@example(["", ""])
def test_arguments_come_back_from_the_line(words: list[str]) -> None:
    written = escape.arguments(words)
    assert read_command(written) == words
    assert written.isprintable()


@given(texts())
def test_assignment_comes_back_from_the_line(value: str) -> None:
    written = escape.assignment(("NAME", value))
    assert read_words(written) == [f"NAME={value}"]
    assert written.isprintable()


def test_assignment_leaves_the_dollar_alone() -> None:
    assert escape.assignment(("PATH", "$HOME/bin")) == "PATH=$HOME/bin"
    assert escape.assignment(("A", "5 %")) == '"A=5 %%"'


@given(lines())
def test_plain_comes_back_from_the_line(text: str) -> None:
    assert read_plain(escape.plain(text)) == text


@pytest.mark.parametrize("text", ["a\nb", "a\r", "\x1b", "a\x85b", "end\\", " a", "a ", "a\0"])
def test_plain_refuses_what_a_line_cannot_hold(text: str) -> None:
    with pytest.raises(RenderError):
        escape.plain(text)


@pytest.mark.parametrize("character", ["\0", "\ud800", "\ufdd0", "\uffff", "\U0010fffe"])
@pytest.mark.parametrize("escaper", [escape.argument, escape.verbatim, escape.plain])
def test_what_systemd_takes_for_broken_text_is_refused(escaper: object, character: str) -> None:
    assert callable(escaper)
    with pytest.raises(RenderError, match="systemd refuses"):
        escaper(f"a{character}")


def test_argument_as_long_as_the_kernel_takes() -> None:
    assert len(escape.argument("a" * 131_071)) == 131_071
    with pytest.raises(RenderError, match="131071 bytes"):
        escape.argument("a" * 131_072)
    with pytest.raises(RenderError, match="131071 bytes"):
        escape.argument("é" * 65_536)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Nightly 50% of vm-123", "Nightly 50%% of vm-123"),
        (" two\nlines\r\n", "two lines"),
        ("quotes \" ' stay", "quotes \" ' stay"),
        ("end\\", "end\\\\"),
        ("end\\\\", "end\\\\"),
        ("\u202ereversed", "reversed"),
        ("👩\u200d💻 at work", "👩\u200d💻 at work"),
        ("\uffff\0\ud800", "\ufffd \ufffd"),
    ],
)
def test_description_is_one_line_for_people(text: str, written: str) -> None:
    assert escape.description(text) == written


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("-/etc/default/x", "-/etc/default/x"),
        ("/etc/100%/[a]*?", "/etc/100%%/\\[a\\]\\*\\?"),
        ("/etc/back\\", "/etc/back\\\\"),
        ("/etc/back\\slash", "/etc/back\\\\slash"),
    ],
)
def test_pattern_path_matches_nothing_but_itself(path: str, written: str) -> None:
    assert escape.pattern_path(path) == written


def test_verbatim_keeps_the_syntax_of_systemd() -> None:
    assert escape.verbatim("300%") == "300%"
    assert escape.verbatim(' %S/x "$A" ') == '%S/x "$A"'
    assert escape.verbatim("") == ""


def test_names_of_directives_and_units() -> None:
    assert escape.key("ReadWritePaths") == "ReadWritePaths"
    assert escape.unit_names(["a@b\\x2d.service", "c.mount"]) == "a@b\\x2d.service c.mount"
    for wrong in ("", "A=b", "A\nB", "[A]", "#A", "A B"):
        with pytest.raises(RenderError):
            escape.key(wrong)
    for wrong in ("", "a b.service", "a%n.service", "a\n.service"):
        with pytest.raises(RenderError):
            escape.unit_names([wrong])


def test_durations() -> None:
    assert escape.timespan(timedelta(hours=1, minutes=30)) == "1h30min"
    assert escape.timespan(timedelta()) == "0"
    assert escape.timespan(None) == "infinity"


def test_every_filter_says_that_it_escaped() -> None:
    assert isinstance(escape.argument("a b"), escape.Escaped)
    assert isinstance(escape.argument("ab"), escape.Escaped)
    assert not isinstance(escape.argument("ab").upper(), escape.Escaped)
