# SPDX-License-Identifier: Apache-2.0
"""Every command that the guide shows is one of ours, with all its options."""

from __future__ import annotations

import shlex

import click
import pytest

from debvisor_timers.cli.main import cli
from tests.guide.commands import Shown, shown_commands


def test_the_commands_are_all_that_the_guide_has() -> None:
    texts = [each.text for each in shown_commands()]

    assert len(texts) == 34
    assert texts[0] == (
        'schedule job create --name="Daily Backup" --cron="0 2 * * *" --task-type="vm_snapshot"'
        """ --task-config='{"vm_id": "vm-123", "retention_days": 7}' --owner="admin\""""
    )
    assert texts[-1] == "schedule job history <dep_job_id>"
    assert "tail -f /etc/debvisor/scheduler/scheduler.log" in texts
    assert "schedule config list | grep handlers" in texts


def test_what_the_guide_leaves_open_is_filled_in() -> None:
    open_ = Shown(line=1, text="schedule job show <dep_job_id> | grep cron")
    log = Shown(line=2, text="tail -f /etc/debvisor/scheduler/scheduler.log")

    assert open_.typed("debvisor-schedule", "f8") == "debvisor-schedule job show f8 | grep cron"
    assert log.typed("debvisor-timers", "f8") == "debvisor-timers logs -f --all"


@pytest.mark.parametrize("shown", shown_commands(), ids=lambda shown: f"{shown.line}")
def test_the_command_line_takes_it(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse it as a shell and click do; nothing is run."""
    line = shown.typed("debvisor-timers", "f8a2d3c4").partition(" | ")[0]
    words = shlex.split(line)[1:]
    context: click.Context = click.Context(cli, info_name="debvisor-timers")
    name, command, rest = cli.resolve_command(context, words)
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context, info_name=name)
        name, command, rest = command.resolve_command(context, rest)

    assert command is not None
    # Whether the job exists is asked of the host by a type of ours; the rest is click's.
    for param in command.params:
        if param.name in {"job", "jobs"}:
            monkeypatch.setattr(param, "type", click.STRING)
    assert command.make_context(name, rest, parent=context).params
