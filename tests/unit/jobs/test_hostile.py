# SPDX-License-Identifier: Apache-2.0
"""Whatever is in a file: problems or jobs, never an exception."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from debvisor_timers.jobs.keys import table
from debvisor_timers.jobs.load import Definitions, load_definitions, load_files
from debvisor_timers.source import format_problem
from tests.unit.jobs.cases import CASES, ROOT

GOOD = [*CASES, *sorted((ROOT / "examples").rglob("*.yaml"))]
TEXTS = [path.read_bytes() for path in GOOD if path.stat().st_size < 10_000]
PIECES = [
    *(b"&a ", b"*a", b"!!str ", b"<<: ", b"- ", b": ", b"[", b"]", b"{", b"}", b"'", b'"', b"\\"),
    *(b"|", b">-\n", b"\t", b"\n", b"\r", b"#", b"%", b"@", b"\xff", b"\x00", b"\xef\xbb\xbf"),
    *(b"---\n", b"...\n", b"? ", b"null", b"~", b"yes", b"\xc2\x85", b"\xe2\x80\xa8", b"jobs:"),
]


def load(data: bytes) -> Definitions:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_bytes(data)
        return load_files([path])


def check(definitions: Definitions) -> None:
    assert definitions.jobs or definitions.problems or definitions.sources
    for problem in definitions.problems:
        text = format_problem(problem)
        assert problem.message
        assert all(char.isprintable() or char == "\n" for char in text)
        if problem.source_line:
            assert 1 <= problem.span.column <= len(problem.source_line) + 1


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(load(data))


@settings(deadline=None)
@given(st.text(max_size=200))
@example("jobs: &a {a: *a}")
@example("&a [*a]")
@example("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ne: [*d, *d]\n")
@example("jobs:\n  a: &a {script: x, environment: *a}")
@example("jobs:\n  a:\n    command: \ufeff[/bin/true]\n")
@example('jobs:\n  a:\n    command: ["+/bin/\\u2028true"]\n')
def test_any_text(text: str) -> None:
    check(load(text.encode(errors="surrogatepass")))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 0, 0, 1, 2, 10]))
        data = data[:start] + draw(st.sampled_from([b"", *PIECES])) + data[end:]
    return data


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_file_with_slips_of_the_pen(data: bytes) -> None:
    check(load(data))


VALUES = st.recursive(
    st.sampled_from(
        ["", "~", "x", "'0'", '"\\0"', "0", "1.5", "yes", "true", '"\\uFFFE"', "'a b'"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(["a", "cron", "boot", "unit", "Service"]), inner, max_size=3
        ).map(
            lambda items: "{" + ", ".join(f"{name}: {value}" for name, value in items.items()) + "}"
        )
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([*(key.name for key in table() if "." not in key.name), "id", "source"])


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_value_of_any_key(keys: dict[str, str]) -> None:
    lines = "".join(f"    {name}: {value}\n" for name, value in keys.items())

    check(load(f"jobs:\n  a:\n    command: [/bin/true]\n{lines}".encode()))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS | st.just("defaults"), VALUES, max_size=4))
def test_any_defaults(keys: dict[str, str]) -> None:
    lines = "".join(f"  {name}: {value}\n" for name, value in keys.items())
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder)
        (config / "config.yaml").write_text(f"defaults:\n{lines}", encoding="utf-8")
        (config / "jobs.d").mkdir()
        job = 'jobs:\n  a: {script: x, schedule: "@daily", environment: {A: b}}\n'
        (config / "jobs.d" / "a.yaml").write_text(job, encoding="utf-8")

        check(load_definitions(config))
