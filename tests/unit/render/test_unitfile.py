# SPDX-License-Identifier: Apache-2.0
"""Unit files as values."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from debvisor_timers.render.unitfile import UnitFile, statements

UNIT = """\
# Head
[Unit]
Description = Two words
After=a.service
After=b.service

[Service]
; old style
ExecStart=/bin/echo one \\
# between
   two
Environment="A=b c"
"""

PIECES = st.sampled_from(
    ["[Unit]", "[Service]", "[", "]", "=", "Key", "Key=", "Key = value", " ", "\t", "#", ";", "\\",
     "\n", "\r", "\0", "\\\n", "\n\n", "\n# c\n", "\ufeff", "é"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=30).map("".join)


@given(TEXTS)
def test_format_gives_back_any_text(text: str) -> None:
    assert UnitFile.parse(text).format() == text


@given(TEXTS, st.sampled_from(["Unit", "Service", "New"]), st.lists(st.just("v w"), max_size=2))
def test_a_changed_file_is_read_as_it_was_meant(text: str, section: str, values: list[str]) -> None:
    assume("\ufeff" not in text)
    before = UnitFile.parse(text)
    after = before.set(section, "Key", values)

    assert UnitFile.parse(after.format()) == after
    assert after.get(section, "Key") == tuple(values)
    for other in ("Unit", "Service", "New"):
        wanted = [item for item in before.items(other) if other != section or item[0] != "Key"]
        found = [item for item in after.items(other) if other != section or item[0] != "Key"]
        assert found == wanted


def test_values_are_those_that_systemd_sees() -> None:
    unit = UnitFile.parse(UNIT)
    assert unit.sections() == ("Unit", "Service")
    assert unit.get("Unit", "Description") == ("Two words",)
    assert unit.get("Unit", "After") == ("a.service", "b.service")
    assert unit.get("Service", "ExecStart") == ("/bin/echo one     two",)
    assert unit.get("Service", "Description") == ()
    assert unit.items("Service") == (
        ("ExecStart", "/bin/echo one     two"),
        ("Environment", '"A=b c"'),
    )


def test_set_takes_the_place_of_the_first_and_keeps_the_rest() -> None:
    unit = UnitFile.parse(UNIT).set("Unit", "After", ["c.service"])
    assert unit.format() == UNIT.replace("After=a.service\nAfter=b.service", "After=c.service")


def test_set_appends_to_the_section_before_its_blank_lines() -> None:
    unit = UnitFile.parse(UNIT).set("Unit", "Wants", ["d.service", "e.service"])
    assert unit.format() == UNIT.replace(
        "After=b.service\n", "After=b.service\nWants=d.service\nWants=e.service\n"
    )


def test_set_makes_a_section() -> None:
    assert UnitFile().set("Unit", "After", ["a"]).format() == "[Unit]\nAfter=a\n"
    assert (
        UnitFile.parse("[Unit]\nA=b").set("Install", "Alias", ["x"]).format()
        == "[Unit]\nA=b\n\n[Install]\nAlias=x\n"
    )


def test_set_without_values_removes() -> None:
    assert (
        UnitFile.parse("[Unit]\nA=1\nB=2\nA=3\n").set("Unit", "A", []).format() == "[Unit]\nB=2\n"
    )
    assert UnitFile.parse("[Unit]\n").set("Service", "A", []).format() == "[Unit]\n"


def test_a_line_after_an_unfinished_last_one_is_not_swallowed() -> None:
    unit = UnitFile.parse("[Unit]\nA=1 \\").set("Unit", "B", ["2"])
    assert unit.get("Unit", "A") == ("1",)
    assert unit.get("Unit", "B") == ("2",)


@pytest.mark.parametrize(
    "value", ["a\nb", "a\r", "a\0b", "a\\", " a", "a ", "\\", "a\nB=c", "\n[Service]"]
)
def test_set_refuses_what_a_line_cannot_hold(value: str) -> None:
    with pytest.raises(ValueError, match="no single line"):
        UnitFile.parse(UNIT).set("Unit", "Description", [value])


@pytest.mark.parametrize("key", ["", "a=b", "#a", ";a", "[a]", "a\nb", " a"])
def test_set_refuses_a_strange_key(key: str) -> None:
    with pytest.raises(ValueError, match="no single line"):
        UnitFile.parse(UNIT).set("Unit", key, ["x"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[A]\nb=c\n", [("A", ""), ("A", "b")]),
        ("[A]\n  b = c \n# d=e\n;f=g\n\n", [("A", ""), ("A", "b")]),
        ("[A]\nb=c\\\nd=e\n", [("A", ""), ("A", "b")]),
        ("[A]\nb=c\rd=e\n", [("A", ""), ("A", "b"), ("A", "d")]),
        ("[A]\nb=c\0[B]\nd=e", [("A", ""), ("A", "b"), ("B", ""), ("B", "d")]),
        ("[A]\n# c\\\nd=e\n", [("A", ""), ("A", "d")]),
        ("[A]\nb=c\\\n# d\ne\n", [("A", ""), ("A", "b")]),
        ("[A]\nnonsense\n=x\n", [("A", ""), ("A", "nonsense"), ("A", "=x")]),
        ("a=b\n", [("", "a")]),
        ("[A]\\", [("A", "")]),
    ],
)
def test_statements_are_those_of_systemd(text: str, found: list[tuple[str, str]]) -> None:
    assert statements(text) == found


@given(TEXTS)
def test_statements_agree_with_the_parsed_file(text: str) -> None:
    found = iter(statements(text))
    for line in UnitFile.parse(text).lines:
        if line.key or line.is_header:
            assert (line.section, line.key) in found
