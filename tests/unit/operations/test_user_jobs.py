# SPDX-License-Identifier: Apache-2.0
"""Jobs of a user's own manager: what it cannot do is refused at its place, the rest is rendered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.check import check
from debvisor_timers.operations.host import Host
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import World

HEAD = "jobs:\n  one:\n    command: [/bin/true]\n"


def of_user(world: World) -> Host:
    return replace(world.host, layout=replace(world.layout, user=True))


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ("user: root", "4:11", "user: a user's own manager runs all as that user"),
        ("group: adm", "4:12", "group: a user's own manager runs all as that user"),
        ("priority: critical", "4:15", "priority: a user's job cannot come before"),
        ("sandbox: strict", "4:14", "sandbox: a preset takes rights away"),
        ("where: {vm_active: a}", "4:24", "where.vm_active: libvirt tells users nothing"),
        ("resources: {io_weight: 10}", "4:28", "resources.io_weight: user@.service is given"),
        ("triggers: [{boot: 5m}]", "4:23", "triggers.boot: a user's manager begins"),
        (
            "encrypted_credentials: {a: /a}",
            "4:28",
            "encrypted_credentials: the key of this host is root's",
        ),
    ],
)
def test_what_a_user_s_manager_cannot_do_is_refused(
    world: World, keys: str, place: str, words: str
) -> None:
    world.write(f"{HEAD}    {keys}\n")

    errors = [problem for problem in check(of_user(world)).problems if problem.is_error]

    assert len(errors) == 1
    span = errors[0].span
    assert f"{span.line}:{span.column}" == place
    assert f"{errors[0].key}: {errors[0].message}".startswith(words)
    assert errors[0].fix


def test_the_programs_of_a_run_are_told_that_a_user_s_manager_starts_them(world: World) -> None:
    world.write(HEAD)

    (job,) = make_plan(of_user(world)).jobs

    (service,) = (entry.after for entry in job.entries)
    assert isinstance(service, FileEntry)
    lines = [line for line in service.text.splitlines() if line.startswith("Exec")]
    assert lines == [
        "ExecStartPre=+/usr/libexec/debvisor-timers/begin --user one",
        "ExecStart=/usr/libexec/debvisor-timers/run --user one /bin/true",
        "ExecStopPost=+/usr/libexec/debvisor-timers/end --user one",
    ]


def test_a_file_that_the_user_can_change_is_no_danger_there(world: World, tmp_path: Path) -> None:
    shared = tmp_path / "shared.env"
    shared.write_text("A=1\n")
    shared.chmod(0o666)
    world.write(f"{HEAD}    environment_files: [{shared}]\n")

    assert any(problem.is_error for problem in check(world.host).problems)
    assert not any(problem.is_error for problem in check(of_user(world)).problems)


def test_another_system_is_not_judged_by_what_is_here(world: World, tmp_path: Path) -> None:
    root = tmp_path / "image"
    world.write("jobs:\n  one:\n    command: [/opt/nothing/here]\n    user: nobody-at-all\n")
    elsewhere = replace(world.host, layout=replace(world.layout, root=root))

    assert len(check(world.host).problems) == 2
    assert check(elsewhere).problems == ()
