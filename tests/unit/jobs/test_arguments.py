# SPDX-License-Identifier: Apache-2.0
"""Parameters as arguments: what a program would take for an option; references of schemas."""

from __future__ import annotations

from typing import Any

import pytest

from debvisor_timers.jobs.arguments import option_like, with_nul
from debvisor_timers.jobs.parameters import complaints_about, schema_complaints


@pytest.mark.parametrize(
    ("argument", "config", "messages"),
    [
        ("{a}", {"a": -1}, ["'-1' begins with -, and would be read as an option"]),
        ("{a}{b}", {"a": "", "b": "-x"}, ["'-x' begins with -, and would be read as an option"]),
        ("{a}", {"a": [1, -2]}, ["'-2' begins with -, and would be read as an option"]),
        ("--level={a}", {"a": -1}, []),
        ("{a}{b}", {"a": "-x"}, []),
    ],
)
def test_no_value_becomes_an_option(
    argument: str, config: dict[str, Any], messages: list[str]
) -> None:
    assert [each.message for each in option_like(["/bin/a", argument], config)] == messages
    assert not list(option_like(["/bin/a", "--", argument], config))


def test_a_dynamic_reference_to_elsewhere_is_refused() -> None:
    schema = {"properties": {"a": {"$dynamicRef": "http://example.org/x"}}}
    (wrong,) = schema_complaints(schema)
    assert wrong.message == "the reference 'http://example.org/x' leads nowhere"
    assert wrong.path == ("properties", "a", "$dynamicRef")


def test_a_reference_to_itself_is_said() -> None:
    loop = {"$ref": "#/$defs/a"}
    (wrong,) = complaints_about({"properties": {"a": loop}, "$defs": {"a": loop}}, {"a": 1})
    assert wrong.message == "the parameters of its task type refer to themselves without end"


def test_no_argument_holds_nul() -> None:
    (wrong,) = with_nul(["/bin/a", "--", "{a}", "{b}"], {"a": "x", "b": "x\0y"})
    assert (wrong.path, wrong.message) == (("b",), "an argument cannot hold the character NUL")
