# SPDX-License-Identifier: Apache-2.0
"""What the agent answers: to calls that it knows, to others, and to nonsense."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from varlink.scanner import Interface

from debvisor_timers.agent.verbs import VERBS
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.operations.holding.marks import Held
from debvisor_timers.scheduler import Scheduler
from tests.unit.agent.asking import SOMEBODY, Agent, behalf
from tests.unit.operations.world import TWO, World

INTERFACE = Path(__file__).parents[3] / "debvisor_timers/agent/io.debvisor.Timers.varlink"
SNAPSHOT = [
    {"path": ["task"], "value": {"type": "vm_snapshot", "config": {"vm_id": "vm-1"}}},
    {"path": ["schedule"], "value": "0 3 * * *"},
]


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(World(tmp_path))
    agent.world.apply(TWO)
    return agent


def edit(**more: object) -> dict[str, object]:
    """Return the parameters of an edit that makes a job."""
    change = {"job": "new", "kind": "create", "keys": SNAPSHOT}
    return {"changes": [change], **more}


def test_the_interface_has_each_verb_with_its_fields_and_no_other() -> None:
    described = Interface(INTERFACE.read_text(encoding="utf-8"))
    methods = {
        name: set(member.in_type.fields)
        for name, member in described.members.items()
        if hasattr(member, "in_type")
    }

    assert methods == {name: {*verb.takes.model_fields, "behalf"} for name, verb in VERBS.items()}


def test_root_runs_a_job(agent: Agent) -> None:
    result = agent.ask("Run", job="nightly")

    assert result["job_id"] == "nightly"
    assert "debvisor-job-nightly.service" in agent.world.ran()


def test_a_change_is_applied_and_nothing_else_is(agent: Agent) -> None:
    agent.world.write("jobs:\n  late: {command: [/bin/true], schedule: '0 5 * * *'}\n", "b.yaml")

    result = agent.ask("Edit", **edit())

    assert result["result"]["created"] == 1
    assert "debvisor-job-new.timer" in agent.world.running()
    assert "debvisor-job-late.timer" not in agent.world.running()
    assert result["pending"]["jobs"] == ["late"]


def test_a_broken_file_elsewhere_is_named_and_blocks_no_change(agent: Agent) -> None:
    agent.world.write("jobs: {late: {command: 5}}\n", "b.yaml")

    result = agent.ask("Edit", **edit())

    assert result["result"]["created"] == 1
    (error,) = result["pending"]["errors"]
    assert error["span"]["file"]["value"].endswith("b.yaml")


def test_what_is_wrong_with_a_change_has_its_place(agent: Agent) -> None:
    change = {
        "job": "new",
        "kind": "create",
        "keys": [{"path": ["schedule"], "value": "0 25 * * *"}],
    }

    said = agent.fail("Edit", changes=[change])

    assert said["kind"] == "DefinitionError"
    places = {problem["span"]["line"]: problem["message"] for problem in said["problems"]}
    assert any("25" in message for message in places.values())


@pytest.mark.parametrize(
    ("method", "parameters", "role"),
    [
        ("Run", {"job": "nightly"}, Role.OPERATOR),
        ("Pause", {"jobs": ["nightly"]}, Role.OPERATOR),
        ("SkipNext", {"job": "nightly", "count": 1}, Role.OPERATOR),
        ("Edit", edit(), Role.EDITOR),
        ("Apply", {}, Role.EDITOR),
        ("BeginMaintenance", {}, Role.ADMIN),
        ("CreateToken", {"name": "t", "role": "viewer"}, Role.ADMIN),
    ],
)
def test_a_role_is_enough_or_is_not(
    agent: Agent, method: str, parameters: dict[str, object], role: Role
) -> None:
    roles = list(Role)
    for lower in roles[: roles.index(role)]:
        said = agent.fail(method, **parameters, behalf=behalf(lower))
        assert said["kind"] == "PermissionRefusedError"
        assert f"{method} needs the role {role}" in said["message"]

    agent.ask(method, **parameters, behalf=behalf(role))


def test_who_lacks_a_role_is_in_the_audit(agent: Agent) -> None:
    agent.fail("Stop", job="nightly", behalf=behalf("viewer"))

    (record,) = Scheduler(agent.world.host).audit(AuditFilter(verb="stop"))
    assert record.event.result == "refused"
    assert (record.event.jobs, record.event.caller.token) == (("nightly",), "alice")


def test_nobody_is_let_in_who_is_no_member(tmp_path: Path) -> None:
    agent = Agent(World(tmp_path), SOMEBODY)

    said = agent.fail("Run", job="nightly", behalf=behalf("admin"))

    assert said["kind"] == "PermissionRefusedError"
    assert "no member of the group debvisor-timers" in said["message"]


def test_for_whom_it_was_is_in_the_audit(agent: Agent) -> None:
    agent.ask("Pause", jobs=["nightly"], reason="moving", behalf=behalf("operator"))

    (record,) = Scheduler(agent.world.host).audit(AuditFilter(verb="pause"))
    caller = record.event.caller
    assert (caller.token, caller.address, caller.request) == ("alice", "192.0.2.7", "r-1")
    assert caller.door == "api"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"method": "io.debvisor.Timers.Nothing"}, "org.varlink.service.MethodNotFound"),
        ({"method": "io.other.Do"}, "org.varlink.service.InterfaceNotFound"),
        ({"method": ""}, "org.varlink.service.InterfaceNotFound"),
        ({"method": "io.debvisor.Timers.Run"}, "org.varlink.service.InvalidParameter"),
        (
            {"method": "io.debvisor.Timers.Run", "parameters": {"job": 5}},
            "org.varlink.service.InvalidParameter",
        ),
        (
            {"method": "io.debvisor.Timers.Run", "parameters": {"job": "a", "more": 1}},
            "org.varlink.service.InvalidParameter",
        ),
        (
            {"method": "io.debvisor.Timers.Run", "parameters": [1]},
            "org.varlink.service.InvalidParameter",
        ),
        (
            {"method": "io.debvisor.Timers.OpenJob", "parameters": {"job": "\ud800"}},
            "org.varlink.service.InvalidParameter",
        ),
        (
            {"method": "io.debvisor.Timers.Edit", "parameters": {"changes": [5]}},
            "org.varlink.service.InvalidParameter",
        ),
        (
            {"method": "io.debvisor.Timers.Pause", "parameters": {"tags": ["a"]}},
            "org.varlink.service.InvalidParameter",
        ),
    ],
)
def test_what_makes_no_sense_is_answered_by_an_error(
    agent: Agent, message: object, error: str
) -> None:
    assert agent.say(message)["error"] == error


@pytest.mark.parametrize("message", [[], 5, "text", None, {"method": 5}, {"parameters": {}}])
def test_what_is_no_call_ends_the_connection(agent: Agent, message: object) -> None:
    with pytest.raises(ValueError, match="no call"):
        agent.say(message)


def test_what_a_caller_asks_for_others_is_checked(agent: Agent) -> None:
    wrong = agent.fail("Run", job="nightly", behalf=behalf("king"))
    unnamed = agent.fail("Run", job="nightly", behalf=behalf("admin", name=""))

    assert wrong["kind"] == unnamed["kind"] == "UsageError"
    assert agent.world.ran() == []


def test_a_job_keeps_its_units_when_only_other_jobs_of_its_file_are_wanted(agent: Agent) -> None:
    opened = agent.ask("OpenJob", job="nightly")
    before = (agent.world.layout.jobs / "a.yaml").read_text()
    after = before.replace("echo hello", "echo evil")

    said = agent.fail(
        "Rewrite",
        job="nightly",
        path=opened["path"]["value"],
        before=before,
        after=after,
        behalf=behalf("admin"),
    )

    assert "other jobs of" in said["message"]
    assert (agent.world.layout.jobs / "a.yaml").read_text() == before


def test_settings_come_back_by_root_alone(agent: Agent) -> None:
    config = agent.world.layout.config / "config.yaml"
    config.write_text("policy: {raw_commands: true, users: [root]}\n")
    agent.world.apply(TWO.replace("0 2", "0 3"))
    config.write_text("policy: {}\n")
    agent.world.apply(TWO)

    said = agent.fail("Rollback", yaml=True, behalf=behalf("admin"))

    assert "config.yaml: only root may change settings" in said["message"]
    assert config.read_text() == "policy: {}\n"


def test_what_no_file_says_is_not_applied(agent: Agent) -> None:
    agent.ask("Edit", **edit(), behalf=behalf("editor"))
    path = agent.world.layout.jobs / "new.yaml"
    before = path.read_text()
    other = before.replace("vm-1", "vm-2")

    said = agent.fail(
        "Rewrite",
        job="new",
        path=str(path),
        before=other,
        after=other,
        behalf=behalf("editor"),
    )

    assert "was changed by somebody else meanwhile" in said["message"]
    unit = agent.world.host.units.entry("debvisor-job-new.service")
    assert unit is not None
    assert "vm-2" not in str(unit)


def test_no_text_keeps_the_agent_busy(agent: Agent) -> None:
    task = {"type": "scaling_advice", "config": {"interval": "1" * 20_000 + "!"}}
    keys = [{"path": ["task"], "value": task}]

    began = time.process_time()
    agent.fail("Edit", changes=[{"job": "new", "kind": "create", "keys": keys}])

    assert time.process_time() - began < 5


def test_nobody_sends_more_than_can_be_checked_soon(agent: Agent) -> None:
    times = [f"*-*-* {n // 60 % 24:02}:{n % 60:02}" for n in range(5000)]
    keys = [{"path": ["schedule"], "value": {"on_calendar": times}}]
    path = agent.world.layout.jobs / "new.yaml"
    text = "jobs:\n  new: {task: {type: vm_snapshot, config: {vm_id: [" + "1," * 40_000 + "1]}}}\n"
    many = [{"job": f"j{n}", "kind": "create", "keys": keys[:0]} for n in range(20)]
    for each in many:
        each["keys"] = [{"path": ["name"], "value": "x" * 60_000}]

    for said in (
        agent.fail("Edit", changes=[{"job": "new", "kind": "create", "keys": keys}]),
        agent.fail("Rewrite", job="new", path=str(path), before="", after=text, is_new=True),
        agent.fail("TryEdit", changes=many, timeout_seconds=60.0),
    ):
        assert "that the agent takes at once" in said["message"]


def test_quotes_of_other_jobs_stay_too(agent: Agent) -> None:
    one = "{task: {type: vm_snapshot, config: {vm_id: a}}}"
    other = '{task: {type: generate_report, config: {include_metrics: true, format: "text"}}}'
    text = f"jobs:\n  one: {one}\n  other: {other}\n"
    agent.world.write(text, "two.yaml")
    agent.ask("Apply")
    path = agent.world.layout.jobs / "two.yaml"

    said = agent.fail(
        "Rewrite",
        job="one",
        path=str(path),
        before=text,
        after=text.replace("vm_id: a", "vm_id: b").replace("true", '"true"'),
    )

    assert "other jobs of" in said["message"]
    assert path.read_text() == text


def test_secrets_of_pending_edits_are_in_no_plan(agent: Agent) -> None:
    job = "{environment: {DB_PASSWORD: hunter2-x}, script: 'echo hunter2-x'}"
    agent.world.write(f"jobs:\n  secret: {job}\n", "s.yaml")

    plan = agent.ask("Plan", behalf=behalf("viewer"))

    assert "hunter2-x" not in str(plan)
    assert plan["new_scripts"]["items"]


@pytest.mark.parametrize("how", ["Edit", "Rewrite", "Apply"])
def test_the_policy_holds_for_what_no_unit_says(agent: Agent, how: str) -> None:
    def text(address: str) -> str:
        task = "task: {type: vm_snapshot, config: {vm_id: a}}"
        return f"jobs:\n  told: {{{task}, ping: 'https://{address}/x'}}\n"

    path = agent.world.layout.jobs / "told.yaml"
    agent.world.write(text("example.org"), "told.yaml")
    agent.ask("Apply")
    given: dict[str, object] = {}
    if how == "Edit":
        keys = [{"path": ["ping"], "value": "https://example.net/x"}]
        given = {"changes": [{"job": "told", "kind": "update", "keys": keys}]}
    elif how == "Rewrite":
        given = {"job": "told", "path": str(path), "before": path.read_text()}
        given["after"] = text("example.net")
    else:
        path.write_text(text("example.net"))

    said = agent.fail(how, **given, behalf=behalf("editor"))

    assert "told: ping: only root may set it" in said["message"]


@pytest.mark.parametrize(
    "until",
    ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+12:00"],
)
def test_no_time_is_taken_that_nobody_can_read(agent: Agent, until: str) -> None:
    for method, given in (
        ("Pause", {"jobs": ["nightly"], "until": until}),
        ("BeginMaintenance", {"until": until}),
        ("CreateToken", {"name": "t", "role": "viewer", "expires": until}),
    ):
        said = agent.say({"method": f"io.debvisor.Timers.{method}", "parameters": given})
        assert said["error"] == "org.varlink.service.InvalidParameter"


def test_a_mark_with_a_time_that_is_none_has_no_end(agent: Agent) -> None:
    agent.ask("Pause", jobs=["nightly"])
    mark = agent.world.layout.paused / "nightly"
    mark.write_text('{"until": "9999-12-31T23:59:59-12:00"}\n')

    held = Held.read(agent.world.layout, agent.world.host.clock.now())

    assert held.pauses["nightly"].until is None
