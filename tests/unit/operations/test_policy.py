# SPDX-License-Identifier: Apache-2.0
"""What jobs may be that others than root make."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.operations.access.policy import check_plan, policy_in_force
from debvisor_timers.operations.applying.plan import make_plan
from tests.unit.operations.world import World

TASK = "task: {type: vm_snapshot, config: {vm_id: vm-1}}"


def refusal(world: World, keys: str, policy: str = "{}", config: str = "") -> str:
    """Return why a new job with `keys` is refused; empty where it is not."""
    (world.layout.config / "config.yaml").write_text(f"policy: {policy}\n{config}")
    world.write(f"jobs:\n  new: {{{keys}}}\n")
    try:
        check_plan(world.host, policy_in_force(world.host), make_plan(world.host))
    except PermissionRefusedError as error:
        return error.message.partition(": ")[2]
    return ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.systemd.ship("libvirtd.service", "[Service]\nExecStart=/bin/true\n")
    return world


@pytest.mark.parametrize(
    "keys",
    [
        TASK,
        f"{TASK}, schedule: '0 2 * * *', name: Snapshots, owner: alice, tags: {{a: b}}",
        f"{TASK}, timeout: 5min, retries: {{max: 3}}, priority: high, enabled: false",
        f"{TASK}, user: root",
        "task: {type: create_snapshot, config: {vm_id: vm-1}}",
    ],
)
def test_a_task_may_run_when_and_as_often_as_is_wanted(world: World, keys: str) -> None:
    assert refusal(world, keys) == ""


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("command: [/bin/true]", "new: command: only tasks are allowed"),
        ("script: id", "new: script: only tasks are allowed"),
        (f"{TASK}, user: backup", "new: user: backup is not allowed"),
        (f"{TASK}, group: shadow", "new: group: shadow is not allowed"),
        (f"{TASK}, environment: {{PATH: /tmp}}", "new: environment: only root may set it"),
        (f"{TASK}, environment_files: [/etc/a]", "new: environment_files: only root may set it"),
        (f"{TASK}, credentials: {{a: /etc/shadow}}", "new: credentials: only root may set it"),
        (f"{TASK}, sandbox: none", "new: sandbox: only root may set it"),
        (f"{TASK}, ping: 'https://example.org/x'", "new: ping: only root may set it"),
        (f"{TASK}, working_directory: /tmp", "new: working_directory: only root may set it"),
        (
            f"{TASK}, unit: {{Service: {{BindPaths: /etc}}}}",
            "new: unit.Service.BindPaths: only root may set it",
        ),
        (
            f"{TASK}, depends_on: [{{unit: libvirtd.service}}]",
            "new: depends_on: only root may let a job start libvirtd.service",
        ),
    ],
)
def test_what_reaches_the_host_is_refused(world: World, keys: str, why: str) -> None:
    assert refusal(world, keys) == why


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ("command: [/bin/true], user: backup", "{raw_commands: true, users: [backup]}"),
        ("command: [/bin/true]", "{raw_commands: true, users: [root]}"),
        (f"{TASK}, user: backup", "{users: [backup]}"),
        (f"{TASK}, environment: {{A: b}}", "{directives: [environment]}"),
        (f"{TASK}, unit: {{Service: {{Nice: 5}}}}", "{directives: [Service.Nice]}"),
        (f"{TASK}, depends_on: [{{unit: libvirtd.service}}]", "{directives: [depends_on.unit]}"),
        (TASK, "{task_types: [vm_*]}"),
        (f"{TASK}, pool: backup", "{pools: [back*]}"),
    ],
)
def test_a_policy_can_be_wider(world: World, keys: str, policy: str) -> None:
    assert refusal(world, keys, policy, "pools: {backup: 2}\n") == ""


@pytest.mark.parametrize(
    ("keys", "policy", "why"),
    [
        (
            "command: [/bin/true]",
            "{raw_commands: true}",
            "new: user: a command may not run as root",
        ),
        (TASK, "{task_types: [zfs_*]}", "new: task: the type vm_snapshot is not allowed"),
        (
            "task: {type: create_snapshot, config: {vm_id: vm-1}}",
            "{task_types: [create_*]}",
            "new: task: the type create_snapshot is not allowed",
        ),
        (f"{TASK}, pool: backup", "{pools: [other]}", "new: pool: backup is not allowed"),
    ],
)
def test_a_policy_can_be_narrower(world: World, keys: str, policy: str, why: str) -> None:
    assert refusal(world, keys, policy, "pools: {backup: 2}\n") == why


ROTATION = "task: {type: log_rotation, config: {inline: '/x { postrotate id endscript }'}}"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (ROTATION, "inline"),
        ("task: {type: log_rotation, config: {config_file: /etc/shadow}}", "config_file"),
        (
            "task: {type: vm_snapshot, config: {vm_id: a, uri: 'qemu+ext:///system?command=/tmp/x'}}",
            "uri",
        ),
        ("task: {type: backup, config: {vm_id: a, directory: /etc}}", "directory"),
        ("task: {type: archive, config: {keep: 1, directory: /home/eve}}", "directory"),
        ("task: {type: generate_report, config: {output: /etc/cron.d/x}}", "output"),
        ("task: {type: compliance_scan, config: {content: /tmp/x.xml}}", "content"),
        ("task: {type: ceph_health, config: {conf: /tmp/ceph.conf}}", "conf"),
    ],
)
def test_what_a_task_type_leaves_to_root_is_refused(world: World, keys: str, why: str) -> None:
    assert refusal(world, keys) == f"new: task.config.{why}: only root may set it"


def test_what_a_task_type_leaves_to_root_may_be_as_it_is_by_default(world: World) -> None:
    config = "{keep: 1, directory: /var/lib/debvisor/backups}"

    assert refusal(world, f"task: {{type: archive, config: {config}}}") == ""


def test_root_can_allow_a_parameter(world: World) -> None:
    assert refusal(world, ROTATION, "{directives: [task.log_rotation.inline]}") == ""


def test_what_an_own_task_type_leaves_to_root_is_refused(world: World) -> None:
    world.layout.tasks.mkdir(exist_ok=True)
    own = "exec: [/bin/cp, '--', '{a}', '{b}'], parameters: {properties: {a: {}, b: {}}}"
    (world.layout.tasks / "own.yaml").write_text(f"tasks: {{own: {{{own}, closed: [b]}}}}\n")

    assert refusal(world, "task: {type: own, config: {a: /x}}") == ""
    assert refusal(world, "task: {type: own, config: {a: /x, b: /y}}") == (
        "new: task.config.b: only root may set it"
    )


COPY = "exec: [/bin/cp, '--', '{a}', '{b}'], parameters: {properties: {a: {}, b: {default: /b}}}"
"""As root it makes root of whoever may say what is copied."""


def declare(world: World, keys: str, name: str = "own") -> None:
    world.layout.tasks.mkdir(exist_ok=True)
    (world.layout.tasks / "own.yaml").write_text(f"tasks: {{{name}: {{{keys}}}}}\n")


def unsaid(*parameters: str) -> str:
    """Return the refusal of parameters of a type that does not say what is root's."""
    return "; ".join(
        f"new: task.config.{each}: only root may set it, for the type own has no `closed`"
        for each in parameters
    )


