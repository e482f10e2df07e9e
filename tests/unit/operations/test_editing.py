# SPDX-License-Identifier: Apache-2.0
"""Jobs that are created, updated and deleted in their files, and applied alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.errors import (
    ChangedMeanwhileError,
    DefinitionError,
    InterruptedByUserError,
    NotFoundError,
    PartWayError,
    RefusedError,
    SystemdError,
)
from debvisor_timers.jobs.emit import Writable
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.applying.apply import ApplyResult
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.applying.recover import Recovery, recover
from debvisor_timers.operations.editing.change import (
    Change,
    ChangeKind,
    KeyPath,
    merged,
    new_job_id,
)
from debvisor_timers.operations.editing.edit import (
    EditOptions,
    EditResult,
    edit_jobs,
    edit_with,
)
from debvisor_timers.operations.editing.rewrite import Rewrite, open_job, rewrite_job
from debvisor_timers.operations.editing.stage import Stage, stage
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.editing.version import version_of
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import NIGHTLY, TWO, World

NIGHTLY_TIMER = "debvisor-job-nightly.timer"
NIGHTLY_SERVICE = "debvisor-job-nightly.service"
COMMENTED = """\
# Of the team infra.
jobs:
  # Every night.
  nightly:
    schedule: "0 2 * * *"  # before the office
    command: [/bin/true]
    timeout: 1h

  # Every hour.
  hourly:
    schedule: "0 * * * *"
    script: echo hello
