# SPDX-License-Identifier: Apache-2.0
"""plan: what counts as a difference."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import DefinitionError
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.systemd.ports import LinkEntry
from tests.unit.operations.world import NIGHTLY, World

TIMER = "debvisor-job-nightly.timer"
LINK = f"{TARGET}.wants/{TIMER}"


def test_a_link_as_systemctl_enable_writes_it_is_no_difference(world: World) -> None:
    world.apply(NIGHTLY)

    world.systemd.units.write({LINK: LinkEntry(f"/etc/systemd/system/{TIMER}")})

    assert make_plan(world.host).is_empty


def test_a_link_to_something_else_is_a_difference(world: World) -> None:
    world.apply(NIGHTLY)

    world.systemd.units.write({LINK: LinkEntry("/dev/null")})

    assert not make_plan(world.host).is_empty


BACKUP = "jobs:\n  backup: {schedule: '0 2 * * *', command: [/bin/true]}\n"
SCRUB = "jobs:\n  zfs-scrub: {schedule: '0 3 * * *', command: [/bin/true]}\n"


@pytest.mark.parametrize(
    ("keys", "updated"),
    [
        ("triggers: [{success_of: [backup]}]", ("backup", "zfs-scrub")),
        ("triggers: [{failure_of: backup}]", ("backup", "zfs-scrub")),
        ("conflicts_with: [backup]", ("backup", "zfs-scrub")),
        ("depends_on: [backup]", ("zfs-scrub",)),
    ],
)
def test_a_job_whose_unit_another_one_changes_is_planned_too(
    world: World, keys: str, updated: tuple[str, ...]
) -> None:
    world.write(SCRUB, "b.yaml")
    world.apply(BACKUP)

    world.write(SCRUB.replace("{s", f"{{{keys}, s"), "b.yaml")
    plan = make_plan(world.host)

    assert (plan.created, plan.updated, plan.removed) == ((), updated, ())


def test_a_job_that_becomes_a_step_changes_those_that_need_it(world: World) -> None:
    world.write(SCRUB.replace("{s", "{depends_on: [backup], s"), "b.yaml")
    world.apply(BACKUP)

    world.write(BACKUP.replace("schedule: '0 2 * * *', ", ""))

    assert make_plan(world.host).updated == ("backup", "zfs-scrub")


def test_the_size_of_a_pool_changes_the_jobs_in_it(world: World) -> None:
    config = world.layout.config / "config.yaml"
    config.write_text("pools: {default: 3, other: 1}\n")
    world.write(SCRUB.replace("{s", "{pool: other, s"), "b.yaml")
    world.apply(BACKUP)

    config.write_text("pools: {default: 4, other: 1}\n")

    assert make_plan(world.host).updated == ("backup",)


def test_a_job_that_others_need_cannot_be_removed(world: World) -> None:
    world.write(SCRUB.replace("{s", "{depends_on: [backup], s"), "b.yaml")
    world.apply(BACKUP)

    (world.layout.jobs / "a.yaml").unlink()

    with pytest.raises(DefinitionError) as raised:
        make_plan(world.host)
    (problem,) = raised.value.problems
    assert problem.message == "there is no job 'backup'; zfs-scrub requires backup"
    assert problem.span.file.name == "b.yaml"
