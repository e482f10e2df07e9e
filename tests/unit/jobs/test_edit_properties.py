# SPDX-License-Identifier: Apache-2.0
"""Whatever a job file looks like: an edit reads as it was meant, and every other byte stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from debvisor_timers.jobs.edit import edit_jobs, jobs_in, new_file, parse_jobs
from debvisor_timers.jobs.scalar import NULL

PATH = Path("/jobs.d/a.yaml")
KEYS = ("name", "schedule", "command", "script", "owner", "timeout", "tags", "unit")

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Co", "Cn")), min_size=1, max_size=12
)
values = st.recursive(
    st.one_of(texts, st.integers(0, 9999), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
comments = st.sampled_from(["", "# why", "#\ttabs\tand more", "# - a: [b"])


@dataclass(frozen=True)
class Entry:
    """A key as it stands in the file: the comment above it, and its lines."""

    key: str
    above: str
    lines: str


WRITTEN = (
    "{k}: plain words{c}",
    "{k}: 'it''s quoted'{c}",
    '{k}: "two\\twords"{c}',
    "{k}: [a, {{b: c}}, 'd']{c}",
    "{k}: {{a: b, 'c': [d]}}{c}",
    "{k}:{c}\n      - one{c}\n      # of two\n      - two: 2\n        three: [3]",
    "{k}:{c}\n    - one\n    - two",
    "{k}:{c}\n      first: 1{c}\n      # of two\n      second:\n        - x",
    "{k}: |{c}\n      a script\n       # no comment\n\n      of lines",
    "{k}: >-{c}\n      folded\n      text",
    "{k}: |+{c}\n      kept\n",
    "{k}:{c}\n      on the next line",
    "{k} : over\n      two lines{c}",
    "{k}: 0123{c}",
    "{k}:{c}",
)


@st.composite
def entries(draw: st.DrawFn, key: str) -> Entry:
    comment = draw(comments)
    behind = draw(st.sampled_from(["", f" {comment}" if comment else ""]))
    lines = draw(st.sampled_from(WRITTEN)).format(k=key, c=behind)
    above = f"    {comment}\n" if comment and draw(st.booleans()) else ""
    return Entry(key, above, f"    {lines}\n")


@st.composite
def jobs(draw: st.DrawFn) -> list[Entry]:
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    return [draw(entries(key)) for key in keys]


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str, str, list[Entry]]:
    """Draw what stands before a job's keys, behind them, its line break, and its keys."""
    apart = draw(st.sampled_from(["", "\n", "\n\n  # a title\n\n"]))
    above = draw(st.sampled_from(["", "  # about it\n"]))

    def job(job_id: str, keys: list[Entry]) -> str:
        body = "".join(f"{entry.above}{entry.lines}" for entry in keys)
        return f"{above}  {job_id}:\n{body}"

    head = draw(st.sampled_from(["", "# head\n", "---\n"])) + "jobs:\n"
    before = job("one", draw(jobs())) + apart
    behind = apart + job("three", draw(jobs())) + draw(st.sampled_from(["", "# end\n", "\n"]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    keys = draw(jobs())
    # Blank lines belong to a text that keeps them, and go with it.
    assume(not (apart and "|+" in before + text_of(keys)))
    return f"{head}{before}{above}  two:\n", behind, newline, keys


def text_of(keys: list[Entry]) -> str:
    return "".join(f"{entry.above}{entry.lines}" for entry in keys)


def read(text: str) -> dict[str, Any]:
    return dict(jobs_in(parse_jobs(PATH, text)))


def plain(value: object) -> object:
    """Return a value as a file would hold it."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) or value is NULL else str(value)


@settings(max_examples=150, deadline=None)
@given(files(), values, st.data())
def test_setting_a_key_touches_nothing_but_its_lines(
    file: tuple[str, str, str, list[Entry]], value: object, data: st.DataObject
) -> None:
    head, tail, newline, keys = file
    number = data.draw(st.integers(0, len(keys) - 1))
    prefix = head + text_of(keys[:number]) + keys[number].above
    suffix = text_of(keys[number + 1 :]) + tail
    text = (prefix + keys[number].lines + suffix).replace("\n", newline)
    before = read(text)
    wanted = {**before["two"], keys[number].key: value}

    after = edit_jobs(parse_jobs(PATH, text), {"two": wanted})

    assert read(after) == {**before, "two": plain(wanted)}
    assert after.startswith(prefix.replace("\n", newline))
    assert after.endswith(suffix.replace("\n", newline))


@settings(max_examples=80, deadline=None)
@given(files(), values)
def test_adding_a_key_leaves_every_line(
    file: tuple[str, str, str, list[Entry]], value: object
) -> None:
    head, tail, newline, keys = file
    text = (head + text_of(keys) + tail).replace("\n", newline)
    before = read(text)
    wanted = {**before["two"], "priority": value}

    after = edit_jobs(parse_jobs(PATH, text), {"two": wanted})

    assert read(after) == {**before, "two": plain(wanted)}
    start = next(n for n in range(len(after)) if after[: n + 1] != text[: n + 1])
    added = len(after) - len(text)
    # A line is in between somewhere: the rest of the text follows it, byte by byte.
    assert any(after[:begin] + after[begin + added :] == text for begin in range(start + 1))


@settings(max_examples=80, deadline=None)
@given(files(), st.data())
def test_removing_a_key_takes_its_lines_alone(
    file: tuple[str, str, str, list[Entry]], data: st.DataObject
) -> None:
    head, tail, newline, keys = file
    number = data.draw(st.integers(0, len(keys) - 1))
    text = (head + text_of(keys) + tail).replace("\n", newline)
    before = read(text)
    wanted = {key: value for key, value in before["two"].items() if key != keys[number].key}
    if not wanted:
        return

    after = edit_jobs(parse_jobs(PATH, text), {"two": wanted})

    assert read(after) == {**before, "two": wanted}
    left = head + text_of(keys[:number]) + text_of(keys[number + 1 :]) + tail
    assert after == left.replace("\n", newline)


@settings(max_examples=80, deadline=None)
@given(files())
def test_removing_a_job_leaves_the_others_with_their_comments(
    file: tuple[str, str, str, list[Entry]],
) -> None:
    head, tail, newline, keys = file
    text = (head + text_of(keys) + tail).replace("\n", newline)
    before = read(text)

    after = edit_jobs(parse_jobs(PATH, text), {"two": None})

    assert read(after) == {key: value for key, value in before.items() if key != "two"}
    prefix = head.removesuffix("  two:\n").removesuffix("  # about it\n").rstrip("\n")
    assert after.startswith(prefix.replace("\n", newline))
    assert after.endswith(tail.replace("\n", newline).lstrip())


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), values, min_size=1))
def test_a_new_file_reads_as_it_was_meant(keys: dict[str, Any]) -> None:
    assert read(new_file({"a": keys})) == {"a": plain(keys)}