"""
HOLIDAY = """\
BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
UID:1\r
DTSTART;VALUE=DATE:DAY\r
END:VEVENT\r
END:VCALENDAR\r
"""
NEW: dict[KeyPath, Writable] = {("schedule",): "0 4 * * *", ("command",): ["/bin/true"]}


def create(job_id: str) -> Change:
    return Change(job_id=job_id, kind=ChangeKind.CREATE, keys=NEW)


def update(job_id: str, **keys: Writable) -> Change:
    paths: dict[KeyPath, Writable | None] = {(key,): value for key, value in keys.items()}
    return Change(job_id=job_id, kind=ChangeKind.UPDATE, keys=paths)


def delete(job_id: str) -> Change:
    return Change(job_id=job_id, kind=ChangeKind.DELETE)


def edit(world: World, *changes: Change, apply: bool = True, dry_run: bool = False) -> EditResult:
    return edit_jobs(world.host, changes, EditOptions(apply=apply, dry_run=dry_run))


def applied(result: EditResult) -> ApplyResult:
    assert result.result is not None
    return result.result


def files(world: World) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in world.layout.jobs.iterdir()}


def unit(world: World, name: str) -> str:
    entry = world.units()[name]
    assert isinstance(entry, FileEntry)
    return entry.text


def leaves_nothing(world: World) -> bool:
    return not list(world.layout.state.glob(".edit-*"))


def test_the_first_job_of_a_host_gets_a_file_of_its_own(world: World) -> None:
    result = edit(world, create("nightly"))

    assert files(world) == {
        "nightly.yaml": 'jobs:\n  nightly:\n    schedule: "0 4 * * *"\n    command: [/bin/true]\n'
    }
    assert (applied(result).created, applied(result).generation) == (1, 1)
    assert world.running() == {NIGHTLY_TIMER}
    assert make_plan(world.host).is_empty
    assert leaves_nothing(world)


def test_the_settings_of_a_first_job_are_those_of_the_administrator(world: World) -> None:
    (world.layout.config / "config.yaml").write_text("defaults: {user: backup}\n")

    edit(world, create("nightly"))

    assert "User=backup" in unit(world, NIGHTLY_SERVICE)


def test_one_key_changes_its_line_and_its_unit(world: World) -> None:
    world.apply(COMMENTED)

    result = edit(world, update("nightly", schedule="0 3 * * *"))

    assert files(world) == {"a.yaml": COMMENTED.replace("0 2 * * *", "0 3 * * *")}
    assert (applied(result).updated, applied(result).unchanged) == (1, 1)
    assert world.systemd.manager.timer(NIGHTLY_TIMER).next_elapse == datetime(
        2026, 11, 24, 3, tzinfo=UTC
    )
    assert make_plan(world.host).is_empty
    assert not result.pending


def test_a_job_is_deleted_with_its_comments(world: World) -> None:
    world.apply(COMMENTED)

    result = edit(world, delete("nightly"))

    start, end = COMMENTED.index("  # Every night"), COMMENTED.index("\n  # Every hour")
    assert files(world) == {"a.yaml": COMMENTED[:start] + COMMENTED[end:]}
    assert applied(result).removed == 1
    assert NIGHTLY_TIMER not in world.units()


def test_a_file_goes_with_its_last_job_and_a_host_may_lose_its_last_job(world: World) -> None:
    world.apply(NIGHTLY)

    edit(world, delete("nightly"))

    assert files(world) == {}
    assert world.units() == {}


def test_a_link_does_not_lead_nowhere_when_its_last_job_goes(world: World, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(NIGHTLY)
    (world.layout.jobs / "b.yaml").symlink_to(tmp_path / "b.yaml")
    world.apply(TWO.replace("nightly", "other"))

    edit(world, delete("nightly"))

    assert (tmp_path / "b.yaml").read_text() == "jobs: {}\n"


def test_a_job_that_is_there_is_not_created_again(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(RefusedError, match=r"'nightly' is there already, in .*/a\.yaml"):
        edit(world, create("nightly"))


@pytest.mark.parametrize("change", [update("nigthly", timeout=5), delete("nigthly")])
def test_a_job_that_is_not_there_is_named_with_the_nearest(world: World, change: Change) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="did you mean 'nightly'"):
        edit(world, change)


def test_a_new_job_is_put_into_the_file_of_its_name(world: World) -> None:
    world.apply()
    world.write(NIGHTLY, "weekly.yaml")

    edit(world, create("weekly"))

    assert files(world)["weekly.yaml"].startswith(NIGHTLY)
    assert "  weekly:\n" in files(world)["weekly.yaml"]


# --- what others edit ----------------------------------------------------------------------------


def test_pending_edits_of_others_are_named_and_left(world: World) -> None:
    world.apply(TWO)
    pending = TWO.replace("echo hello", "echo pending")
    world.write(pending)
    world.write("jobs:\n  other: {schedule: '@daily', command: [/bin/true]}\n", "b.yaml")

    result = edit(world, update("nightly", timeout=5), create("new"))

    assert (applied(result).created, applied(result).updated) == (1, 1)
    assert result.pending.jobs == ("hourly", "other")
    assert not result.pending.settings
    assert "TimeoutStartSec=5s" in unit(world, NIGHTLY_SERVICE)
    assert files(world)["a.yaml"] == pending.replace("true]\n", "true]\n    timeout: 5\n")
    plan = make_plan(world.host)
    assert (plan.created, plan.updated, plan.removed) == (("other",), ("hourly",), ())


def test_what_waits_for_an_apply_of_all_is_left(world: World, tmp_path: Path) -> None:
    """A calendar file that somebody has edited is none of the job's business."""
    calendar = tmp_path / "holidays.ics"
    calendar.write_text(HOLIDAY.replace("DAY", "20261224"), newline="")
    (world.layout.config / "config.yaml").write_text(f"calendars: {{holidays: {calendar}}}\n")
    world.apply(f"{TWO}  other: {{schedule: {{cron: '@daily', exclude: [holidays]}}, script: x}}\n")
    calendar.write_text(HOLIDAY.replace("DAY", "20261226"), newline="")

    result = edit(world, update("nightly", timeout=5))

    assert result.plan is not None
    assert result.plan.updated == ("nightly",)
    assert make_plan(world.host).updated == ("other",)
    edit(world, update("nightly", timeout=6))
    assert make_plan(world.host).updated == ("other",)
    world.apply()
    assert make_plan(world.host).is_empty


