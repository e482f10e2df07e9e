# SPDX-License-Identifier: Apache-2.0
"""An apply that fails is told, by what was applied before; not what somebody wrote wrongly."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from debvisor_timers.errors import DefinitionError, SystemdError
from debvisor_timers.operations.applying.apply import ApplyOptions
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.world import NIGHTLY, TWO, World

CONFIG = """\
channels:
  ops: {exec: [/bin/true]}
notifications: {apply_failed: [ops]}
"""


@pytest.fixture
def applied(world: World) -> World:
    """Return a host where somebody is told, with a job."""
    (world.layout.config / "config.yaml").write_text(CONFIG, encoding="utf-8")
    world.apply(NIGHTLY)
    return world


def apply(world: World, text: str) -> None:
    world.write(text)
    Scheduler(world.host, tell=lambda _words: None).apply(ApplyOptions())


def messages(world: World) -> list[dict[str, Any]]:
    paths = sorted(world.layout.queue.glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8"))["document"] for path in paths]


def test_an_apply_that_systemd_refuses_is_told_by_the_unit_that_sends(applied: World) -> None:
    applied.systemd.steps.fail_on("manager.reload")
    with pytest.raises(SystemdError):
        apply(applied, TWO)
    (document,) = messages(applied)
    assert (document["event"], document["verb"]) == ("apply_failed", "apply")
    assert "the twin was told to fail at manager.reload" in document["text"]
    assert "debvisor-timers-watch.service" in applied.ran()


def test_the_same_words_are_told_once_an_hour(applied: World) -> None:
    for minutes in (0, 1, 61):
        applied.systemd.advance(timedelta(minutes=minutes))
        applied.systemd.steps.fail_on("manager.reload")
        with pytest.raises(SystemdError):
            apply(applied, TWO)
    assert len(messages(applied)) == 2


def test_what_somebody_wrote_wrongly_is_not_told(applied: World) -> None:
    with pytest.raises(DefinitionError):
        apply(applied, "jobs:\n  a: {comand: [/bin/true]}\n")
    assert messages(applied) == []


def test_nobody_is_told_before_anything_was_applied(world: World) -> None:
    (world.layout.config / "config.yaml").write_text(CONFIG, encoding="utf-8")
    world.systemd.steps.fail_on("manager.reload")
    with pytest.raises(SystemdError):
        apply(world, NIGHTLY)
    assert messages(world) == []


def test_a_channel_of_config_has_to_exist(world: World) -> None:
    config = CONFIG.replace("[ops]}", "[opsx]}")
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.write(NIGHTLY)
    (problem,) = Scheduler(world.host).check().problems
    assert "there is no channel 'opsx'; did you mean 'ops'?" in str(problem)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


def test_an_apply_that_a_crash_has_cut_off_is_told_once_it_is_undone(
    applied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "debvisor_timers.operations.applying.steps._clean_up", lambda *_arguments: None
    )
    applied.systemd.steps.fail_on("manager.reload", KilledError())
    with pytest.raises(KilledError):
        applied.apply(TWO)
    applied.systemd.reboot()
    scheduler = Scheduler(applied.host, tell=lambda _words: None)
    assert scheduler.recover() == "undone"
    scheduler.recover()
    (document,) = messages(applied)
    assert document["text"].startswith("apply failed: it was cut off by a crash")
