# SPDX-License-Identifier: Apache-2.0
"""Dead-man pings: one address stands for three, and rules mean jobs by patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.pings import Ping

CONFIG = """\
pings:
  - {jobs: [night-*, a], ping: "https://hc/key/{job}"}
  - {jobs: "*", ping: {failure: "https://hc/any"}}
"""
JOBS = """\
jobs:
  night-1: {command: [a]}
  b: {command: [a]}
  own: {command: [a], ping: "https://hc/own/"}
  none: {command: [a], ping: {}}
"""


def load(folder: Path, jobs: str, config: str = "") -> dict[str, Ping | None]:
    (folder / "jobs.d").mkdir()
    (folder / "jobs.d/a.yaml").write_text(jobs)
    (folder / "config.yaml").write_text(config)
    return {job.id: job.ping for job in load_definitions(folder).require().jobs.values()}


def test_the_first_rule_that_means_a_job_counts_where_it_says_nothing(tmp_path: Path) -> None:
    base = "https://hc/key/{job}"
    assert load(tmp_path, JOBS, CONFIG) == {
        "night-1": Ping(start=f"{base}/start", success=base, failure=f"{base}/fail"),
        "b": Ping(failure="https://hc/any"),
        "own": Ping(
            start="https://hc/own/start", success="https://hc/own", failure="https://hc/own/fail"
        ),
        "none": Ping(),
    }


@pytest.mark.parametrize(
    ("ping", "message"),
    [
        ("ftp://hc/a", "is not an address of HTTP"),
        ("https://hc/a?b=c", "has a query"),
        ("https://u:p@hc/a", "has a password in it"),
        ("{begin: https://hc}", "unknown key 'begin'"),
    ],
)
def test_a_wrong_address_is_told(tmp_path: Path, ping: str, message: str) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d/a.yaml").write_text(f"jobs: {{a: {{command: [a], ping: {ping}}}}}\n")

    problems = load_definitions(tmp_path).problems

    assert any(message in each.message for each in problems), problems
