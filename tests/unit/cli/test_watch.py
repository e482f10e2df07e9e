# SPDX-License-Identifier: Apache-2.0
"""What the commands say that units of ours call, and what they end with."""

from __future__ import annotations

from datetime import timedelta

from debvisor_timers.layout import TARGET
from tests.unit.cli.program import Program
from tests.unit.operations.last_runs import note_under_way

CONFIG = """\
channels:
  ops: {exec: [/bin/cat]}
  down: {exec: [/bin/sh, -c, "exit 7"]}
"""
JOB = """\
jobs:
  nightly:
    schedule: "0 2 * * *"
    command: [/bin/true]
    notify: {disabled: [ops], started: [ops, down]}
"""


def applied(program: Program) -> None:
    config = program.world.layout.config / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    program.world.apply(JOB)


def test_a_look_says_what_it_has_seen_and_sent(program: Program) -> None:
    applied(program)
    assert (program("watch").code, program("watch").out) == (0, "")
    program.world.systemd.manager.stop([TARGET, "debvisor-job-nightly.timer"])
    program("watch")
    program.world.systemd.advance(timedelta(minutes=1))
    answer = program("watch")
    assert answer.out == "all jobs: disabled; for ops\ntold ops: disabled\n"
    assert (answer.code, answer.err) == (0, "")


def test_a_start_is_told_once_and_a_channel_that_is_down_is_said(program: Program) -> None:
    applied(program)
    program.world.systemd.manager.start(["debvisor-job-nightly.service"], wait=False)
    note_under_way(program.world, "nightly")
    answer = program("notify-started", "nightly")
    run = "20261123T120000Z-0d4c52"
    assert answer.out == (
        f"told ops that run {run} of nightly has begun\n"
        f"told down that run {run} of nightly has begun\n"
    )
    assert answer.err == "error: the channel down was not told: /bin/sh ended with exit status 7\n"
    assert answer.code == 5
