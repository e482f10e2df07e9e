# SPDX-License-Identifier: Apache-2.0
"""Job files written by hand: every text comes back byte for byte, and edits are noticed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.jobs.crontab.write import is_as_written, job_file, scalar
from debvisor_timers.jobs.document import Document
from debvisor_timers.jobs.files import SourceFile, decode

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
KEYS = st.dictionaries(
    st.from_regex("[a-z_]{1,9}", fullmatch=True),
    TEXT | st.lists(TEXT, min_size=1) | st.dictionaries(TEXT, TEXT, min_size=1),
    min_size=1,
)


def read(text: str) -> object:
    """Return the values of a job file as our loader has them."""
    path = Path("/x.yaml")
    assert decode(path, text.encode()) == text
    document = Document(SourceFile(path=path, text=text, digest=sha256(text.encode()).hexdigest()))
    assert document.problems == []
    return document.value


@given(keys=KEYS)
def test_what_is_written_is_read_byte_for_byte(keys: dict[str, object]) -> None:
    text = job_file(("Title",), [(("a remark",), "a", keys)])  # type: ignore[list-item]

    assert read(text) == {"jobs": {"a": keys}}
    assert is_as_written(text)


@given(text=TEXT)
def test_other_readers_of_yaml_take_a_text_for_text(text: str) -> None:
    assert str(yaml.safe_load(f"a: {scalar(text)}\n")["a"]) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin"),
        ("-c", "-c"),
        ("infinity", "infinity"),
        ("5min", "5min"),
        ("", '""'),
        ("10", '"10"'),
        ("no", '"no"'),
        ("*/5 * * * *", '"*/5 * * * *"'),
        ('say "it"', "'say \"it\"'"),
        ("it's \\", '"it\'s \\\\"'),
        ("a\nb", '"a\\nb"'),
        ("a: b", '"a: b"'),
        ("\x7f\u2028", '"\\u007f\\u2028"'),
    ],
)
def test_quotes_stand_where_they_are_needed(text: str, written: str) -> None:
    assert scalar(text) == written


def test_an_edit_is_noticed() -> None:
    text = job_file(("Title",), [((), "a", {"command": ["/bin/true"]})])

    assert is_as_written(text)
    assert not is_as_written(text.replace("true", "false"))
    assert not is_as_written(text.replace("Title", "Another"))
    assert not is_as_written("jobs: {}\n")
    assert not is_as_written("")


def test_a_file_without_jobs_says_so() -> None:
    assert read(job_file(("Title",), [])) == {"jobs": {}}
