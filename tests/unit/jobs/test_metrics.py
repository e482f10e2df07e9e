# SPDX-License-Identifier: Apache-2.0
"""metrics in config.yaml: where the file for the node exporter lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.jobs.config import LoadedConfig, load_config


def load(tmp_path: Path, text: str) -> LoadedConfig:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_no_file_is_written_where_none_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, "keep_generations: 5\n").config.metrics.textfile is None


def test_the_file_is_an_absolute_path(tmp_path: Path) -> None:
    loaded = load(tmp_path, "metrics: {textfile: /var/lib/exporter/jobs.prom}\n")

    assert loaded.problems == ()
    assert loaded.config.metrics.textfile == "/var/lib/exporter/jobs.prom"


@pytest.mark.parametrize(
    ("path", "message", "fix"),
    [
        ("jobs.prom", "'jobs.prom' is not an absolute path", "begin it with /"),
        (
            "/var/lib/jobs.txt",
            "'/var/lib/jobs.txt' does not end in .prom: the node exporter would pass over it",
            "name a file such as debvisor-timers.prom",
        ),
        (
            "/var/lib/.prom",
            "'/var/lib/.prom' does not end in .prom: the node exporter would pass over it",
            "name a file such as debvisor-timers.prom",
        ),
    ],
)
def test_another_path_is_an_error_at_its_place(
    tmp_path: Path, path: str, message: str, fix: str
) -> None:
    [problem] = load(tmp_path, f"metrics:\n  textfile: {path}\n").problems

    assert (problem.key, problem.span.line, problem.span.column) == ("metrics.textfile", 2, 13)
    assert (problem.message, problem.fix) == (message, fix)
