# SPDX-License-Identifier: Apache-2.0
"""graph: the tree, DOT, and what becomes of the picture when dot is missing, slow or wrong."""

from __future__ import annotations

import os
import re
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.cli.dot import dot_text, escaped, quoted
from debvisor_timers.cli.results import LOOKS
from debvisor_timers.cli.tree import Paper, tree
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.operations import graphviz
from debvisor_timers.operations.graph import graph
from tests.unit.cli.program import Program
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    STOPPED_AT_TWO,
    SUCCEEDED_AT_TWO,
    note_last,
)
from tests.unit.operations.world import World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRUE = "command: [/bin/true]"
WORKFLOW = f"""\
jobs:
  backup: {{schedule: "0 2 * * *", conflicts_with: [zfs-scrub], {TRUE}}}
  verify: {{schedule: "0 2 * * *", depends_on: [backup, quiesce], {TRUE}}}
  archive: {{schedule: "0 2 * * *", depends_on: [verify, backup], {TRUE}}}
  quiesce: {{{TRUE}}}
  zfs-scrub: {{schedule: "0 4 * * sun", enabled: false, {TRUE}}}
  report: {{triggers: [{{failure_of: [backup]}}, {{success_of: [archive]}}], {TRUE}}}
  lonely: {{schedule: "*/5 * * * *", {TRUE}}}
"""
TREE = """\
JOB                        LAST                      SCHEDULE
report                     ○ never ran               after failure of backup; a…
├─ success_of archive      ○ never ran               every day at 02:00
│  ├─ requires backup      ✗ failed 9h 58min ago     every day at 02:00
│  │  └─ conflicts_with zfs-scrub  ↓ below
│  └─ requires verify      ✓ succeeded 9h 58min ago  every day at 02:00
│     ├─ requires backup   ↑ above
│     └─ requires quiesce  ■ stopped 9h 58min ago    step
└─ failure_of backup       ↑ above
zfs-scrub                  ○ never ran               disabled; Sundays at 04:00
└─ conflicts_with backup   ↑ above
1 job without dependencies: not drawn
"""
ONE = """\
JOB                      LAST                      SCHEDULE
verify                   + succeeded 9h 58min ago  every day at 02:00
|- requires backup       x failed 9h 58min ago     every day at 02:00
`- requires quiesce      # stopped 9h 58min ago    step

NEEDED BY                LAST                      SCHEDULE
archive requires it      - never ran               every day at 02:00
`- report success_of it  - never ran               after failure of backup; aft~
"""


def drawn(world: World, job_id: str = "", *, width: int = 80, is_unicode: bool = True) -> str:
    paper = Paper(width=width, is_unicode=is_unicode, now=NOON)
    return "".join(f"{line.rstrip()}\n" for line in tree(graph(world.host, job_id), paper))


