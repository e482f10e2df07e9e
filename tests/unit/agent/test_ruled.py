# SPDX-License-Identifier: Apache-2.0
"""Jobs of root's: what who is not root may do to them is judged by what they are, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.asking import Agent, behalf
from tests.unit.operations.world import World

TASK = "task: {type: vm_snapshot, config: {vm_id: vm-1}}"
JOBS = f"""\
jobs:
  raw: {{command: [/bin/true], schedule: "0 2 * * *"}}
  other: {{{TASK}, user: backup}}
  paths: {{{TASK}, unit: {{Service: {{BindPaths: /srv}}}}}}
  pooled: {{{TASK}, pool: big}}
  open: {{{TASK}, schedule: "0 3 * * *"}}
"""
SETTINGS = "pools: {big: 1}\npolicy: {pools: [small]}\n"
ROLES = ["editor", "admin"]

OUTSIDE = {
    "raw": ("command: only tasks are allowed", "raw_commands: true, users: [root]"),
    "other": ("user: backup is not allowed", "users: [backup]"),
    "paths": ("unit.Service.BindPaths: only root may set it", "directives: [Service.BindPaths]"),
    "pooled": ("pool: big is not allowed", "pools: [big]"),
}
"""What of a job is outside the policy, and what of the policy would mend it."""


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(World(tmp_path))
    (agent.world.layout.config / "config.yaml").write_text(SETTINGS)
    agent.world.apply(JOBS)
    return agent


def refusal(agent: Agent, method: str, role: str = "editor", **given: Any) -> dict[str, Any]:
    """Return why a call is refused, after which everything is as it was."""
    before, files = agent.world.picture(), texts(agent)
    said = agent.fail(method, **given, behalf=behalf(role))
    assert said["kind"] == "PermissionRefusedError", said
    assert (agent.world.picture(), texts(agent)) == (before, files)
    return said


def texts(agent: Agent) -> dict[str, str]:
    return {path.name: path.read_text() for path in agent.world.layout.jobs.iterdir()}


def delete(job: str) -> dict[str, Any]:
    return {"changes": [{"job": job, "kind": "delete"}]}


def update(job: str, key: str, value: object) -> dict[str, Any]:
    keys = [{"path": [key], "value": value}]
    return {"changes": [{"job": job, "kind": "update", "keys": keys}]}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("job", OUTSIDE)
def test_a_job_outside_the_policy_is_deleted_by_root_alone(
    agent: Agent, job: str, role: str
) -> None:
    what, mend = OUTSIDE[job]

    for method, more in (("Edit", {}), ("TryEdit", {"timeout_seconds": 60.0})):
        said = refusal(agent, method, role, **delete(job), **more)
        assert f"{job}, as it is: {what}" in str(said["message"])
        assert mend in str(said["fix"])

    agent.ask("Edit", **delete(job))
    assert f"debvisor-job-{job}.service" not in agent.world.units()


def test_a_job_within_the_policy_is_changed_and_deleted_by_an_editor(agent: Agent) -> None:
    agent.ask("Edit", **update("open", "schedule", "0 4 * * *"), behalf=behalf("editor"))
    agent.ask("Edit", **update("open", "enabled", value=False), behalf=behalf("editor"))
    agent.ask("Edit", **delete("open"), behalf=behalf("editor"))

    assert "debvisor-job-open.service" not in agent.world.units()


@pytest.mark.parametrize("job", OUTSIDE)
def test_a_job_outside_the_policy_is_not_brought_within_it_by_others(
    agent: Agent, job: str
) -> None:
    before = (agent.world.layout.jobs / "a.yaml").read_text()
    lines = before.splitlines(keepends=True)
    inside = [f"  {job}: {{{TASK}}}\n" if line.startswith(f"  {job}:") else line for line in lines]
    path = str(agent.world.layout.jobs / "a.yaml")
    given = {"job": job, "path": path, "before": before, "after": "".join(inside)}

    said = refusal(agent, "Rewrite", **given)

    assert f"{job}, as it is: {OUTSIDE[job][0]}" in str(said["message"])


def test_a_job_outside_the_policy_is_neither_disabled_nor_renamed(agent: Agent) -> None:
    disabled = refusal(agent, "Edit", **update("raw", "enabled", value=False))
    keys = [{"path": ["task"], "value": {"type": "vm_snapshot", "config": {"vm_id": "v"}}}]
    keys.append({"path": ["was"], "value": "raw"})
    create = {"job": "mine", "kind": "create", "keys": keys}
    renamed = refusal(agent, "Edit", changes=[create, {"job": "raw", "kind": "delete"}])

    for said in (disabled, renamed):
        assert "command: only tasks are allowed" in str(said["message"])


def test_an_apply_takes_away_no_job_outside_the_policy(agent: Agent) -> None:
    path = agent.world.layout.jobs / "a.yaml"
    path.write_text("jobs:\n" + "".join(path.read_text().splitlines(keepends=True)[2:]))

    said = refusal(agent, "Apply", "admin", removals=["raw"])

    assert "raw, as it is: command: only tasks are allowed" in str(said["message"])
    agent.ask("Apply", removals=["raw"])


def test_a_rollback_takes_away_no_job_outside_the_policy(agent: Agent) -> None:
    agent.world.write("jobs:\n  late: {command: [/bin/true]}\n", "b.yaml")
    agent.ask("Apply")

    said = refusal(agent, "Rollback", "admin", number=1, removals=["late"])

    assert "late, as it is: command: only tasks are allowed" in str(said["message"])


@pytest.mark.parametrize("kind", ["delete", "update"])
def test_what_root_has_written_and_not_applied_counts_too(agent: Agent, kind: str) -> None:
    agent.world.write("jobs:\n  late: {command: [/bin/true]}\n", "b.yaml")
    task = {"type": "vm_snapshot", "config": {"vm_id": "v"}}
    keys = [{"path": ["command"], "value": None}, {"path": ["task"], "value": task}]
    change = {"job": "late", "kind": kind, **({"keys": keys} if kind == "update" else {})}

    said = refusal(agent, "Edit", changes=[change])

    assert "late, as it is: command: only tasks are allowed" in str(said["message"])


def test_what_nobody_can_read_is_not_taken_away_by_others(agent: Agent) -> None:
    agent.world.write("jobs:\n  late: {command: 5, nonsense: true}\n", "b.yaml")

    said = refusal(agent, "Edit", **delete("late"))

    assert "late, as it is: nobody knows what it does" in str(said["message"])


def test_a_policy_that_is_wider_lets_it_be_changed(agent: Agent) -> None:
    wide = "policy: {raw_commands: true, users: [root], pools: ['*']}\npools: {big: 1}\n"
    (agent.world.layout.config / "config.yaml").write_text(wide)

    agent.ask("Edit", **update("raw", "priority", "high"), behalf=behalf("editor"))
    agent.ask("Edit", **delete("raw"), behalf=behalf("editor"))
    agent.ask("Edit", **delete("pooled"), behalf=behalf("editor"))


def test_to_run_to_stop_and_to_pause_is_a_matter_of_the_role(agent: Agent) -> None:
    agent.ask("Run", job="raw", behalf=behalf("operator"))
    agent.ask("Stop", job="raw", behalf=behalf("operator"))
    agent.ask("Pause", jobs=["raw"], behalf=behalf("operator"))
    agent.ask("Resume", jobs=["raw"], behalf=behalf("operator"))


def test_jobs_of_root_in_the_same_file_keep_no_job_of_others(agent: Agent) -> None:
    """Their lines move, and nothing else of them."""
    text = f"jobs:\n  one: {{{TASK}}}\n  mine: {{{TASK}}}\n  raw2: {{command: [/bin/true]}}\n"
    agent.world.write(text, "b.yaml")
    agent.ask("Apply")

    agent.ask("Edit", **delete("one"), behalf=behalf("editor"))
    agent.ask("Edit", **update("mine", "tags", {"a": "b"}), behalf=behalf("editor"))

    assert "debvisor-job-raw2.service" in agent.world.units()
    assert "debvisor-job-one.service" not in agent.world.units()


def test_the_last_job_of_root_s_is_not_lost_with_a_file_of_others(agent: Agent) -> None:
    """What stands in a file that is deleted with its last job of theirs counts, too."""
    agent.world.write(f"jobs:\n  mine: {{{TASK}}}\n", "b.yaml")
    agent.ask("Apply")
    agent.world.write("jobs:\n  mine: {script: 'echo of root'}\n", "b.yaml")

    said = refusal(agent, "Edit", **delete("mine"))

    assert "mine, as it is: script: only tasks are allowed" in str(said["message"])