def test_errors_in_files_of_others_are_named_and_left(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n  other: {schedule: '0 25 * * *'}\n", "b.yaml")
    world.write("jobs: [\n", "c.yaml")

    result = edit(world, update("nightly", timeout=5))

    assert {problem.span.file.name for problem in result.pending.errors} == {"b.yaml", "c.yaml"}
    assert applied(result).updated == 1
    assert files(world)["c.yaml"] == "jobs: [\n"


def test_errors_in_settings_are_named_and_left(world: World) -> None:
    world.apply(TWO)
    (world.layout.config / "config.yaml").write_text("defaults: {timeout: [\n")

    result = edit(world, update("nightly", timeout=5))

    assert [error.message for error in result.pending.errors] == ["this '[' is never closed"]


def test_an_error_that_the_edit_mends_is_not_told_as_left(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n  other: {}\n  third: {script: x}\n", "b.yaml")

    result = edit(world, update("other", script="x"))

    assert (result.pending.jobs, result.pending.errors) == (("third",), ())


def test_settings_that_are_not_applied_are_named_and_left(world: World) -> None:
    world.apply(TWO)
    (world.layout.config / "config.yaml").write_text("defaults: {user: backup}\n")

    result = edit(world, update("nightly", timeout=5))

    assert result.pending.settings == (world.layout.config / "config.yaml",)
    assert "User=backup" not in unit(world, NIGHTLY_SERVICE)


@pytest.mark.parametrize(
    "wrong", ["  other: {schedule: '0 25 * * *'}\n", "  other: {comand: [/bin/true]}\n", "  - x\n"]
)
def test_an_error_in_the_same_file_stops_it(world: World, wrong: str) -> None:
    world.apply(NIGHTLY)
    world.write(NIGHTLY + wrong)
    before = world.picture()

    with pytest.raises(DefinitionError, match=r"/etc/jobs\.d/a\.yaml:\d+:"):
        edit(world, update("nightly", timeout=5))

    assert files(world) == {"a.yaml": NIGHTLY + wrong}
    assert world.picture() == before
    assert leaves_nothing(world)


def test_a_wrong_value_is_placed_in_the_file_and_changes_nothing(world: World) -> None:
    world.apply(COMMENTED)

    with pytest.raises(DefinitionError, match=r"/etc/jobs\.d/a\.yaml:5:\d+: error: schedule: hour"):
        edit(world, update("nightly", schedule="0 25 * * *"))

    assert files(world) == {"a.yaml": COMMENTED}


def test_what_systemd_refuses_is_placed_in_the_file_as_edited(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(DefinitionError) as caught:
        edit(world, update("nightly", schedule={"on_calendar": "nonsense"}))

    (problem,) = caught.value.problems
    assert (problem.span.line, problem.span.column) == (3, 29)
    assert problem.source_line.strip() == "schedule: {on_calendar: nonsense}"
    assert files(world) == {"a.yaml": TWO}


def test_an_error_names_settings_that_it_may_need(world: World) -> None:
    world.apply(NIGHTLY)
    (world.layout.config / "config.yaml").write_text("pools: {backup: 2}\n")

    with pytest.raises(DefinitionError, match=r"config\.yaml: warning: was edited"):
        edit(world, update("nightly", pool="backup"))


def test_a_job_that_others_need_is_not_deleted(world: World) -> None:
    world.apply(TWO + "    depends_on: [nightly]\n")

    with pytest.raises(DefinitionError, match="nightly"):
        edit(world, delete("nightly"))


def test_a_job_whose_file_is_gone_but_pending_can_be_deleted(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY)

    result = edit(world, delete("hourly"))

    assert result.files == ()
    assert applied(result).removed == 1
    assert make_plan(world.host).is_empty


def test_a_job_that_moved_to_another_file_is_applied_from_there(world: World) -> None:
    world.apply(TWO)
    world.write(TWO.replace(NIGHTLY, "jobs:\n"))
    world.write(NIGHTLY, "b.yaml")

    result = edit(world, update("nightly", timeout=5))

    assert (applied(result).updated, applied(result).removed) == (1, 0)
    assert not result.pending
    assert make_plan(world.host).is_empty


def test_a_job_in_two_files_is_refused(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY, "b.yaml")

    with pytest.raises(RefusedError, match=r"a\.yaml and .*b\.yaml"):
        edit(world, update("nightly", timeout=5))


def test_units_of_others_that_were_edited_by_hand_do_not_matter(world: World) -> None:
    world.apply(TWO)
    entry = FileEntry(unit(world, "debvisor-job-hourly.service").replace("hello", "bye"))
    world.systemd.units.write({"debvisor-job-hourly.service": entry})

    assert applied(edit(world, update("nightly", timeout=5))).updated == 1
    assert world.units()["debvisor-job-hourly.service"] == entry


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_a_file_that_others_can_change_is_not_taken_over(world: World) -> None:
    world.apply(TWO)
    os.chown(world.layout.jobs / "a.yaml", 1000, 1000)

    with pytest.raises(DefinitionError, match="can be changed by others than root"):
        edit(world, update("nightly", timeout=5))

    assert files(world) == {"a.yaml": TWO}


def test_a_batch_may_change_what_it_has_created(world: World) -> None:
    world.apply(NIGHTLY)

    edit(world, create("a"), create("b"), update("a", timeout=5), delete("b"))

    assert sorted(files(world)) == ["a.yaml"]
    assert "  a:\n" in files(world)["a.yaml"]
    with pytest.raises(RefusedError, match="'c' is created twice"):
        edit(world, create("c"), create("c"))


# --- all of it or nothing ------------------------------------------------------------------------


def test_a_full_disk_is_told_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TWO)
    (world.layout.state / "generations/1/tasks.d").mkdir()
    (world.layout.state / "generations/1/tasks.d/a.yaml").touch()

    def copy(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", copy)
    with pytest.raises(SystemdError, match=r"nothing was changed: .*No space left on device"):
        edit(world, update("nightly", timeout=5))

    assert files(world) == {"a.yaml": TWO}


def test_nothing_to_change_is_nothing_done(world: World) -> None:
    world.apply(TWO)
    world.systemd.steps.clear()

    result = edit(world, update("hourly", schedule="0 * * * *"))

    assert not result.has_changed
    assert world.systemd.steps.done == []


def test_a_dry_run_tells_and_changes_nothing(world: World) -> None:
    world.apply(TWO)
    before = world.picture()

    result = edit(world, update("nightly", timeout=5), create("new"), dry_run=True)

    assert result.plan is not None
    assert (result.plan.created, result.plan.updated) == (("new",), ("nightly",))
    assert [file.path.name for file in result.files] == ["a.yaml", "new.yaml"]
    assert (world.picture(), files(world)) == (before, {"a.yaml": TWO})


def test_files_alone_are_written_where_nothing_shall_be_applied(world: World) -> None:
    world.apply(TWO)
    before = world.picture()

    result = edit(world, update("nightly", timeout=5), apply=False)

    assert result.result is None
    assert "timeout: 5" in files(world)["a.yaml"]
    assert world.picture() == before
    assert make_plan(world.host).updated == ("nightly",)


def test_files_alone_are_checked_too(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(DefinitionError, match=r"a\.yaml:\d+:\d+: error: timeout"):
        edit(world, update("nightly", timeout="soon"), apply=False)

    assert files(world) == {"a.yaml": TWO}


EDITS: dict[str, tuple[str, list[Change]]] = {
    "create": (NIGHTLY, [create("new")]),
    "update": (TWO, [update("nightly", schedule="0 3 * * *")]),
    "delete": (TWO, [delete("hourly")]),
    "batch": (TWO, [delete("hourly"), update("nightly", timeout=5), create("new")]),
    "last": (NIGHTLY, [delete("nightly")]),
}


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("error", [SystemdError, KeyboardInterrupt])
def test_a_failure_at_any_step_leaves_files_and_machine_as_they_were(
    kind: str, error: type[BaseException], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text, changes = EDITS[kind]
    for step in range(1, 99):
        world = World(tmp_path_factory.mktemp("world"))
        world.apply(text)
        before = world.picture()
        world.systemd.steps.fail_at(step, error("it broke"))
        try:
            edit(world, *changes)
        except PartWayError:
            assert recover(world.host) is Recovery.FINISHED, "committed: the rest is tidied up"
        except (SystemdError, InterruptedByUserError, KeyboardInterrupt):
            if world.picture() != before:
                assert recover(world.host) is Recovery.FINISHED
                continue
            assert files(world) == {"a.yaml": text}, f"step {step}"
        else:
            assert step > 4
            assert make_plan(world.host).is_empty
            break
        assert leaves_nothing(world)


class KilledError(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize("kind", EDITS)
def test_a_kill_at_any_step_is_undone_or_finished(
    kind: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
    text, changes = EDITS[kind]
    for step in range(1, 99):
        world = World(tmp_path_factory.mktemp("world"))
        world.apply(text)
        before = world.picture()
        world.systemd.steps.fail_at(step, KilledError())
        try:
            edit(world, *changes)
        except KilledError:
            recovery = recover(world.host)
        else:
            break
        if recovery is not Recovery.FINISHED:
            assert files(world) == {"a.yaml": text}, f"step {step}"
            assert world.picture() == before
        assert make_plan(world.host).is_empty
    assert step > 4


def test_an_edit_after_a_kill_recovers_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(TWO)
    with monkeypatch.context() as patch:
        patch.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
        world.systemd.steps.fail_on("manager.reload", KilledError())
        with pytest.raises(KilledError):
            edit(world, update("nightly", timeout=5))

    edit(world, update("hourly", timeout=7))

    assert files(world) == {"a.yaml": TWO + "    timeout: 7\n"}


def test_what_an_editor_saved_meanwhile_is_not_overwritten(world: World) -> None:
    world.apply(TWO)
    later = TWO.replace("0 2", "0 5")

    with pytest.raises(RefusedError, match="changed by somebody else meanwhile"):
        rewrite_job(world.host, saved_meanwhile(world, later), EditOptions())

    assert files(world) == {"a.yaml": later}


def saved_meanwhile(world: World, text: str) -> Rewrite:
    """Return a rewrite of nightly, whose file somebody else has saved since it was opened."""
    opened = open_job(world.host, "nightly")
    world.write(text)
    after = opened.before.replace(b"0 2", b"0 3")
    return Rewrite(job_id="nightly", path=opened.path, before=opened.before, after=after)


def test_an_apply_of_somebody_else_in_between_is_built_upon(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n  other: {script: x}\n", "b.yaml")
    left = ["an apply"]

    def make(here: JobTree, there: JobTree) -> Stage:
        staged = stage([update("nightly", timeout=5)], here, there)
        if left:
            left.pop()
            world.apply()
        return staged

    edit_with(world.host, make, EditOptions())

    assert make_plan(world.host).is_empty
    assert "debvisor-job-other.service" in world.units()


@pytest.mark.parametrize("apply", [True, False])
def test_however_many_come_in_between_all_edits_are_made(world: World, apply: bool) -> None:
    world.apply(TWO)
    others = [f"k{number}" for number in range(7)]

    def make(here: JobTree, there: JobTree) -> Stage:
        staged = stage([update("nightly", timeout=5)], here, there)
        if others:
            edit(world, update("nightly", tags={others.pop(): "v"}), apply=apply)
        return staged

    edit_with(world.host, make, EditOptions(apply=apply))

    assert "timeout: 5\n    tags: {k0: v}" in files(world)["a.yaml"]
    assert make_plan(world.host).is_empty == apply


# --- an editor -----------------------------------------------------------------------------------


def test_a_rewritten_file_applies_its_job_alone(world: World) -> None:
    world.apply(TWO)
    opened = open_job(world.host, "hourly")
    after = opened.before.replace(b"0 *", b"5 *").replace(b"0 2", b"0 3")
    rewrite = Rewrite(job_id="hourly", path=opened.path, before=opened.before, after=after)

    result = rewrite_job(world.host, rewrite, EditOptions())

    assert opened.line == 5
    assert applied(result).updated == 1
    assert result.pending.jobs == ("nightly",)
    assert files(world)["a.yaml"].encode() == after


def test_a_rewritten_file_keeps_its_job(world: World) -> None:
    world.apply(TWO)
    opened = open_job(world.host, "hourly")
    rewrite = Rewrite(
        job_id="hourly", path=opened.path, before=opened.before, after=NIGHTLY.encode()
    )

    with pytest.raises(DefinitionError, match="'hourly' is not in the file any more"):
        rewrite_job(world.host, rewrite, EditOptions())


# --- values --------------------------------------------------------------------------------------


def test_a_job_gets_an_id_from_its_name() -> None:
    taken = {"daily-backup", "daily-backup-2", "a" * 64}

    def id_of(name: str) -> str:
        return new_job_id(name, taken.__contains__)

    assert id_of("Snapshot Job") == "snapshot-job"
    assert id_of("Daily Backup!") == "daily-backup-3"
    assert id_of("  Überprüfung: Größe ") == "uberprufung-groe"
    assert id_of("バックアップ") == "job"
    assert id_of("A" * 80) == f"{'a' * 62}-2"


@pytest.mark.parametrize(
    ("schedule", "keys", "after"),
    [
        (None, {("schedule", "cron"): "@daily"}, "@daily"),
        ("@hourly", {("schedule", "cron"): "@daily"}, "@daily"),
        ("@hourly", {("schedule", "timezone"): "UTC"}, {"cron": "@hourly", "timezone": "UTC"}),
        ("@hourly", {("schedule", "on_calendar"): "03:00"}, {"on_calendar": "03:00"}),
        (
            {"on_calendar": "03:00", "jitter": "5min"},
            {("schedule", "cron"): "@daily"},
            {"jitter": "5min", "cron": "@daily"},
        ),
        ({"cron": "@daily", "jitter": "5min"}, {("schedule", "jitter"): None}, {"cron": "@daily"}),
        ("@hourly", {("schedule",): None}, None),
        ("@hourly", {("schedule", "cron"): None}, None),
        ("@hourly", {("schedule", "timezone"): None}, "@hourly"),
    ],
)
def test_keys_of_a_schedule_find_their_place(
    schedule: Writable | None, keys: Mapping[KeyPath, Writable | None], after: object
) -> None:
    job: dict[str, Writable] = {"script": "x"}
    if schedule is not None:
        job["schedule"] = schedule

    assert merged(job, keys).get("schedule") == after


def test_an_edit_for_another_version_is_refused_and_changes_nothing(world: World) -> None:
    world.apply(TWO)
    definitions = load_definitions(world.layout.config)
    version = version_of(definitions, definitions.jobs["nightly"])
    change = Change(job_id="nightly", kind=ChangeKind.UPDATE, keys={("priority",): "high"})
    options = EditOptions(versions={"nightly": version})
    edit_jobs(world.host, [change], options)
    before = world.picture()

    with pytest.raises(ChangedMeanwhileError, match="has changed meanwhile"):
        edit_jobs(world.host, [change], options)

    assert world.picture() == before
