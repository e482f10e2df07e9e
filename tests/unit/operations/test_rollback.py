# SPDX-License-Identifier: Apache-2.0
"""rollback: an older generation is true again: units, links, on request the YAML; nothing runs."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError, SystemdError
from debvisor_timers.operations.applying.apply import ApplyOptions
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.operations.safety.kept import list_generations
from debvisor_timers.operations.safety.rollback import (
    RollbackOptions,
    RolledBack,
    plan_rollback,
    rollback,
)
from debvisor_timers.render.ownership import is_edited, read_ownership
from debvisor_timers.systemd.ports import Entry, FileEntry
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.world import NIGHTLY, TWO, World

LATER = NIGHTLY.replace("0 2", "0 3")
NIGHT = "debvisor-job-nightly.timer"
HOURLY = "debvisor-job-hourly.timer"
LINK = f"debvisor-timers.target.wants/{NIGHT}"


def back(
    world: World,
    number: int | None = None,
    *,
    yes: bool = True,
    yaml: bool = False,
    force: bool = False,
    overwrite_edits: bool = False,
) -> RolledBack:
    options = ApplyOptions(
        confirm_removal=lambda _plan: yes, overwrite_edits=overwrite_edits, by=lambda: "root"
    )
    return rollback(
        world.host,
        number,
        RollbackOptions(apply=options, yaml=yaml, confirm_loss=lambda _paths: force),
    )


def bodies(units: Mapping[str, Entry]) -> Mapping[str, object]:
    """Return all that systemd sees of units: not which generation has written them."""
    return {
        name: re.sub("(?m)^Generation=.*", "", entry.text)
        if isinstance(entry, FileEntry)
        else entry
        for name, entry in units.items()
    }


def text(world: World, name: str = "a.yaml") -> str:
    return (world.layout.jobs / name).read_text(encoding="utf-8")


def calendar(world: World) -> str:
    unit = world.units()[NIGHT]
    assert isinstance(unit, FileEntry)
    return next(line for line in unit.text.splitlines() if line.startswith("OnCalendar="))


def test_the_generation_before_is_true_again_as_a_new_one(world: World) -> None:
    world.apply(NIGHTLY)
    before = bodies(world.units())
    world.apply(LATER)

    done = back(world)

    assert (done.number, done.result.generation, done.result.updated) == (1, 3, 1)
    assert bodies(world.units()) == before
    assert generations(world.host).units(3) == world.units()
    assert generations(world.host).files(3) == {"jobs.d/a.yaml": NIGHTLY.encode()}
    assert world.ran() == []


def test_a_unit_says_which_generation_has_written_it(world: World) -> None:
    """Else elapses would count as missed that came while another calendar was in force."""
    world.apply(TWO)
    world.apply(TWO.replace("0 2", "0 3"))

    back(world)

    timers = [world.units()[name] for name in (NIGHT, HOURLY)]
    found = [read_ownership(unit.text) for unit in timers if isinstance(unit, FileEntry)]
    assert [each and each.generation for each in found] == [3, 1]
    assert not any(is_edited(unit.text) for unit in timers if isinstance(unit, FileEntry))


def test_the_yaml_is_left_and_brings_it_back(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(LATER)

    done = back(world)

    assert done.differing == (world.layout.jobs / "a.yaml",)
    assert text(world) == LATER
    assert world.apply().updated == 1
    assert "03:00" in calendar(world)


def test_a_job_that_is_gone_comes_back_with_its_script_and_is_not_started(world: World) -> None:
    world.apply(TWO)
    scripts = dict(world.systemd.scripts.read())
    world.apply(NIGHTLY)
    assert not world.systemd.scripts.read()
    world.systemd.advance(timedelta(days=3))
    ran = len(world.ran())

    done = back(world)

    assert done.result.created == 1
    assert dict(world.systemd.scripts.read()) == scripts
    assert HOURLY in world.running()
    assert len(world.ran()) == ran


def test_a_timer_that_was_disabled_is_enabled_again(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.units.write({LINK: None})
    world.systemd.manager.stop([NIGHT])

    done = back(world, 1)

    assert done.result.updated == 1
    assert LINK in world.units()
    assert NIGHT in world.running()


def test_removals_are_asked_for(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(TWO)
    before = world.picture()

    with pytest.raises(RefusedError, match="would remove jobs: hourly"):
        back(world, yes=False)

    assert world.picture() == before
    assert back(world).result.removed == 1


def test_going_back_again_goes_further_back(world: World) -> None:
    """Not to what was just taken back."""
    world.apply(NIGHTLY)
    world.apply(TWO)
    world.apply(TWO.replace("0 2", "0 4"))

    assert back(world).number == 2
    assert back(world).number == 1
    with pytest.raises(NotFoundError, match="no older generation"):
        back(world)


def test_several_back_at_once(world: World) -> None:
    world.apply(NIGHTLY)
    before = bodies(world.units())
    world.apply(TWO)
    world.apply(LATER)

    assert back(world, 1).result.generation == 4
    assert bodies(world.units()) == before


def test_a_generation_that_is_not_kept_is_named(world: World) -> None:
    world.apply(NIGHTLY)
    with pytest.raises(NotFoundError, match="generation 7 is not kept"):
        back(world, 7)
    with pytest.raises(NotFoundError, match="no older generation"):
        back(world)


def test_what_is_in_force_already_makes_no_generation(world: World) -> None:
    world.apply(NIGHTLY)

    done = back(world, 1)

    assert not done.result.has_changed
    assert generations(world.host).numbers() == [1]


def test_a_plan_changes_nothing(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(TWO)
    before = world.picture()

    number, plan = plan_rollback(world.host, None)

    assert (number, plan.removed) == (1, ("hourly",))
    assert world.picture() == before


def test_units_that_were_edited_are_refused(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(LATER)
    unit = world.units()[NIGHT]
    assert isinstance(unit, FileEntry)
    edited = FileEntry(unit.text.replace("03:00", "05:00"))
    world.systemd.units.write({NIGHT: edited})

    with pytest.raises(RefusedError, match="edited by hand"):
        back(world)

    assert world.units()[NIGHT] == edited
    back(world, overwrite_edits=True)
    assert "02:00" in calendar(world)


# --- the YAML ------------------------------------------------------------------------------------


def test_the_yaml_comes_back_with_it(world: World) -> None:
    world.apply(NIGHTLY)
    world.write("jobs: {extra: {schedule: '@daily', command: [/bin/true]}}\n", "b.yaml")
    (world.layout.config / "config.yaml").write_text("keep_generations: 9\n")
    world.apply(LATER)

    done = back(world, yaml=True)

    assert text(world) == NIGHTLY
    assert not (world.layout.jobs / "b.yaml").exists()
    assert not (world.layout.config / "config.yaml").exists()
    assert sorted(path.name for path in done.files) == ["a.yaml", "b.yaml", "config.yaml"]
    assert (done.replaced, done.differing) == (None, ()), "all of it is in generation 2"
    assert make_plan(world.host).is_empty


def test_the_yaml_can_follow_later(world: World) -> None:
    """What it replaces is in the generation that was rolled back: nothing is lost."""
    world.apply(NIGHTLY)
    world.apply(LATER)
    back(world)

    done = back(world, 1, yaml=True)

    assert (done.replaced, text(world)) == (None, NIGHTLY)
    assert make_plan(world.host).is_empty


def test_edits_that_were_never_applied_are_not_lost(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(LATER)
    world.write(LATER + "# half a thought\n")
    world.write("jobs: {new: {command: [/bin/true], schedule: '@daily'}}\n", "new.yaml")
    before = world.picture()

    with pytest.raises(RefusedError, match=r"a\.yaml, .*new\.yaml have edits"):
        back(world, yaml=True)
    assert world.picture() == before
    assert text(world).endswith("# half a thought\n")

    done = back(world, yaml=True, force=True)

    assert text(world) == NIGHTLY
    assert not (world.layout.jobs / "new.yaml").exists()
    assert done.replaced is not None
    assert (done.replaced / "jobs.d" / "a.yaml").read_text() == LATER + "# half a thought\n"
    assert (done.replaced / "jobs.d" / "new.yaml").exists()
    assert done.replaced.stat().st_mode & 0o777 == 0o700


def test_a_failure_at_any_step_leaves_units_and_yaml_as_they_were(world: World) -> None:
    world.apply(TWO)
    world.apply(LATER)
    before = world.picture()
    failures = 0
    while True:
        world.systemd.steps.fail_at(failures + 1)
        try:
            back(world, yaml=True)
        except SystemdError:
            failures += 1
            assert world.picture() == before, failures
            assert text(world) == LATER, failures
        else:
            break
    assert failures > 6
    assert text(world) == TWO


# --- what has changed since ----------------------------------------------------------------------


def test_yaml_that_can_be_read_no_more_is_no_obstacle(world: World) -> None:
    """Its units were kept: an upgrade that knows a key no longer must not close the way back."""
    world.apply(NIGHTLY)
    before = bodies(world.units())
    world.apply(LATER)
    kept = generations(world.host).folder / "1" / "jobs.d" / "a.yaml"
    kept.write_text(NIGHTLY + "    gone: 1\n")

    done = back(world)

    assert bodies(world.units()) == before
    assert done.result.plan is not None
    assert [problem.severity for problem in done.result.plan.warnings] == ["warning"]


def test_a_script_that_is_nowhere_is_said(world: World) -> None:
    world.apply(TWO)
    world.apply(NIGHTLY)
    kept = generations(world.host).folder / "1" / "jobs.d" / "a.yaml"
    kept.write_text(NIGHTLY)

    with pytest.raises(RefusedError, match=r"the script [0-9a-f]{32} of hourly is not kept"):
        back(world)


def test_a_time_that_has_passed_since_is_no_obstacle(world: World) -> None:
    once = NIGHTLY.replace(
        '{cron: "0 2 * * *", catch_up: once}', '{on_calendar: "2026-11-24 02:00:00"}'
    )
    world.apply(once)
    world.apply(LATER)
    world.systemd.advance(timedelta(days=9))
    ran = world.ran()

    back(world)

    assert "2026-11-24" in calendar(world)
    assert world.ran() == ran


def test_old_generations_that_say_less_can_be_read(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(LATER)
    old = generations(world.host).folder / "1" / "generation.json"
    old.write_text(json.dumps({"generation": 1, "applied": "2026-11-20T02:00:00+00:00"}))

    first = list_generations(world.host).kept[-1]

    assert (first.number, first.deed, first.counts) == (1, None, None)
    assert first.applied
    assert first.applied.day == 20
    assert back(world).number == 1


def test_what_is_damaged_is_said_and_nothing_is_done(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(LATER)
    before = bodies(world.units())
    path: Path = generations(world.host).folder / "1" / "units.json.gz"
    path.write_bytes(gzip.compress(b"{")[:-3])

    with pytest.raises(SystemdError, match=r"units\.json\.gz"):
        back(world)

    assert bodies(world.units()) == before


def test_a_job_has_its_history_back_under_its_old_id(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", FAILED_AT_TWO)
    renamed = NIGHTLY.replace("nightly:", "nachts:\n    was: [nightly]")
    world.apply(renamed)
    assert (world.layout.last / "nachts").exists()

    back(world)

    assert (world.layout.last / "nightly").exists()
    assert not (world.layout.last / "nachts").exists()
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    assert Renamings.read(world.layout).name("nightly", long_ago) == "nightly"
    world.apply(renamed + "# again\n")
    assert Renamings.read(world.layout).name("nightly", long_ago) == "nachts"
