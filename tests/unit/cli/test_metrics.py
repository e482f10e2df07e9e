# SPDX-License-Identifier: Apache-2.0
"""metrics on the command line: what it prints, what it writes, what it refuses."""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.errors import ExitCode
from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY


def test_metrics_are_printed(program: Program) -> None:
    program.world.apply(NIGHTLY)

    answer = program("metrics")

    assert (answer.code, answer.err) == (0, "")
    assert "# TYPE debvisor_timers_job_enabled gauge\n" in answer.out
    assert 'debvisor_timers_job_enabled{job_id="nightly"} 1.0\n' in answer.out
    assert answer.out.endswith("\n")
    assert "\n\n" not in answer.out


def test_a_text_file_gets_what_is_printed(program: Program, tmp_path: Path) -> None:
    program.world.apply(NIGHTLY)
    path = tmp_path / "debvisor-timers.prom"

    answer = program("metrics", "--textfile", str(path))

    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert path.read_text(encoding="utf-8") == program("metrics").out


def test_a_file_that_nobody_would_read_is_refused(program: Program, tmp_path: Path) -> None:
    answer = program("metrics", "--textfile", str(tmp_path / "metrics.txt"))

    assert (answer.code, answer.out) == (ExitCode.USAGE, "")
    assert "metrics.txt does not end in .prom: the node exporter would pass over it" in answer.err
    assert "fix: name a file such as metrics.txt.prom" in answer.err
    assert not (tmp_path / "metrics.txt").exists()


def test_a_missing_folder_is_an_error_of_use(program: Program, tmp_path: Path) -> None:
    answer = program("metrics", "--textfile", str(tmp_path / "none" / "a.prom"))

    assert answer.code == ExitCode.USAGE
    assert "No such file or directory" in answer.err
    assert "--collector.textfile.directory" in answer.err


def test_what_people_should_know_of_the_history_goes_to_stderr(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.layout.index.parent.mkdir(exist_ok=True)
    program.world.layout.index.write_bytes(b"this is no index" * 100)

    answer = program("metrics")

    assert answer.code == 0
    assert "note: the index " in answer.err
    assert "note" not in answer.out
