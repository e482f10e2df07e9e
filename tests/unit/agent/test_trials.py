# SPDX-License-Identifier: Apache-2.0
"""Who may keep what is being tried, or take it back."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.agent import callers
from debvisor_timers.agent.callers import Peer
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.applying.apply import ApplyOptions
from debvisor_timers.operations.safety.trial import read_trial
from debvisor_timers.scheduler import Scheduler
from tests.unit.agent.asking import ROOT, Agent, behalf
from tests.unit.operations.world import World

TASK = "task: {type: vm_snapshot, config: {vm_id: vm-1}}"
SNAPSHOT = [{"path": ["task"], "value": {"type": "vm_snapshot", "config": {"vm_id": "v"}}}]
EDIT = {"changes": [{"job": "new", "kind": "create", "keys": SNAPSHOT}], "timeout_seconds": 600.0}
ENDS = ["Confirm", "TakeBack", "Rollback"]
MEMBERS = 65_000
ALICE = Peer(pid=os.getpid(), uid=65_001, groups=frozenset({MEMBERS}))
BOB = Peer(pid=os.getpid(), uid=65_002, groups=frozenset({MEMBERS}))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(callers, "_gid", lambda _group: MEMBERS)
    world = World(tmp_path)
    world.apply(f"jobs:\n  snap: {{{TASK}}}\n")
    return world


def by_root(world: World, how: str) -> None:
    """Let root try something: by himself, or by the agent."""
    world.write(f"jobs:\n  late: {{{TASK}}}\n", "b.yaml")
    if how == "agent":
        Agent(world).ask("Try", timeout_seconds=600.0)
    else:
        caller = Caller(uid=0, user="root", door="cli")
        Scheduler(world.host, caller).try_apply(ApplyOptions(), timedelta(minutes=10))


def end(method: str, role: str = "editor", **more: str) -> tuple[str, dict[str, Any]]:
    """Return a call that ends a trial, by a token that may."""
    role = "admin" if method == "Rollback" else role
    return method, {"behalf": behalf(role, **more)}


def removals(method: str) -> dict[str, Any]:
    return {"removals": ["new", "late"]} if method == "Rollback" else {}


@pytest.mark.parametrize("how", ["by himself", "agent"])
@pytest.mark.parametrize("method", ENDS)
@pytest.mark.parametrize("role", ["editor", "admin"])
def test_what_root_tries_is_ended_by_root_alone(
    world: World, method: str, role: str, how: str
) -> None:
    by_root(world, how)
    name, given = end(method, role)

    said = Agent(world).fail(name, **given, **removals(method))

    assert said["kind"] == "PermissionRefusedError"
    assert "is tried by root" in said["message"]
    assert "2026-11-23 12:10:07 UTC" in said["fix"]
    assert read_trial(world.host) is not None
    Agent(world).ask(name, **removals(method))
    assert read_trial(world.host) is None


@pytest.mark.parametrize("method", ENDS)
def test_who_tries_something_ends_it(world: World, method: str) -> None:
    agent = Agent(world)
    agent.ask("TryEdit", **EDIT, behalf=behalf("editor", address="192.0.2.8", request="r-0"))
    name, given = end(method)

    agent.ask(name, **given, **removals(method))

    assert read_trial(world.host) is None
    assert (world.layout.jobs / "new.yaml").exists() is (method == "Confirm")


@pytest.mark.parametrize("method", ["Confirm", "TakeBack"])
@pytest.mark.parametrize("other", [{"name": "bob"}, {"kind": "oidc"}, {"kind": "peer"}])
def test_what_another_tries_is_ended_by_an_admin(
    world: World, method: str, other: dict[str, str]
) -> None:
    agent = Agent(world)
    agent.ask("TryEdit", **EDIT, behalf=behalf("editor"))

    said = agent.fail(method, behalf=behalf("editor", **other))

    assert said["kind"] == "PermissionRefusedError"
    assert "token alice" in said["message"]
    assert read_trial(world.host) is not None
    agent.ask(method, behalf=behalf("admin", **other))
    assert read_trial(world.host) is None


@pytest.mark.parametrize("method", ["Confirm", "TakeBack"])
def test_members_end_their_own_trials(world: World, method: str) -> None:
    Agent(world, ALICE).ask("TryEdit", **EDIT)

    said = Agent(world, BOB).fail(method)

    assert said["kind"] == "PermissionRefusedError"
    assert Agent(world, BOB).fail(method) == said
    Agent(world, ALICE).ask(method)
    assert read_trial(world.host) is None


def test_root_ends_whatever_is_tried(world: World) -> None:
    Agent(world, ALICE).ask("TryEdit", **EDIT)

    Agent(world, ROOT).ask("Confirm")

    assert read_trial(world.host) is None


def test_a_trial_of_an_older_version_is_root_s(world: World) -> None:
    Agent(world, ALICE).ask("TryEdit", **EDIT)
    text = world.layout.trial.read_text()
    world.layout.trial.write_text(text.replace('"owner"', '"unknown"'))

    said = Agent(world, ALICE).fail("Confirm")

    assert "is tried by root" in said["message"]


def test_a_generation_is_taken_back_within_the_policy_alone(world: World) -> None:
    world.apply("jobs:\n  snap: {command: [/bin/true]}\n")

    said = Agent(world).fail("Rollback", behalf=behalf("admin"))

    assert "snap, as it is: command: only tasks are allowed" in said["message"]
