# SPDX-License-Identifier: Apache-2.0
"""apply: all or nothing, fires nothing, touches nothing of others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debvisor_timers.errors import (
    DefinitionError,
    InterruptedByUserError,
    PartWayError,
    RefusedError,
    SystemdError,
)
from debvisor_timers.history.runs import RunStatus
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.plan import Change, make_plan
from debvisor_timers.operations.applying.recover import Recovery, recover
from debvisor_timers.systemd.ports import ActiveState, FileEntry, LinkEntry
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import NIGHTLY, TWO, World

NIGHTLY_TIMER = "debvisor-job-nightly.timer"
NIGHTLY_SERVICE = "debvisor-job-nightly.service"
NIGHTLY_LINK = f"{TARGET}.wants/{NIGHTLY_TIMER}"
MOVED = TWO.replace("0 2 * * *", "0 3 * * *")


def test_a_new_job_gets_its_units_its_link_and_a_waiting_timer(world: World) -> None:
    result = world.apply(NIGHTLY)

    assert (result.created, result.generation) == (1, 1)
    assert set(world.units()) == {NIGHTLY_SERVICE, NIGHTLY_TIMER, NIGHTLY_LINK}
    assert world.running() == {NIGHTLY_TIMER}
    assert world.systemd.manager.timer(NIGHTLY_TIMER).next_elapse == datetime(
        2026, 11, 24, 2, tzinfo=UTC
    )


def test_plan_after_apply_is_empty(world: World) -> None:
    world.apply(TWO)

    plan = make_plan(world.host)

    assert plan.is_empty
    assert plan.unchanged == 2


def test_a_second_apply_asks_systemd_for_nothing(world: World) -> None:
    world.apply(TWO)
    world.systemd.steps.clear()

    result = world.apply()

    assert world.systemd.steps.done == []
    assert (result.unchanged, result.plan) == (2, None)


def test_one_reload_whatever_the_number_of_jobs(world: World) -> None:
    jobs = "".join(
        f"  job-{n}: {{schedule: '0 2 * * *', command: [/bin/true]}}\n" for n in range(20)
    )

    world.apply(f"jobs:\n{jobs}")

    assert world.systemd.steps.done.count("manager.reload") == 1


def test_moving_a_job_within_its_file_changes_nothing(world: World) -> None:
    world.apply(TWO)

    world.write("# a remark\n\n" + TWO)

    assert make_plan(world.host).is_empty


@pytest.mark.parametrize("edit", [MOVED, TWO.replace("once", "skip"), TWO + "\n# remark\n", TWO])
def test_no_edit_ever_starts_a_job(world: World, edit: str) -> None:
    """Also where the new time was missed since the last trigger (a plain restart would fire)."""
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 30, tzinfo=UTC))
    before = world.ran()
    world.systemd.advance_to(datetime(2026, 11, 24, 3, 30, tzinfo=UTC))
    hourly_since = [name for name in world.ran()[len(before) :] if "hourly" in name]

    world.apply(edit)

    assert world.ran() == before + hourly_since


def test_an_edit_moves_the_next_run(world: World) -> None:
    world.apply(TWO)

    result = world.apply(MOVED)

    assert (result.updated, result.unchanged) == (1, 1)
    assert world.systemd.manager.timer(NIGHTLY_TIMER).next_elapse == datetime(
        2026, 11, 24, 3, tzinfo=UTC
    )


def test_a_new_command_does_not_stop_the_timer(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.steps.clear()

    world.apply(NIGHTLY.replace("/bin/true", "/bin/false"))

    assert not [step for step in world.systemd.steps.done if step.startswith("manager.st")]


def test_a_removed_job_leaves_nothing(world: World) -> None:
    world.apply(TWO)

    result = world.apply(NIGHTLY)

    assert result.removed == 1
    assert not [name for name in world.units() if "hourly" in name]
    assert world.running() == {NIGHTLY_TIMER}
    assert world.systemd.scripts.read() == {}
    assert world.systemd.manager.units("debvisor-job-hourly*") == []


def test_removal_has_to_be_confirmed(world: World) -> None:
    world.apply(TWO)
    before = world.picture()

    with pytest.raises(RefusedError, match="would remove jobs: hourly"):
        world.apply(NIGHTLY, yes=False)

    assert world.picture() == before


def test_removing_every_job_needs_its_own_word(world: World) -> None:
    world.apply(TWO)
    before = world.picture()

    with pytest.raises(RefusedError, match="every job"):
        world.apply("jobs: {}\n")
    assert world.picture() == before

    assert world.apply("jobs: {}\n", allow_empty=True).removed == 2
    assert world.units() == {}


def test_one_bad_file_stops_everything(world: World) -> None:
    world.apply(NIGHTLY)
    before = world.picture()
    world.write("jobs:\n  other: {schedule: '0 25 * * *', command: [/bin/true]}\n", "b.yaml")

    with pytest.raises(DefinitionError, match=r"b\.yaml:2:"):
        world.apply(MOVED)

    assert world.picture() == before


def test_a_foreign_file_of_our_name_is_refused_and_left(world: World) -> None:
    foreign = FileEntry("[Timer]\nOnCalendar=daily\n")
    world.systemd.units.write({NIGHTLY_TIMER: foreign})

    with pytest.raises(RefusedError, match=NIGHTLY_TIMER):
        world.apply(NIGHTLY)

    assert world.units() == {NIGHTLY_TIMER: foreign}


def test_a_masked_unit_is_refused_and_left(world: World) -> None:
    mask = LinkEntry("/dev/null")
    world.systemd.units.write({NIGHTLY_SERVICE: mask})

    with pytest.raises(RefusedError, match=NIGHTLY_SERVICE):
        world.apply(NIGHTLY)

    assert world.units() == {NIGHTLY_SERVICE: mask}


def test_a_foreign_file_that_no_job_needs_is_none_of_our_business(world: World) -> None:
    foreign = FileEntry("[Service]\nExecStart=/bin/true\n")
    world.systemd.units.write({"debvisor-job-other.service": foreign})

    world.apply(NIGHTLY)
    world.apply("jobs: {}\n", allow_empty=True)

    assert world.units() == {"debvisor-job-other.service": foreign}


def test_an_edit_by_hand_is_refused_unless_told_to_overwrite(world: World) -> None:
    world.apply(NIGHTLY)
    entry = world.units()[NIGHTLY_SERVICE]
    assert isinstance(entry, FileEntry)
    edited = FileEntry(entry.text.replace("/bin/true", "/bin/false"))
    world.systemd.units.write({NIGHTLY_SERVICE: edited})

    with pytest.raises(RefusedError, match="edited by hand"):
        world.apply()
    assert world.units()[NIGHTLY_SERVICE] == edited

    world.apply(overwrite_edits=True)
    restored = world.units()[NIGHTLY_SERVICE]
    assert isinstance(restored, FileEntry)
    assert "/bin/true" in restored.text


def test_a_timer_disabled_by_hand_is_seen_and_enabled_again(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.units.write({NIGHTLY_LINK: None})

    plan = make_plan(world.host)
    assert [(job.job_id, job.change) for job in plan.jobs] == [("nightly", Change.UPDATE)]

    world.apply()
    assert NIGHTLY_LINK in world.units()


def test_enabled_false_keeps_the_units_and_stops_the_timer(world: World) -> None:
    world.apply(NIGHTLY)

    world.apply(NIGHTLY + "    enabled: false\n")

    assert set(world.units()) == {NIGHTLY_SERVICE, NIGHTLY_TIMER}
    assert world.running() == set()


def test_the_emergency_brake_stays_on(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.manager.stop([TARGET])
    assert world.running() == set()

    result = world.apply(MOVED)

    assert result.timers_held
    assert world.running() == set()
    world.systemd.manager.start([TARGET])
    assert NIGHTLY_TIMER in world.running()
    assert len(world.running()) == 2


def test_a_timer_stopped_by_hand_stays_stopped(world: World) -> None:
    world.apply(TWO)
    world.systemd.manager.stop([NIGHTLY_TIMER])

    world.apply(TWO.replace("0 * * * *", "30 * * * *"))

    assert world.running() == {"debvisor-job-hourly.timer"}


def test_a_boot_trigger_is_enabled_for_the_boot_and_never_started(world: World) -> None:
    world.apply("jobs:\n  ceph:\n    triggers: [{boot: 5min}]\n    command: [/bin/true]\n")

    assert "debvisor-timers-boot.target.wants/debvisor-boot-ceph.timer" in world.units()
    assert world.running() == set()
    assert world.ran() == []


def test_an_elapse_while_the_timer_was_stopped_is_recorded_as_skipped(world: World) -> None:
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 24, 1, 59, 59, tzinfo=UTC))
    advance_during_reload(world, timedelta(seconds=5))

    world.apply(MOVED)

    (skipped,) = [
        run for run in history(world.host, "nightly", limit=9) if run.status is RunStatus.SKIPPED
    ]
    assert skipped.reason == "an apply held its timer"
    assert skipped.scheduled_for == datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert NIGHTLY_SERVICE not in world.ran()


@pytest.mark.parametrize("edit", [MOVED, "jobs: {}\n"], ids=["changed", "removed"])
def test_a_run_that_waits_for_its_jitter_is_recorded_as_skipped(world: World, edit: str) -> None:
    """Its time has come before the apply, which takes it the timer that would start it."""
    world.apply(TWO.replace("catch_up: once", "jitter: 30min"))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 1, tzinfo=UTC))
    assert NIGHTLY_SERVICE not in world.ran()

    world.apply(edit, allow_empty=True)

    (skipped,) = [
        run for run in history(world.host, "nightly", limit=9) if run.status is RunStatus.SKIPPED
    ]
    assert skipped.scheduled_for == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_run_that_starts_between_the_plan_and_the_stop_is_recorded_once(world: World) -> None:
    world.apply(TWO.replace("catch_up: once", "jitter: 30min"))
    armed = world.systemd.manager.timer("debvisor-job-nightly.timer").next_elapse
    assert armed is not None
    world.systemd.advance_to(armed - timedelta(seconds=1))
    stop = world.systemd.manager.stop

    def late_stop(*units: Any, **options: Any) -> Any:
        world.systemd.advance(timedelta(seconds=3))
        return stop(*units, **options)

    world.systemd.manager.stop = late_stop  # type: ignore[method-assign]
    world.apply(MOVED)

    (run,) = history(world.host, "nightly", limit=9)
    assert run.status is RunStatus.COMPLETED


def test_a_run_whose_jitter_is_over_is_not_recorded_twice(world: World) -> None:
    world.apply(TWO.replace("catch_up: once", "jitter: 30min"))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 31, tzinfo=UTC))
    assert NIGHTLY_SERVICE in world.ran()

    world.apply(MOVED)

    assert len(list(history(world.host, "nightly", limit=9))) == 1


def advance_during_reload(world: World, by: timedelta) -> None:
    """Let the next reload take `by`."""
    reload = world.systemd.manager.reload

    def slow_reload() -> None:
        world.systemd.advance(by)
        reload()

    world.systemd.manager.reload = slow_reload  # type: ignore[method-assign]


def number_of_steps(world: World, edit: str) -> int:
    world.systemd.steps.clear()
    world.apply(edit)
    return len(world.systemd.steps.done)


WATCH_A = "{triggers: [{path_changed: /a}], command: [/bin/true]}"
WATCH_B = WATCH_A.replace("/a", "/b")
AWAIT_C = WATCH_A.replace("path_changed: /a", "path_exists: /c")
EDITS = {
    "create": (NIGHTLY, TWO),
    "update": (TWO, MOVED),
    "remove": (TWO, NIGHTLY),
    "disable": (TWO, NIGHTLY + "    enabled: false\n" + TWO.removeprefix(NIGHTLY)),
    "first": ("jobs: {}\n", TWO),
    "paths": (f"{NIGHTLY}  a: {WATCH_A}\n", f"jobs:\n  a: {WATCH_B}\n  c: {AWAIT_C}\n"),
    "everything": (
        TWO,
        MOVED.replace("hourly", "other").replace("/bin/true", "/bin/false"),
    ),
}


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize(
    "error",
    [SystemdError("it broke"), KeyboardInterrupt(), RuntimeError("a bug")],
    ids=["refusal", "ctrl-c", "bug"],
)
def test_a_failure_at_any_step_leaves_the_machine_as_it_was(
    kind: str, error: BaseException, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, after = EDITS[kind]
    rehearsal = World(tmp_path_factory.mktemp("rehearsal"))
    rehearsal.apply(before, allow_empty=True)
    count = number_of_steps(rehearsal, after)
    assert count >= 4
    for step in range(1, count + 1):
        world = World(tmp_path_factory.mktemp("world"))
        world.apply(before, allow_empty=True)
        world.write(after)
        picture, ran = world.picture(), world.ran()
        world.systemd.steps.fail_at(step, error)

        try:
            world.apply()
        except (
            SystemdError,
            PartWayError,
            InterruptedByUserError,
            KeyboardInterrupt,
            RuntimeError,
        ):
            world.systemd.steps.heal()
            tidying = world.host.layout.state / "apply.json"
            if tidying.exists():  # committed: only the tidying up is left, and it is repeated
                assert recover(world.host) is Recovery.FINISHED
                assert make_plan(world.host).is_empty
                continue
            assert world.picture() == picture, f"step {step} of {kind}"
            world.apply()
        assert make_plan(world.host).is_empty
        assert world.ran() == ran


@pytest.mark.parametrize("kind", EDITS)
def test_a_kill_at_any_step_is_recovered_by_the_next_apply(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for step, world in killed_at_every_step(kind, tmp_path_factory):
        assert recover(world.host) in {Recovery.UNDONE, Recovery.FINISHED, Recovery.NOTHING}
        assert recover(world.host) is Recovery.NOTHING, f"step {step}"

        world.apply()

        assert make_plan(world.host).is_empty
        assert world.ran() == []


@pytest.mark.parametrize("kind", EDITS)
def test_a_power_cut_at_any_step_is_recovered_at_boot(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for step, world in killed_at_every_step(kind, tmp_path_factory):
        world.systemd.reboot()
        recover(world.host)

        before, after = EDITS[kind]
        assert not (world.layout.state / "apply.json").exists()
        assert whole(world, before) or whole(world, after), f"step {step} of {kind}"
        assert world.ran() == []


def whole(world: World, text: str) -> bool:
    """Return True when units and running timers are exactly what `text` asks for."""
    world.write(text)
    plan = make_plan(world.host)
    links = {name.rpartition("/")[2] for name in world.units() if name.startswith(TARGET)}
    return plan.is_empty and world.running() == links


def killed_at_every_step(kind: str, factory: pytest.TempPathFactory) -> Iterator[tuple[int, World]]:
    """Yield (step, world) for a world whose apply died at each step, without any clean-up."""
    before, after = EDITS[kind]
    rehearsal = World(factory.mktemp("rehearsal"))
    rehearsal.apply(before, allow_empty=True)
    for step in range(1, number_of_steps(rehearsal, after) + 1):
        world = World(factory.mktemp("world"))
        world.apply(before, allow_empty=True)
        world.write(after)
        world.systemd.steps.fail_at(step, KilledError())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_a: None)
            with pytest.raises(KilledError):
                world.apply()
        world.systemd.steps.heal()
        yield step, world


class KilledError(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


def test_undoing_that_fails_says_what_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TWO)
    world.write(MOVED)

    def broken() -> None:
        raise SystemdError("systemd does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(world.systemd.manager, "reload", broken)
        with pytest.raises(PartWayError, match="undoing it failed as well") as caught:
            world.apply()

    assert "debvisor-timers recover" in caught.value.fix
    assert recover(world.host) is Recovery.UNDONE
    assert world.running() == {NIGHTLY_TIMER, "debvisor-job-hourly.timer"}


@pytest.mark.parametrize("write", ["write_json", "write_bytes", "sync_folder"])
def test_a_full_disk_leaves_the_machine_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    world.apply(TWO)
    picture = world.picture()
    world.write(MOVED)

    def full(*_arguments: object, **_options: object) -> None:
        raise SystemdError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"debvisor_timers.operations.durable.{write}", full)
        with pytest.raises(SystemdError, match="no space left"):
            world.apply()

    recover(world.host)
    assert world.picture() == picture


def test_a_running_job_is_neither_stopped_nor_restarted(world: World) -> None:
    from debvisor_timers.systemd.memory.state import Outcome  # noqa: PLC0415

    world.apply(NIGHTLY)
    world.systemd.set_outcome(NIGHTLY_SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))
    assert world.ran() == [NIGHTLY_SERVICE]

    world.apply(NIGHTLY.replace("0 2", "0 4").replace("/bin/true", "/bin/false"))

    service = world.systemd.manager.service(NIGHTLY_SERVICE)
    assert service.active_state is ActiveState.ACTIVATING
    assert world.ran() == [NIGHTLY_SERVICE]


CHANNEL = "channels: {{ops: {{exec: [/bin/{program}]}}}}\n"


def test_what_stands_in_no_unit_is_kept_as_a_generation_of_its_own(world: World) -> None:
    """Whom a job tells is read from the newest generation, when it fails."""
    config = world.layout.config / "config.yaml"
    config.write_text(CHANNEL.format(program="true"), encoding="utf-8")
    assert world.apply(NIGHTLY + "    notify: {failure: ops}\n").generation == 1
    units = dict(world.units())

    config.write_text(CHANNEL.format(program="false"), encoding="utf-8")
    result = world.apply()

    assert (result.generation, result.updated, result.unchanged) == (2, 0, 1)
    assert dict(world.units()) == units
    kept = world.layout.state / "generations" / "2" / "config.yaml"
    assert kept.read_text(encoding="utf-8") == CHANNEL.format(program="false")
    assert world.apply().generation == 2
    config.write_text(f"# a comment\n{CHANNEL.format(program='false')}", encoding="utf-8")
    assert world.apply().generation == 2
