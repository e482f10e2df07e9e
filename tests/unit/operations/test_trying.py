# SPDX-License-Identifier: Apache-2.0
"""try: what is not confirmed is taken back, wherever a process is killed, and no job is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from debvisor_timers.errors import DefinitionError, PartWayError, RefusedError, SystemdError
from debvisor_timers.layout import TARGET, UNDO_SERVICE
from debvisor_timers.operations.applying.apply import ApplyOptions
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.applying.recover import generations, recover
from debvisor_timers.operations.applying.renew import renew
from debvisor_timers.operations.safety.kept import list_generations
from debvisor_timers.operations.safety.rollback import RollbackOptions, rollback
from debvisor_timers.operations.safety.status import status
from debvisor_timers.operations.safety.trial import UNDO_TIMER
from debvisor_timers.operations.safety.trying import (
    Answer,
    Decision,
    Tried,
    await_end,
    confirm,
    decision_of,
    try_apply,
    undo_unconfirmed,
)
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import NIGHTLY, TWO, World

LATER = TWO.replace("0 2", "30 1")
TIMEOUT = timedelta(minutes=2)
HOURLY = "debvisor-job-hourly.timer"


class KilledError(BaseException):
    """A process that ends here."""


@pytest.fixture
def world(world: World) -> World:
    world.apply(NIGHTLY)
    return world


def try_it(world: World, text: str = LATER, *, yes: bool = False) -> Tried:
    world.write(text)
    options = ApplyOptions(confirm_removal=lambda _plan: yes, by=lambda: "root (sudo by alice)")
    return try_apply(world.host, options, TIMEOUT)


def picture(world: World) -> Mapping[str, object]:
    """Return what an undo has to bring back: all but the generations, which are a record."""
    return {name: value for name, value in world.picture().items() if name != "files"}


def waits(world: World) -> bool:
    return UNDO_TIMER in world.running()


def undo_services(world: World) -> int:
    return world.ran().count(UNDO_SERVICE)


def test_a_trial_is_applied_and_its_timer_waits(world: World) -> None:
    tried = try_it(world)

    assert tried.trial is not None
    assert (tried.result.created, tried.result.updated, tried.result.generation) == (1, 1, 2)
    assert tried.trial.deadline - tried.trial.began == TIMEOUT
    assert {HOURLY, UNDO_TIMER} <= world.running()
    due = world.systemd.manager.timer(UNDO_TIMER).next_elapse
    assert due == tried.trial.deadline


def test_the_timer_is_there_before_anything_is_written(world: World) -> None:
    world.systemd.steps.clear()
    try_it(world)

    done = world.systemd.steps.done
    assert done[0] == f"manager.reset_failed {UNDO_SERVICE}"
    assert done[1] == f"manager.start_once {UNDO_SERVICE}"
    assert done[2].startswith("manager.stop debvisor-job-nightly.timer")


def test_it_is_taken_back_when_the_time_is_over(world: World) -> None:
    before = picture(world)
    try_it(world)
    world.systemd.advance(TIMEOUT)
    assert undo_services(world) == 1

    done = undo_unconfirmed(world.host, by="root")

    assert done is not None
    assert (done.number, done.of_trial, done.result.generation) == (1, True, 3)
    assert picture(world) == before
    assert [path.name for path in done.differing] == ["a.yaml"]
    assert make_plan(world.host).created == ("hourly",), "the YAML is left as it was edited"
    assert world.ran() == [UNDO_SERVICE]
    assert not world.layout.trial.exists()
    assert world.apply().generation == 4


def test_confirmed_it_stays(world: World) -> None:
    try_it(world)
    after = picture(world)

    assert confirm(world.host) == 2

    assert not waits(world)
    assert world.running() == set(after["timers"]) & world.running()  # type: ignore[call-overload]
    world.systemd.advance(2 * TIMEOUT)
    assert undo_services(world) == 0
    assert undo_unconfirmed(world.host) is None
    assert HOURLY in world.running()
    assert confirm(world.host) is None


def test_who_tried_is_kept_in_the_generation(world: World) -> None:
    try_it(world)
    undo_unconfirmed(world.host, by="root")

    history = list_generations(world.host)

    assert history.trial is None
    found = [(kept.number, kept.deed and (kept.deed.by, kept.deed.how)) for kept in history.kept]
    assert found == [
        (3, ("root", "rollback")),
        (2, ("root (sudo by alice)", "try")),
        (1, ("", "apply")),
    ]
    assert history.kept[0].deed
    assert history.kept[0].deed.restores == 1


def test_nothing_to_apply_leaves_nothing_to_confirm(world: World) -> None:
    assert try_it(world, NIGHTLY).trial is None
    # Not by digests alone: a comment changes the file, and nothing else.
    assert try_it(world, NIGHTLY + "# no change\n").trial is None
    assert not waits(world)
    assert not world.layout.trial.exists()


@pytest.mark.parametrize("text", ["jobs: {a: {}}\n", "jobs: {}\n"])
def test_a_refused_apply_leaves_nothing_to_confirm(world: World, text: str) -> None:
    before = picture(world)

    with pytest.raises((DefinitionError, RefusedError)):
        try_it(world, text)

    assert picture(world) == before
    assert not world.layout.trial.exists()


def test_without_a_timer_nothing_is_applied(world: World) -> None:
    before = picture(world)
    world.systemd.steps.fail_on("manager.start_once")

    with pytest.raises(SystemdError):
        try_it(world)

    assert picture(world) == before
    assert not world.layout.trial.exists()
    assert generations(world.host).latest() == 1


def test_a_failure_at_any_step_leaves_nothing_to_confirm(world: World) -> None:
    before = picture(world)
    failures = 0
    while True:
        world.systemd.steps.fail_at(failures + 1)
        try:
            try_it(world)
        except SystemdError:
            failures += 1
            assert picture(world) == before, failures
            assert not world.layout.trial.exists(), failures
        else:
            break
    assert failures > 8
    assert waits(world)


def kill_at(world: World, number: int, patch: pytest.MonkeyPatch) -> bool:
    """Try, and be killed at a step; return False where it has ended before."""
    with patch.context() as killed:
        killed.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
        killed.setattr(
            "debvisor_timers.operations.safety.trying._forget_unless_applied", lambda *_: None
        )
        world.systemd.steps.fail_at(number, KilledError())
        try:
            try_it(world)
        except KilledError:
            return True
        finally:
            world.systemd.steps.heal()
    return False


def by_the_timer(world: World) -> None:
    """Let time pass, and do what the service does that the timer starts."""
    before = undo_services(world)
    world.systemd.advance(TIMEOUT)
    if undo_services(world) > before:
        undo_unconfirmed(world.host)


def by_the_boot(world: World) -> None:
    """Cut the power, and do what debvisor-timers-recover.service does."""
    world.systemd.reboot()
    recover(world.host)
    undo_unconfirmed(world.host, only_forgotten=True)


@pytest.mark.parametrize("mend", [by_the_timer, by_the_boot])
def test_a_kill_at_any_step_is_undone(
    world: World, mend: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(world.units())
    kills = 0
    while kill_at(world, kills + 1, monkeypatch):
        kills += 1
        mend(world)
        if world.layout.trial.exists():
            # Killed between note and timer: nothing was applied, and the next command forgets it.
            assert generations(world.host).latest() == 1
            world.write(NIGHTLY)
            world.apply()
        assert dict(world.units()) == before, kills
        assert world.running() == {"debvisor-job-nightly.timer"}, kills
        assert not world.layout.trial.exists(), kills
        assert [name for name in world.ran() if name != UNDO_SERVICE] == [], kills
    assert kills > 8


@pytest.mark.parametrize("mend", [by_the_timer, by_the_boot])
def test_a_kill_after_the_commit_is_undone(
    world: World, mend: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(world.units())

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as killed:
        killed.setattr("debvisor_timers.operations.applying.steps._tidy_up", kill)
        with pytest.raises(KilledError):
            try_it(world)
    assert generations(world.host).latest() == 2
    assert (world.layout.state / "apply.json").exists()

    mend(world)

    assert dict(world.units()) == before
    assert world.running() == {"debvisor-job-nightly.timer"}
    assert not (world.layout.state / "apply.json").exists()
    assert not world.layout.trial.exists()


def test_a_trial_that_could_not_be_tidied_up_is_taken_back(world: World) -> None:
    world.apply(TWO)
    before = dict(world.units())
    world.systemd.steps.fail_on("manager.remove_stamp")
    with pytest.raises(PartWayError, match="generation 3 is applied"):
        try_it(world, NIGHTLY, yes=True)
    assert waits(world)

    by_the_timer(world)

    assert dict(world.units()) == before


def test_a_job_that_a_trial_removes_is_still_paused_when_it_comes_back(world: World) -> None:
    world.apply(TWO)
    mark = world.layout.paused / "hourly"
    mark.parent.mkdir(parents=True)
    mark.touch()
    try_it(world, NIGHTLY, yes=True)
    undo_unconfirmed(world.host)
    assert mark.exists()

    try_it(world, NIGHTLY, yes=True)
    confirm(world.host)

    assert not mark.exists(), "a new job of that id is not held back"


def test_an_edit_by_hand_meanwhile_is_taken_back_too(world: World) -> None:
    before = dict(world.units())
    try_it(world)
    name = "debvisor-job-nightly.timer"
    unit = world.units()[name]
    assert isinstance(unit, FileEntry)
    world.systemd.units.write({name: FileEntry(unit.text.replace("01:30", "05:00"))})

    undo_unconfirmed(world.host)

    assert dict(world.units()) == before


def test_what_is_in_the_way_is_said_and_it_can_be_repeated(world: World) -> None:
    before = picture(world)
    try_it(world)
    foreign = FileEntry("[Timer]\nOnBootSec=1h\n")
    world.systemd.units.write({"debvisor-job-nightly.timer": foreign})

    with pytest.raises(RefusedError, match="not written by debvisor-timers"):
        undo_unconfirmed(world.host)
    assert world.layout.trial.exists()

    world.systemd.units.write({"debvisor-job-nightly.timer": None})
    undo_unconfirmed(world.host)
    assert picture(world) == before


def test_the_emergency_brake_stays_on(world: World) -> None:
    world.systemd.manager.stop([TARGET])
    before = dict(world.units())
    try_it(world)

    by_the_timer(world)

    assert dict(world.units()) == before
    assert world.running() == set()
    assert [name for name in world.ran() if name != UNDO_SERVICE] == []


def test_a_note_that_makes_no_sense_is_named(world: World) -> None:
    world.layout.trial.write_text("{}")

    with pytest.raises(SystemdError, match=r"try\.json"):
        world.apply(TWO)

    assert HOURLY not in world.units()


def test_a_reboot_takes_it_back_before_the_timers_start(world: World) -> None:
    before = dict(world.units())
    try_it(world)

    by_the_boot(world)

    assert dict(world.units()) == before
    assert world.running() == {"debvisor-job-nightly.timer"}
    assert world.ran() == []
    assert not world.layout.trial.exists()


def test_a_boot_leaves_what_was_confirmed(world: World) -> None:
    try_it(world)
    confirm(world.host)

    by_the_boot(world)

    assert HOURLY in world.running()


def test_recover_leaves_what_still_waits(world: World) -> None:
    try_it(world)

    assert undo_unconfirmed(world.host, only_forgotten=True) is None

    assert waits(world)
    assert world.layout.trial.exists()


def test_an_undo_that_was_cut_off_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = picture(world)
    try_it(world)
    with monkeypatch.context() as killed:
        killed.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
        world.systemd.steps.fail_on("manager.reload", KilledError())
        with pytest.raises(KilledError):
            undo_unconfirmed(world.host)
    assert world.layout.trial.exists()

    undo_unconfirmed(world.host)

    assert picture(world) == before


def test_other_changes_wait_for_the_answer(world: World) -> None:
    try_it(world)

    with pytest.raises(RefusedError, match=r"sudo by alice.* is not confirmed") as refused:
        world.apply(NIGHTLY)
    assert "debvisor-timers confirm" in refused.value.fix
    with pytest.raises(RefusedError, match="is not confirmed"):
        try_it(world)
    with pytest.raises(RefusedError, match="is not confirmed"):
        rollback(world.host, 2, RollbackOptions())
    assert waits(world)


def test_rollback_takes_back_what_is_being_tried(world: World) -> None:
    before = picture(world)
    try_it(world)

    done = rollback(world.host, None, RollbackOptions())

    assert (done.of_trial, done.number) == (True, 1)
    assert picture(world) == before


def test_a_renewal_meanwhile_is_no_obstacle(world: World) -> None:
    before = picture(world)
    try_it(world)
    renew(world.host)

    undo_unconfirmed(world.host)

    assert picture(world) == before


def test_drift_that_the_apply_had_mended_comes_back(world: World) -> None:
    """As it was before means as it was, not as it should have been."""
    link = "debvisor-timers.target.wants/debvisor-job-nightly.timer"
    world.systemd.units.write({link: None})
    world.systemd.manager.stop(["debvisor-job-nightly.timer"])
    world.systemd.manager.reload()
    before = dict(world.units())
    try_it(world)
    assert link in world.units()

    undo_unconfirmed(world.host)

    assert dict(world.units()) == before
    assert world.running() == set()


def test_the_very_first_apply_can_be_tried(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("fresh"))
    try_it(world)

    done = undo_unconfirmed(world.host)

    assert done is not None
    assert done.number == 0
    assert dict(world.units()) == {}
    assert world.running() == set()
    assert world.apply().created == 2


def test_settings_alone_are_taken_back(world: World) -> None:
    tried = try_it(world, NIGHTLY.replace("catch_up: once}", "catch_up: once}\n    owner: bob"))
    assert tried.result.settings or tried.trial

    undo_unconfirmed(world.host)

    newest = generations(world.host).latest()
    kept = generations(world.host).files(newest)
    assert b"bob" not in kept["jobs.d/a.yaml"]


def test_the_generation_to_go_back_to_outlives_a_small_limit(world: World) -> None:
    (world.layout.config / "config.yaml").write_text("keep_generations: 1\n")
    try_it(world)
    assert generations(world.host).numbers() == [1, 2]

    undo_unconfirmed(world.host)

    assert HOURLY not in world.units()


# --- waiting for an answer -----------------------------------------------------------------------


class Terminal:
    """Somebody who answers after so many looks; each look lets time pass."""

    def __init__(self, world: World, answers: Iterator[Answer | None]) -> None:
        self.world = world
        self.answers = answers
        self.calls: list[str] = []

    def listen(self, wait: timedelta) -> Answer | None:
        self.world.systemd.advance(wait)
        return next(self.answers)

    def keep(self) -> None:
        self.calls.append("keep")
        confirm(self.world.host)

    def undo(self) -> None:
        self.calls.append("undo")
        undo_unconfirmed(self.world.host)

    def decide(self, tried: Tried) -> Decision:
        assert tried.trial is not None
        host = self.world.host
        await_end(host, tried.trial, self.listen, keep=self.keep, undo=self.undo)
        kept = list_generations(host).kept
        return decision_of(tried.trial, kept[0] if kept else None)


def silence(world: World, then: Callable[[], object]) -> Iterator[None]:
    """Say nothing; while waiting, `then` happens once."""
    for number in range(1000):
        if number == 3:
            then()
        yield None


def test_an_answer_keeps_it_or_takes_it_back(world: World) -> None:
    kept = Terminal(world, iter([None, Answer.KEEP]))
    assert kept.decide(try_it(world)) is Decision.CONFIRMED
    assert kept.calls == ["keep"]

    undone = Terminal(world, iter([Answer.UNDO]))
    assert undone.decide(try_it(world, NIGHTLY, yes=True)) is Decision.UNDONE
    assert HOURLY in world.running()


def test_somebody_else_may_answer(world: World) -> None:
    waiting = Terminal(world, silence(world, lambda: confirm(world.host)))
    assert waiting.decide(try_it(world)) is Decision.CONFIRMED

    waiting = Terminal(world, silence(world, lambda: undo_unconfirmed(world.host)))
    assert waiting.decide(try_it(world, NIGHTLY, yes=True)) is Decision.UNDONE
    assert waiting.calls == []


def test_where_the_timer_fails_the_one_who_waits_does_it(world: World) -> None:
    waiting = Terminal(world, silence(world, lambda: None))
    tried = try_it(world)

    assert waiting.decide(tried) is Decision.UNDONE

    assert waiting.calls == ["undo"]
    assert tried.trial is not None
    assert world.systemd.clock.now() > tried.trial.deadline + timedelta(minutes=1)


def test_a_clock_that_is_set_forward_takes_nothing_back(world: World) -> None:
    def set_clock() -> None:
        world.systemd.state.now += timedelta(hours=1)

    class Unmoved(Terminal):
        def listen(self, wait: timedelta) -> Answer | None:  # the twin's timers go by that clock
            return next(self.answers)

    def says() -> Iterator[Answer | None]:
        yield None
        set_clock()
        yield from (None, None, Answer.KEEP)

    waiting = Unmoved(world, says())

    assert waiting.decide(try_it(world)) is Decision.CONFIRMED
    assert waiting.calls == ["keep"]


def test_status_tells_of_a_trial_and_of_one_that_nothing_takes_back(world: World) -> None:
    tried = try_it(world)
    assert tried.trial is not None

    waiting = status(world.host)
    world.systemd.manager.stop([UNDO_TIMER])
    (left,) = status(world.host).findings

    assert waiting.findings == ()
    (note,) = waiting.notes
    assert note.startswith("what root (sudo by alice) is trying is taken back at 12:02:")
    assert note.endswith(" UTC; to keep it: debvisor-timers confirm")
    assert (left.kind, left.subject) == ("interrupted", "try")
    assert left.fix == "debvisor-timers rollback"
    confirm(world.host)
    assert (status(world.host).findings, status(world.host).notes) == ((), ())
