# SPDX-License-Identifier: Apache-2.0
"""Jobs that were given another id: their runs, last results and pauses come with them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.last import read_last
from debvisor_timers.operations.applying.apply import ApplyOptions, apply
from debvisor_timers.operations.applying.recover import recover
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.maintain import maintain
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.operations.past.renamed import Renaming, Renamings
from debvisor_timers.operations.past.stats import job_statistics
from tests.unit.operations.past_runs import history
from tests.unit.operations.ran import days
from tests.unit.operations.world import World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
AT = NOW - timedelta(days=5)


def job(name: str, *was: str) -> str:
    lines = ["jobs:", f"  {name}:", "    schedule: 0 2 * * *", "    command: [/bin/true]"]
    return "\n".join([*lines, *([f"    was: [{', '.join(was)}]"] if was else []), ""])


def jobs(world: World) -> list[str]:
    """Return whose each run is, oldest first."""
    with open_past(world.host) as past:
        return [run.job for run in reversed(past.runs(RunFilter()))]


def test_runs_come_with_the_job(world: World) -> None:
    world.apply(job("old"))
    days(world, "old", "success", "exit-code", start=NOW - timedelta(days=3))
    assert jobs(world) == ["old", "old"]

    world.apply(job("new", "old"))

    assert jobs(world) == ["new", "new"]
    assert len(history(world.host, "new")) == 2


def test_a_run_that_ended_just_before_comes_once(world: World) -> None:
    """What may still change is read again, by the new id."""
    world.apply(job("old"))
    days(world, "old", "success", "exit-code", start=NOW - timedelta(days=1, seconds=20))
    assert jobs(world) == ["old", "old"]

    world.apply(job("new", "old"))

    assert jobs(world) == ["new", "new"]


@pytest.mark.parametrize("ask", [history, lambda host, old: job_statistics(host, [old])])
def test_who_asks_by_the_old_id_is_told_the_new(
    world: World, ask: Callable[[Host, str], object]
) -> None:
    world.apply(job("old"))
    days(world, "old", "success", start=NOW - timedelta(days=3))
    world.apply(job("entirely-different", "old"))

    with pytest.raises(NotFoundError, match="there is no job 'old'") as caught:
        ask(world.host, "old")

    assert caught.value.fix == "its id is 'entirely-different' now"


def test_runs_that_nobody_had_read_come_too(world: World) -> None:
    world.apply(job("old"))
    days(world, "old", "success", start=NOW - timedelta(days=3))
    world.apply(job("new", "old"))
    assert jobs(world) == ["new"]

    world.layout.index.unlink()
    assert jobs(world) == ["new"]


def test_another_job_that_gets_the_id_later_has_runs_of_its_own(world: World) -> None:
    world.apply(job("old"))
    days(world, "old", "success", start=NOW - timedelta(days=3))
    world.apply(job("new", "old"))
    world.systemd.advance(timedelta(days=1))
    world.apply(job("new") + job("old").removeprefix("jobs:\n"))
    days(world, "old", "success", start=NOW + timedelta(hours=12))

    assert jobs(world)[0] == "new"
    assert [run.start for run in history(world.host, "old")][-1] > NOW


def test_a_last_result_a_note_and_a_pause_come_too(world: World) -> None:
    world.apply(job("old"))
    layout = world.layout
    for folder in layout.last, layout.notified, layout.paused, layout.skip_next:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "old").write_text("DEBVISOR_RESULT=success\n")

    world.apply(job("new", "old"))

    for folder in layout.last, layout.notified, layout.paused, layout.skip_next:
        assert not (folder / "old").exists()
        assert (folder / "new").read_text() == "DEBVISOR_RESULT=success\n"


def test_a_pause_is_there_before_the_timer_starts(world: World) -> None:
    world.apply(job("old"))
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "old").write_text("{}")
    world.write(job("new", "old"))
    seen: list[bool] = []

    def look(step: str) -> None:
        if step == "starting timers":
            seen.append((world.layout.paused / "new").exists())

    apply(world.host, ApplyOptions(confirm_removal=lambda _plan: True, on_step=look))

    assert seen == [True]
    assert [path.name for path in world.layout.paused.iterdir()] == ["new"]
    assert stat.S_IMODE((world.layout.paused / "new").stat().st_mode) == 0o644


@pytest.mark.parametrize("left", ["old", "new"])
def test_a_pause_outlives_an_apply_that_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    world.apply(job("old"))
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "old").write_text("{}")
    world.write(job("new", "old"))
    with monkeypatch.context() as patch:
        patch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
        if left == "new":  # it was committed
            patch.setattr("debvisor_timers.operations.applying.steps._tidy_up", _killed)
        else:
            world.systemd.steps.fail_on("manager.start", KilledError())
        with pytest.raises(KilledError):
            world.apply()

    recover(world.host)

    marks = {path.name for path in world.layout.paused.iterdir()}
    assert (left in marks, "new" in marks) == (True, left == "new")
    world.apply()
    assert [path.name for path in world.layout.paused.iterdir()] == ["new"]


class KilledError(BaseException):
    """A process that ends here."""


def _killed(*_: object) -> None:
    raise KilledError


def test_it_is_done_once(world: World) -> None:
    world.apply(job("old"))
    world.apply(job("new", "old"))
    noted = world.layout.renamed.read_bytes()
    world.systemd.advance(timedelta(days=1))
    world.apply(job("new", "old").replace("true", "false"))
    assert world.layout.renamed.read_bytes() == noted


def test_a_job_may_be_renamed_there_and_back_again(world: World) -> None:
    world.apply(job("a"))
    days(world, "a", "success", start=NOW - timedelta(days=1))
    for new, old in ("b", "a"), ("a", "b"), ("b", "a"):
        world.systemd.advance(timedelta(hours=1))
        world.apply(job(new, old))
        assert set(jobs(world)) == {new}
        world.layout.index.unlink()
        assert set(jobs(world)) == {new}
    assert len(Renamings.read(world.layout).several) == 3


def test_ids_that_a_job_has_had_one_after_the_other() -> None:
    several = Renamings().with_new({"a": "b"}, AT).with_new({"b": "c"}, NOW)
    assert several.ids("c") == ("c", "b", "a")
    assert several.name("a", AT - timedelta(days=1)) == "c"
    assert several.name("b", AT + timedelta(days=1)) == "c"
    assert several.name("a", AT + timedelta(days=1)) == "a"
    assert several.with_new({"a": "c", "b": "c"}, NOW).with_new({"a": "c", "b": "c"}, NOW) == (
        several.with_new({"a": "c", "b": "c"}, NOW)
    )


@pytest.mark.parametrize("text", ["{", '[["a"]]', "[1]", '[["a", "b", "c"]]', '[["a", "b", 1e99]]'])
def test_a_note_of_nonsense_is_told(world: World, text: str) -> None:
    world.layout.state.mkdir()
    world.layout.renamed.write_text(text)
    with pytest.raises(SystemdError, match=r"renamed\.json"):
        jobs(world)


def test_totals_do_not_fall_when_a_job_is_renamed(world: World) -> None:
    world.apply(job("old"))
    days(world, "old", "success", "exit-code", start=NOW - timedelta(days=3))
    with open_past(world.host) as past:
        before = sum(past.totals().runs.values())
    world.apply(job("new", "old"))
    with open_past(world.host) as past:
        assert sum(past.totals().runs.values()) == before == 2


def test_renamings_are_told_apart_by_their_order() -> None:
    back = Renamings([Renaming(old="a", new="b", at=AT), Renaming(old="b", new="a", at=NOW)])
    assert back.with_new({"b": "a"}, NOW).several == back.several
    assert len(back.with_new({"a": "b"}, NOW).several) == 3


def test_the_result_of_a_run_that_outlived_its_id_comes_with_the_next_maintenance(
    world: World,
) -> None:
    world.apply(job("old"))
    world.apply(job("new", "old"))
    world.layout.last.mkdir(parents=True, exist_ok=True)
    (world.layout.last / "old").write_text(
        "DEBVISOR_RUN_ID=20261123T120000Z-4f2a9c\nDEBVISOR_RESULT=success\n"
        "DEBVISOR_END_USEC=1795435200000000\n"
    )

    maintain(world.host)

    last = read_last(world.layout.last, "new")
    assert last is not None
    assert (last.id, read_last(world.layout.last, "old")) == ("20261123T120000Z-4f2a9c", None)