@pytest.mark.parametrize("user", ["", "user: root", "user: 0"])
def test_of_a_type_that_says_nothing_only_root_sets_parameters(world: World, user: str) -> None:
    declare(world, f"{COPY}, aliases: [copy], defaults: {{{user}}}")

    assert refusal(world, "task: {type: own}") == ""
    assert refusal(world, "task: {type: own, config: {b: /b}}") == ""
    assert refusal(world, "task: {type: own, config: {a: /x, b: /y}}") == unsaid("a", "b")
    assert refusal(world, "task: {type: copy, config: {a: /x}}") == unsaid("a")


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        (f"{COPY}, closed: []", "{}"),
        (COPY, "{task_types: ['*', own]}"),
        (COPY, "{directives: [task.own.a]}"),
        (f"{COPY}, defaults: {{user: nobody}}", "{}"),
    ],
)
def test_root_opens_the_parameters_of_a_type_that_says_nothing(
    world: World, keys: str, policy: str
) -> None:
    declare(world, keys)

    assert refusal(world, "task: {type: own, config: {a: /x}}", policy) == ""


def test_a_pattern_does_not_name_a_type(world: World) -> None:
    declare(world, COPY)
    keys = "task: {type: own, config: {a: /x}}"

    assert refusal(world, keys, "{task_types: ['ow?', 'own*']}") == unsaid("a")


