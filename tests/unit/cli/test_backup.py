# SPDX-License-Identifier: Apache-2.0
"""config backup and config restore: what a host was told, away and back."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.index import Index
from debvisor_timers.operations.applying.recover import recover
from debvisor_timers.operations.exchange import backup_file
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.scheduler.values import JobDependency
from debvisor_timers.systemd.memory import Outcome
from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY, TWO, World


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.json"


def told(world: World) -> Mapping[str, bytes]:
    """Return every file of the configuration, and the pauses."""
    folders = (world.layout.config, world.layout.paused)
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def furnish(world: World) -> None:
    """Let the host have something of all that a backup carries."""
    config = world.layout.config
    (config / "config.yaml").write_text("pools: {backup: 2}\n", encoding="utf-8")
    (config / "tasks.d").mkdir()
    (config / "tasks.d" / "backup.yaml").write_text(
        "tasks: {backup: {handler: 'backups:make'}}\n", encoding="utf-8"
    )
    world.apply(TWO)
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "nightly").write_text('{"reason": "disk"}', encoding="utf-8")


def other_world(folder: Path) -> World:
    folder.mkdir()
    return World(folder)


def test_a_backup_is_root_s_alone_and_says_what_is_in_it(
    program: Program, world: World, file: Path
) -> None:
    furnish(world)

    answer = program("config", "backup", f"--output={file}")

    assert answer.code == 0, answer.err
    assert "4 files saved to" in answer.out
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_bytes())
    assert (document["format"], document["version"]) == ("debvisor-timers-backup", 1)
    assert document["generation"] == 1
    assert document["files"]["config/jobs.d/a.yaml"] == {"text": TWO}


def test_what_was_changed_since_comes_back(program: Program, world: World, file: Path) -> None:
    furnish(world)
    before, picture = told(world), world.picture()
    program("config", "backup", f"--output={file}")
    (world.layout.config / "tasks.d" / "backup.yaml").unlink()
    (world.layout.paused / "nightly").unlink()
    world.write(NIGHTLY.replace("0 2", "0 3"))
    world.write(NIGHTLY.replace("nightly", "new"), name="new.yaml")
    world.apply()

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 0, answer.err
    assert f"- {world.layout.jobs}/new.yaml" in answer.out
    assert f"+ {world.layout.paused}/nightly" in answer.out
    assert "4 files restored; 1 created, 1 updated, 1 removed, 0 unchanged" in answer.out
    assert told(world) == before
    newest = program("generations", "--json").json["generations"][0]
    assert (newest["how"], newest["by"]) == ("restore", "root (login of alice)")
    assert world.picture()["timers"] == picture["timers"]
    assert world.apply().plan is None or world.apply().unchanged == 2


def test_another_host_becomes_the_same(
    program: Program, world: World, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(world)
    Scheduler(world.host).backup(file)
    other = other_world(tmp_path / "other")
    other.systemd.state.zone = "America/New_York"

    answer = Program(other, monkeypatch)("config", "restore", f"--input={file}", "--force")

    assert answer.code == 0, answer.err
    assert "schedules that name none follow it" in answer.err
    assert other.running() == world.running()
    names = [Path(path).name for path in told(other)]
    assert names == [Path(path).name for path in told(world)]
    assert (other.layout.paused / "nightly").stat().st_mode & 0o777 == 0o644


_SCHOOL = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//school//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261226
SUMMARY:Christmas
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_beside_config_yaml_comes_along(world: World, file: Path) -> None:
    config = world.layout.config
    (config / "school.ics").write_text(_SCHOOL, encoding="utf-8")
    (config / "config.yaml").write_text(
        f"calendars: {{school: {config}/school.ics}}\n", encoding="utf-8"
    )
    world.apply(NIGHTLY.replace("catch_up: once", "exclude: [school]"))
    before, units = told(world), dict(world.units())
    Scheduler(world.host).backup(file)
    for name in ("school.ics", "config.yaml", "jobs.d/a.yaml"):
        (config / name).unlink()
    world.apply(allow_empty=True)

    result = Scheduler(world.host).restore(file, agree=lambda _: True)

    assert result.applied is not None
    assert told(world) == before
    assert world.units().keys() == units.keys()
    assert "2026-12-24" in str(world.units()["debvisor-job-nightly.service"])
    assert world.apply().plan is None or not world.apply().has_changed


def test_a_pause_that_ends_by_a_restore_starts_nothing(world: World, file: Path) -> None:
    world.apply(NIGHTLY)
    scheduler = Scheduler(world.host)
    scheduler.backup(file)
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "nightly").touch()
    world.systemd.manager.stop(["debvisor-job-nightly.timer"])
    world.systemd.advance(timedelta(days=2))

    scheduler.restore(file, agree=lambda _: True)
    world.systemd.manager.start(["debvisor-job-nightly.timer"])

    assert not (world.layout.paused / "nightly").exists()
    assert world.ran() == []


class KilledError(BaseException):
    """A process that ends here."""


PATHS = "jobs:\n  load: {triggers: [{path_exists: /srv/ready}], command: [/bin/true]}\n"


def test_a_kill_leaves_no_path_trigger_stopped(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(PATHS)
    scheduler = Scheduler(world.host)
    scheduler.backup(file)
    world.layout.paused.mkdir(parents=True)
    pause = world.layout.paused / "load"
    pause.touch()
    monkeypatch.setattr("debvisor_timers.operations.holding.arming._SKIP", timedelta())
    skipped = Outcome(duration=timedelta(seconds=3))
    world.systemd.set_outcome("debvisor-job-load.service", skipped)
    world.systemd.touch("/srv/ready")
    states = [("debvisor-path-load.path" in world.running(), pause.exists())]

    while pause.exists():
        with monkeypatch.context() as killed:
            killed.setattr("debvisor_timers.operations.applying.steps._clean_up", lambda *_: None)
            world.systemd.steps.fail_at(len(states), KilledError())
            with suppress(KilledError):
                scheduler.restore(file, agree=lambda _: True)
        world.systemd.steps.heal()
        recover(world.host)
        states.append(("debvisor-path-load.path" in world.running(), pause.exists()))

    assert len(states) > 3
    assert set(states[:-1]) == {(True, True)}
    assert states[-1] == (False, False)


def test_a_dry_run_and_a_no_change_nothing(program: Program, world: World, file: Path) -> None:
    furnish(world)
    program("config", "backup", f"--output={file}")
    world.apply(NIGHTLY)
    before, picture = told(world), world.picture()

    dry = program("config", "restore", f"--input={file}", "--dry-run")
    refused = program("config", "restore", f"--input={file}")
    said_no = program("config", "restore", f"--input={file}", terminal=True, typed="n\n")

    assert (dry.code, refused.code, said_no.code) == (0, 4, 0)
    assert "+ hourly" in dry.out
    assert "nothing was restored (--dry-run)" in dry.out
    assert "nobody can be asked here" in refused.err
    assert (told(world), world.picture()) == (before, picture)


def test_a_backup_of_what_is_there_restores_nothing_and_asks_nothing(
    program: Program, world: World, file: Path
) -> None:
    furnish(world)
    program("config", "backup", f"--output={file}")

    answer = program("config", "restore", f"--input={file}")

    assert (answer.code, answer.out) == (0, "nothing to restore: all is as the backup has it\n")


def test_a_failure_at_any_step_leaves_all_as_it_was(world: World, file: Path) -> None:
    furnish(world)
    scheduler = Scheduler(world.host)
    scheduler.backup(file)
    (world.layout.paused / "nightly").unlink()
    world.apply(NIGHTLY.replace("0 2", "0 3"))
    before, picture = told(world), world.picture()
    failures = 0
    while True:
        world.systemd.steps.fail_at(failures + 1)
        try:
            scheduler.restore(file, agree=lambda _: True)
        except SystemdError:
            failures += 1
            assert (told(world), world.picture()) == (before, picture)
        else:
            break
    assert failures > 5
    assert (world.layout.paused / "nightly").exists()


def test_templates_count_in_the_same_restore(world: World, file: Path) -> None:
    world.apply(NIGHTLY)
    folder = world.layout.config / "templates"
    folder.mkdir()
    shipped = Path(__file__).parents[3] / "templates" / "job.service.j2"
    changed = shipped.read_text(encoding="utf-8") + "\n# ours\n"
    (folder / "job.service.j2").write_text(changed, encoding="utf-8")
    world.apply()
    after = dict(world.units())
    scheduler = Scheduler(world.host)
    scheduler.backup(file)
    (folder / "job.service.j2").unlink()
    world.apply()

    scheduler.restore(file, agree=lambda _: True)

    assert dict(world.units()).keys() == after.keys()
    assert scheduler.plan().is_empty


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"generation": 7}, "is damaged: it is not as it was written"),
    ({"version": 2}, "is a backup of version 2; this program reads version 1"),
    ({"format": "tar"}, "is no backup, neither of debvisor-timers nor of the original"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_files_that_are_no_whole_backup_are_refused(
    program: Program, world: World, file: Path, change: dict[str, Any], message: str
) -> None:
    furnish(world)
    program("config", "backup", f"--output={file}")
    document = json.loads(file.read_bytes())
    file.write_text(json.dumps({**document, **change}), encoding="utf-8")

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 4
    assert message in answer.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no backup"),
        (b"PK\x03\x04", "is no backup"),
        (b'{"format": "debvisor-timers-backup", "ver', "is damaged: it is no JSON, or is cut off"),
        (b"[]", "is no backup"),
    ],
)
def test_foreign_and_cut_files_are_refused(
    program: Program, file: Path, data: bytes, message: str
) -> None:
    file.write_bytes(data)

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 4
    assert message in answer.err


@pytest.mark.parametrize(
    "name",
    [
        "config/jobs.d/../../evil.yaml",
        "/etc/passwd",
        "config/jobs.d/.hidden.yaml",
        "config/jobs.d/sub/a.yaml",
        "config/other/a.yaml",
        "state/last/nightly",
        "config/jobs.d/",
        "config/jobs.d/a\0.yaml",
    ],
)
def test_names_that_lead_elsewhere_are_refused(
    program: Program, world: World, file: Path, name: str
) -> None:
    furnish(world)
    program("config", "backup", f"--output={file}")
    document = json.loads(file.read_bytes())
    backup = backup_file.decode(file, document)
    evil = backup_file.Backup(
        created=backup.created,
        origin=backup.origin,
        generation=1,
        files={**backup.files, name: b"jobs: {}\n"},
    )
    file.write_bytes(backup_file.encode(evil))

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 4
    assert "belongs nowhere" in answer.err


def test_a_link_out_of_the_folders_is_not_followed(
    program: Program, world: World, file: Path, tmp_path: Path
) -> None:
    furnish(world)
    program("config", "backup", f"--output={file}")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(NIGHTLY, encoding="utf-8")
    (world.layout.jobs / "a.yaml").unlink()
    (world.layout.jobs / "a.yaml").symlink_to(elsewhere)

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 4
    assert "which is none of our files" in answer.err
    assert elsewhere.read_text(encoding="utf-8") == NIGHTLY


def test_something_else_is_not_overwritten_by_a_backup(
    program: Program, world: World, file: Path
) -> None:
    file.write_text('{"jobs": []}', encoding="utf-8")

    answer = program("config", "backup", f"--output={file}")

    assert answer.code == 4
    assert file.read_text(encoding="utf-8") == '{"jobs": []}'


def test_devices_and_pipes_are_left_alone(program: Program, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    null = tmp_path / "null"
    null.symlink_to("/dev/null")

    for place in (pipe, null):
        answer = program("config", "backup", f"--output={place}")
        assert (answer.code, f"{place} is no file" in answer.err) == (2, True), answer.err
    assert pipe.is_fifo()
    assert null.is_char_device()


def test_folders_and_missing_files_are_named(program: Program, tmp_path: Path) -> None:
    saved = program("config", "backup", f"--output={tmp_path}")
    restored = program("config", "restore", f"--input={tmp_path / 'none'}")

    assert (saved.code, restored.code) == (2, 2)
    assert f"{tmp_path} is a folder" in saved.err
    assert "there is no file" in restored.err


def test_an_older_backup_is_replaced(program: Program, world: World, file: Path) -> None:
    program("config", "backup", f"--output={file}")
    furnish(world)

    assert program("config", "backup", f"--output={file}").code == 0
    assert len(json.loads(file.read_bytes())["files"]) == 4


def test_a_backup_of_the_original_brings_its_jobs(
    program: Program, world: World, file: Path
) -> None:
    world.apply(NIGHTLY)
    job = {
        "job_id": "f8a2d3c4",
        "name": "Daily Backup",
        "cron_expression": "0 2 * * *",
        "task_type": "take_snapshot",
        "task_config": {},
    }
    file.write_text(
        json.dumps({"timestamp": "2025-11-27T10:30:00", "jobs": [job]}), encoding="utf-8"
    )

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 0, answer.err
    assert "1 file restored; 1 created, 0 updated, 0 removed, 1 unchanged" in answer.out
    assert "debvisor-job-f8a2d3c4.timer" in world.units()
    assert "debvisor-job-nightly.timer" in world.units()


def test_what_the_python_api_tells_of_jobs_restores_them(
    program: Program, world: World, file: Path
) -> None:
    scheduler = JobScheduler(world.host)
    first = scheduler.create_job(
        name="Create Snapshot",
        cron_expr="0 2 * * *",
        task_type="create_snapshot",
        task_config={"vm_id": "vm-123"},
        timezone="Europe/Amsterdam",
    )
    scheduler.create_job(
        name="Verify Backup",
        cron_expr="0 3 * * *",
        task_type="verify_backup",
        task_config={},
        dependencies=[JobDependency(job_id=first.job_id, timeout_seconds=600)],
    )
    jobs = [job.to_dict() for job in scheduler.jobs.values()]
    file.write_text(json.dumps({"timestamp": "now", "jobs": jobs}), encoding="utf-8")
    for job_id in [job["job_id"] for job in jobs][::-1]:
        scheduler.delete_job(str(job_id))

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 0, answer.err
    assert "2 created" in answer.out
    zones = {job.job_id: job.timezone for job in scheduler.jobs.values()}
    assert zones == {"create-snapshot": "Europe/Amsterdam", "verify-backup": None}
    restored = scheduler.jobs["verify-backup"]
    assert [each.to_dict() for each in restored.dependencies] == [
        {"job_id": "create-snapshot", "dependency_type": "requires", "timeout_seconds": 600}
    ]


def test_the_fields_of_a_backup_of_the_original_are_named(program: Program, file: Path) -> None:
    job = {"job_id": "a", "name": "A", "cron_expression": "0 25 * * *", "task_type": "x"}
    file.write_text(json.dumps({"jobs": [job]}), encoding="utf-8")

    answer = program("config", "restore", f"--input={file}", "--force")

    assert answer.code == 3
    assert "jobs[0].cron_expression: hour 25" in answer.err


def test_the_history_comes_back_on_request(world: World, file: Path) -> None:
    world.apply(NIGHTLY)
    index = Index.of_file(world.layout.index)
    index.connection.execute("INSERT INTO boots VALUES ('b', 'c', 7, 1)")
    index.commit()
    index.close()
    scheduler = Scheduler(world.host)
    scheduler.backup(file, with_history=True)
    world.layout.index.unlink()

    without = scheduler.restore(file, agree=lambda _: True)
    assert without.planned.is_empty
    result = scheduler.restore(file, agree=lambda _: True, with_history=True)

    assert result.planned.has_history
    with sqlite3.connect(world.layout.index) as connection:
        assert connection.execute("SELECT boot FROM boots").fetchall() == [("b",)]


def test_an_index_that_is_being_written_is_waited_for(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its journal would be taken for one of the new index."""
    monkeypatch.setattr("debvisor_timers.operations.exchange.index_copy.PATIENCE_SECONDS", 0.1)
    world.apply(NIGHTLY)
    scheduler = Scheduler(world.host)
    index = Index.of_file(world.layout.index)
    index.commit()
    index.close()
    scheduler.backup(file, with_history=True)
    before = world.layout.index.read_bytes()

    with closing(sqlite3.connect(world.layout.index, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("PRAGMA user_version = 1")
        with pytest.raises(SystemdError, match="the history was not restored, all else was"):
            scheduler.restore(file, agree=lambda _: True, with_history=True)
        writer.execute("ROLLBACK")

    assert world.layout.index.read_bytes() == before
    assert scheduler.restore(file, agree=lambda _: True, with_history=True).history


def test_the_index_of_before_is_kept_aside(world: World, file: Path) -> None:
    world.apply(NIGHTLY)
    Index.of_file(world.layout.index).commit()
    scheduler = Scheduler(world.host)
    scheduler.backup(file, with_history=True)

    result = scheduler.restore(file, agree=lambda _: True, with_history=True)

    assert result.history is not None
    assert result.history.exists()
    assert not list(world.layout.state.glob(".*restored*"))
