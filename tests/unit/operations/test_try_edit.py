# SPDX-License-Identifier: Apache-2.0
"""try_edit: a job that is edited on trial is taken back with its file, unless it is confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import DefinitionError, RefusedError, UsageError
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.editing.change import Change, ChangeKind
from debvisor_timers.operations.editing.edit import EditOptions
from debvisor_timers.operations.editing.rewrite import Rewrite, open_job
from debvisor_timers.operations.safety.trying import (
    TriedEdit,
    confirm,
    try_edit,
    undo_unconfirmed,
)
from tests.unit.operations.world import NIGHTLY, TWO, World

TIMEOUT = timedelta(minutes=2)
NIGHTLY_TIMER = "debvisor-job-nightly.timer"
LATER = Change(job_id="nightly", kind=ChangeKind.UPDATE, keys={("schedule", "cron"): "30 1 * * *"})
NEW = """\
# why it is there
jobs:
  fresh:
    schedule: "5 4 * * *"
    command: [/bin/true]
"""


@pytest.fixture
def world(world: World) -> World:
    world.apply(TWO)
    return world


def try_it(world: World, edit: Change | Rewrite = LATER) -> TriedEdit:
    wanted = edit if isinstance(edit, Rewrite) else [edit]
    return try_edit(world.host, wanted, EditOptions(by=lambda: "alice"), TIMEOUT)


def new(world: World, text: str = NEW, job_id: str = "fresh") -> Rewrite:
    path = world.layout.jobs / f"{job_id}.yaml"
    return Rewrite(job_id=job_id, path=path, before=b"", after=text.encode(), is_new=True)


def yaml(world: World, name: str = "a.yaml") -> str:
    return (world.layout.jobs / name).read_text(encoding="utf-8")


def next_start(world: World) -> str:
    found = world.systemd.manager.timer(NIGHTLY_TIMER).next_elapse
    return f"{found:%H:%M}" if found else ""


def test_an_edit_on_trial_is_written_and_applied(world: World) -> None:
    tried = try_it(world)

    assert tried.trial is not None
    assert tried.trial.deadline - tried.trial.began == TIMEOUT
    assert yaml(world) == TWO.replace("0 2 * * *", "30 1 * * *")
    assert next_start(world) == "01:30"


def test_what_is_not_confirmed_is_taken_back_with_its_file(world: World) -> None:
    try_it(world)

    done = undo_unconfirmed(world.host)

    assert done is not None
    assert done.files == (world.layout.jobs / "a.yaml",)
    assert done.differing == ()
    assert yaml(world) == TWO
    assert next_start(world) == "02:00"


def test_its_timer_takes_it_back(world: World) -> None:
    try_it(world)

    world.systemd.advance(timedelta(minutes=3))

    assert world.ran() == ["debvisor-timers-undo-try.service"]


def test_what_is_confirmed_stays(world: World) -> None:
    try_it(world)

    assert confirm(world.host) == 2

    assert undo_unconfirmed(world.host) is None
    assert next_start(world) == "01:30"


def test_a_file_that_somebody_has_changed_since_is_left(world: World) -> None:
    try_it(world)
    theirs = yaml(world) + "# theirs\n"
    world.write(theirs)

    done = undo_unconfirmed(world.host)

    assert done is not None
    assert done.files == ()
    assert done.differing == (world.layout.jobs / "a.yaml",)
    assert yaml(world) == theirs
    assert next_start(world) == "02:00"


def test_a_new_job_on_trial_goes_with_its_file(world: World) -> None:
    try_it(world, new(world))
    assert yaml(world, "fresh.yaml") == NEW

    undo_unconfirmed(world.host)

    assert not (world.layout.jobs / "fresh.yaml").exists()
    assert "debvisor-job-fresh.timer" not in world.units()


def test_the_text_of_a_file_can_be_tried(world: World) -> None:
    opened = open_job(world.host, "nightly")
    text = opened.before.replace(b"0 2", b"30 1") + b"# a remark\n"
    rewrite = Rewrite(
        job_id="nightly", path=opened.path, before=opened.before, after=text, line=opened.line
    )

    try_it(world, rewrite)
    assert next_start(world) == "01:30"
    undo_unconfirmed(world.host)

    assert yaml(world) == TWO


def test_an_edit_that_changes_nothing_is_no_trial(world: World) -> None:
    same = Change(
        job_id="nightly", kind=ChangeKind.UPDATE, keys={("schedule", "cron"): "0 2 * * *"}
    )

    assert try_it(world, same).trial is None
    assert generations(world.host).latest() == 1


def test_a_wrong_edit_leaves_no_trial(world: World) -> None:
    wrong = Change(
        job_id="nightly", kind=ChangeKind.UPDATE, keys={("schedule", "cron"): "0 25 * * *"}
    )

    with pytest.raises(DefinitionError):
        try_it(world, wrong)

    assert not world.layout.trial.exists()
    assert yaml(world) == TWO


def test_a_second_trial_has_to_wait(world: World) -> None:
    try_it(world)

    with pytest.raises(RefusedError, match="what alice is trying since"):
        try_it(world, new(world))

    assert not (world.layout.jobs / "fresh.yaml").exists()


@pytest.mark.parametrize(
    ("job_id", "text", "error"),
    [
        ("nightly", NIGHTLY, RefusedError),
        ("../x", NEW.replace("fresh", "../x"), UsageError),
        ("fresh", NEW + "  other: {command: [/bin/true]}\n", DefinitionError),
        ("fresh", NEW.replace("fresh", "other"), DefinitionError),
    ],
)
def test_a_new_file_is_for_one_new_job(
    world: World, job_id: str, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        try_it(world, new(world, text, job_id))

    assert sorted(path.name for path in world.layout.jobs.iterdir()) == ["a.yaml"]