def test_a_type_in_the_place_of_a_shipped_one_has_to_say_what_is_root_s(world: World) -> None:
    declare(world, COPY, "vm_snapshot")
    said = refusal(world, "task: {type: vm_snapshot, config: {a: /x}}")

    assert said == unsaid("a").replace("own", "vm_snapshot")


def test_what_nobody_has_declared_is_given_nothing(world: World) -> None:
    said = refusal(world, "task: {type: from_elsewhere, config: {a: /x}}")

    assert said == unsaid("a").replace("own", "from_elsewhere")


def test_who_may_let_it_run_as_root_gives_it_no_parameters(world: World) -> None:
    declare(world, f"{COPY}, defaults: {{user: nobody}}")
    keys = "task: {type: own, config: {a: /x}}, user: root"

    assert refusal(world, keys, "{users: [root]}") == unsaid("a")


def test_there_are_not_more_jobs_than_the_policy_allows(world: World) -> None:
    world.apply("jobs:\n  old: {command: [/bin/true]}\n")
    world.write("jobs:\n  old: {command: [/bin/true]}\n", "old.yaml")

    assert refusal(world, TASK, "{max_jobs: 2}") == ""
    assert refusal(world, TASK, "{max_jobs: 1}") == "there would be 2 jobs, and max_jobs is 1"


def test_what_the_defaults_set_is_nobody_s_wish(world: World) -> None:
    assert refusal(world, TASK, config="defaults: {environment: {SITE: ams1}}\n") == ""


def test_jobs_of_root_that_stay_as_they_are_are_no_matter(world: World) -> None:
    world.apply("jobs:\n  old: {command: [/bin/true]}\n")
    world.write("jobs:\n  old: {command: [/bin/true]}\n", "old.yaml")

    assert refusal(world, TASK) == ""


def test_a_broken_config_leaves_the_policy_that_was_applied(world: World) -> None:
    config = world.layout.config / "config.yaml"
    config.write_text("policy: {task_types: [zfs_*]}\n")
    world.apply("jobs:\n  old: {command: [/bin/true]}\n")
    config.write_text("policy: {task_types: ['*']}\nnonsense: 1\n")

    assert policy_in_force(world.host).task_types == ("zfs_*",)


def test_defaults_that_do_not_go_together_open_nothing(world: World) -> None:
    world.layout.tasks.mkdir(exist_ok=True)
    defaults = "sandbox: standard, user: backup, retries: {max: 1, delay: 10min}"
    own = f"tasks: {{own: {{exec: [/bin/true], defaults: {{{defaults}}}}}}}\n"
    (world.layout.tasks / "own.yaml").write_text(own)
    keys = "task: {type: own}, retries: {delay: 1s}"
    config = "defaults: {retries: {max_delay: 1min}}\n"

    assert refusal(world, keys, config=config) == ""
    assert refusal(world, f"{keys}, sandbox: none, user: root", config=config) == (
        "new: user: root is not allowed; new: sandbox: only root may set it"
    )