def plain(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


@pytest.fixture
def workflow(world: World) -> World:
    world.write(WORKFLOW)
    note_last(world, "backup", FAILED_AT_TWO)
    note_last(world, "verify", SUCCEEDED_AT_TWO)
    note_last(world, "quiesce", STOPPED_AT_TWO)
    return world


# --- the tree ------------------------------------------------------------------------------------


def test_each_job_stands_in_full_once_above_what_it_needs(workflow: World) -> None:
    assert plain(drawn(workflow)) == TREE


def test_one_job_in_ascii_with_what_it_needs_and_what_needs_it(workflow: World) -> None:
    assert plain(drawn(workflow, "verify", is_unicode=False)) == ONE


def test_a_job_without_an_edge_is_shown_when_it_is_asked_for(workflow: World) -> None:
    assert plain(drawn(workflow, "lonely")).splitlines()[1:] == [
        "lonely  ○ never ran  every 5 minutes"
    ]


def test_the_partner_in_a_conflict_stands_in_full_beneath_one_job(workflow: World) -> None:
    line = plain(drawn(workflow, "backup")).splitlines()[2]

    assert line.startswith("└─ conflicts_with zfs-scrub  ○ never ran ")


def test_no_jobs_or_none_with_an_edge(program: Program) -> None:
    assert program("graph").out == "no jobs; write one into /etc/debvisor/timers/jobs.d/\n"
    program.world.write(f"jobs: {{a: {{{TRUE}}}, b: {{{TRUE}}}}}\n")
    assert program("graph").out == "2 jobs without dependencies: not drawn\n"


def test_a_pipe_gets_what_a_terminal_shows_without_colour(program: Program) -> None:
    program.world.write(WORKFLOW)

    piped = program("graph")
    shown = program("--color=never", "graph", terminal=True)

    assert (piped.code, piped.err) == (0, "")
    assert piped.out == shown.out
    assert "\x1b[" in program("graph", terminal=True).out
    assert program("graph", encoding="ascii").out.isascii()


def chain(length: int) -> str:
    lines = ["jobs:", f"  j-0000: {{{TRUE}}}"]
    lines += [f"  j-{n:04}: {{depends_on: [j-{n - 1:04}], {TRUE}}}" for n in range(1, length)]
    return "\n".join(lines)


def test_a_long_chain_goes_on_at_the_left_and_fits(world: World) -> None:
    world.write(chain(100))

    lines = plain(drawn(world)).splitlines()

    assert max(map(len, lines)) <= 80
    (first, *_) = [number for number, line in enumerate(lines) if line.endswith("↓ below")]
    job = lines[first].split()[2]
    assert lines[first + 1].split()[0] == job
    in_full = [line for line in lines[1:] if not line.endswith("↓ below")]
    assert len(in_full) == 100


def test_an_id_is_never_cut(world: World) -> None:
    long = "a" * 64
    world.write(f"jobs: {{{long}: {{{TRUE}}}, b: {{depends_on: [{long}], {TRUE}}}}}\n")

    assert f"└─ requires {long}  ○ never ran  step" in plain(drawn(world, width=40))


def test_jobs_in_a_circle_end(world: World) -> None:
    """`check` refuses a circle; a reader may still look."""
    from debvisor_timers.jobs.load import load_definitions  # noqa: PLC0415
    from debvisor_timers.jobs.relations import Edge, EdgeKind  # noqa: PLC0415
    from debvisor_timers.operations.graph import graph_of  # noqa: PLC0415

    world.write(f"jobs: {{a: {{{TRUE}}}, b: {{{TRUE}}}}}\n")
    pairs = (("a", "b"), ("b", "a"), ("b", "b"))
    circle = [Edge(EdgeKind.REQUIRES, *pair) for pair in pairs]
    found = graph_of(load_definitions(world.layout.config), circle, lambda _id: None)

    lines = [plain(line) for line in tree(found, Paper(width=80, is_unicode=True, now=NOON))]

    assert [" ".join(line.split()) for line in lines[1:]] == [
        "a ○ never ran step",
        "└─ requires b ○ never ran step",
        "├─ requires a ↑ above",
        "└─ requires b ↑ above",
    ]


def test_a_thousand_jobs_are_quick(world: World) -> None:
    world.write(chain(1000))
    found = graph(world.host)
    begin = time.process_time()

    lines = list(tree(found, Paper(width=80, is_unicode=True, now=NOON)))
    text = dot_text(found, at=NOON)

    assert time.process_time() - begin < 1
    assert sum("never ran" in line for line in lines) == 1000
    assert text.count(" -> ") == 999


def test_every_outcome_has_a_sign_of_its_own() -> None:
    looks = [*LOOKS.values()]

    assert LOOKS.keys() == {None, *RunOutcome}
    assert len({look.sign for look in looks}) == len(looks)
    assert len({look.ascii_sign for look in looks}) == len(looks)
    assert all(look.ascii_sign.isascii() for look in looks)


# --- JSON and DOT --------------------------------------------------------------------------------


def test_json_has_the_nodes_and_the_edges(program: Program) -> None:
    program.world.write(f"jobs: {{a: {{{TRUE}}}, b: {{depends_on: [a], {TRUE}}}}}\n")
    note_last(program.world, "a", FAILED_AT_TWO)

    document = program("graph", "b", "--json").json

    assert document["edges"] == [{"kind": "requires", "job": "b", "needs": "a"}]
    assert [job["job"] for job in document["jobs"]] == ["a", "b"]
    assert document["jobs"][0]["last"]["outcome"] == "failed"
    assert (document["job"], document["alone"], document["jobs"][1]["last"]) == ("b", 0, None)


def test_dot_points_from_what_runs_first(program: Program) -> None:
    program.world.write(WORKFLOW)
    note_last(program.world, "backup", FAILED_AT_TWO)

    text = program("graph", "--dot").out

    assert text.startswith('digraph "debvisor-timers" {\n')
    assert text.endswith("}\n")
    assert '  "backup" -> "verify" [style=solid,' in text
    assert re.search(r'"backup" -> "report" \[style=solid, .*label=" failure_of "', text)
    (conflict,) = re.findall(r'"\S+" -> "\S+" \[style=dotted.*', text)
    assert conflict.startswith('"zfs-scrub" -> "backup"')
    assert "dir=none" in conflict
    assert "✗ failed 2026-11-23 03:01:30" in text
    assert "lonely" not in text
    assert "1 job without dependencies: not drawn" in text


def test_dot_is_utf_8_whatever_the_terminal_takes(program: Program) -> None:
    program.world.write(WORKFLOW)

    assert "✗" not in program("graph", encoding="ascii").out
    assert "○ never ran" in program("graph", "--dot", encoding="ascii").out


@pytest.mark.parametrize(
    ("text", "in_html", "in_quotes"),
    [
        ("plain", "plain", '"plain"'),
        ('say "hi"', "say &quot;hi&quot;", r'"say \"hi\""'),
        ("a<b>&c", "a&lt;b&gt;&amp;c", '"a<b>&amp;c"'),
        ("[x]", "[x&#93;", '"[x]"'),
        ("&lt;", "&amp;lt;", '"&amp;lt;"'),
        ("\\N", r"\\N", r'"\\\\N"'),
        ("end\\", r"end\\", r'"end\\\\"'),
        ('\\"', r"\\&quot;", r'"\\\\\""'),
        ("two\nlines\x00\ufffe", "two lines  ", '"two lines  "'),
        ("größer → 東京", "größer → 東京", '"größer → 東京"'),
    ],
)
def test_no_text_has_a_meaning_in_dot(text: str, in_html: str, in_quotes: str) -> None:
    assert escaped(text) == in_html
    assert quoted(text) == in_quotes


# --- the picture ---------------------------------------------------------------------------------


@pytest.fixture
def bin_(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder in $PATH; there are jobs to draw."""
    program.world.write(WORKFLOW)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def let_dot(folder: Path, script: str) -> None:
    """Let dot be this shell script."""
    dot = folder / "dot"
    dot.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", encoding="utf-8")
    dot.chmod(0o755)


def test_the_picture_is_what_dot_answers(program: Program, bin_: Path, tmp_path: Path) -> None:
    let_dot(bin_, 'echo "<svg>$*"; grep -c digraph')
    path = tmp_path / "a.svg"

    answer = program("graph", "--svg", str(path))

    assert (answer.code, answer.out, answer.err) == (0, f"{path}: 6 jobs\n", "")
    assert path.read_text() == "<svg>-Tsvg\n1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert program("graph", "--svg", "-").out == "<svg>-Tsvg\n1\n"
    assert program("graph", "--svg", str(path), "--json").json["alone"] == 1


def test_without_graphviz_one_is_told_what_to_install(
    program: Program, bin_: Path, tmp_path: Path
) -> None:
    assert not list(bin_.iterdir())

    answer = program("graph", "--svg", str(tmp_path / "a.svg"))

    assert (answer.code, answer.out) == (4, "")
    assert answer.err == (
        "error: Graphviz is not installed, which draws the SVG\n"
        " fix: apt install graphviz; without it there are --dot and the tree\n"
    )
    assert not (tmp_path / "a.svg").exists()


def test_a_dot_that_takes_too_long_is_killed_with_all_that_it_started(
    program: Program, bin_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphviz, "SECONDS", 2)
    let_dot(bin_, f"echo $$ >{tmp_path}/pids; sleep 60 & echo $! >>{tmp_path}/pids; wait")
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")

    answer = program("graph", "--svg", str(path))

    assert (answer.code, answer.out) == (4, "")
    assert "dot did not finish within 2 s\n fix: use --dot and take your time, or" in answer.err
    assert path.read_text(encoding="utf-8") == "old"
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, "a killed process is there no longer than a moment"
        time.sleep(0.01)


def is_alive(pid: str) -> bool:
    """Return whether a process runs; one that init has not buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo syntax error >&2; exit 1", "dot failed: syntax error\n"),
        ("exit 3", "dot failed: exit status 3\n"),
        ("kill -SEGV $$", "dot failed: killed by SIGSEGV\n"),
    ],
)
def test_a_dot_that_fails_leaves_the_file_alone(
    program: Program, bin_: Path, tmp_path: Path, script: str, said: str
) -> None:
    let_dot(bin_, f"echo half; {script}")
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")

    answer = program("graph", "--svg", str(path))

    assert (answer.code, answer.out) == (4, "")
    assert said in answer.err
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]  # noqa: PTH208
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    "arguments", [["--dot", "--svg", "x.svg"], ["--dot", "--json"], ["--svg", "-", "--json"]]
)
def test_two_answers_at_once_are_refused(program: Program, arguments: list[str]) -> None:
    answer = program("graph", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert " together\n fix: write one of them" in answer.err


def test_a_wrong_file_hides_its_own_jobs_alone(program: Program) -> None:
    program.world.write(WORKFLOW)
    program.world.write("jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")

    answer = program("graph")

    assert answer.code == 3
    assert "requires verify" in answer.out
    assert "hour 25" in answer.err
    assert program("graph", "late").code == 3
