# SPDX-License-Identifier: Apache-2.0
"""Packages that a task needs: a warning at the job, before its runs fail."""

from __future__ import annotations

from debvisor_timers.operations.check import check
from tests.unit.operations.world import World

TYPES = """\
tasks:
  one: {handler: "m:f", packages: [dpkg, qemu-utils]}
  two: {handler: "m:f", packages: [qemu-utils, python3-libvirt]}
"""
JOBS = "jobs:\n  a:\n    task: {type: one}\n  b:\n    task: {type: two}\n"


def test_check_and_apply_warn_of_what_is_missing(world: World) -> None:
    world.write(JOBS)
    world.layout.tasks.mkdir()
    (world.layout.tasks / "t.yaml").write_text(TYPES)

    told = {
        (each.span.line, each.message, each.fix)
        for each in check(world.host).problems
        if "not installed" in each.message
    }

    assert told == {
        (
            3,
            "the task type one needs the package qemu-utils, which is not installed",
            "apt install qemu-utils",
        ),
        (
            5,
            (
                "the task type two needs the packages qemu-utils, python3-libvirt, which are"
                " not installed"
            ),
            "apt install qemu-utils python3-libvirt",
        ),
    }
    plan = world.apply().plan
    assert plan is not None
    assert {each.message for each in plan.warnings} == {message for _, message, _ in told}
    world.systemd.machine.packages |= {"qemu-utils", "python3-libvirt"}
    assert check(world.host).problems == ()
