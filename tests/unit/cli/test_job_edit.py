# SPDX-License-Identifier: Apache-2.0
"""job create, update, delete, enable, disable, edit: from their arguments to the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.operations.applying.plan import make_plan
from tests.unit.cli.program import Answer, Program
from tests.unit.operations.world import NIGHTLY, TWO, World

BACKUP = (
    "job",
    "create",
    "--name",
    "Daily Backup",
    "--cron",
    "0 2 * * *",
    "--command",
    "/bin/true",
)


@pytest.fixture(autouse=True)
def _drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let drafts lie in the folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def file(world: World, name: str = "a.yaml") -> str:
    return (world.layout.jobs / name).read_text(encoding="utf-8")


def names(world: World) -> list[str]:
    return sorted(path.name for path in world.layout.jobs.iterdir())


# --- create --------------------------------------------------------------------------------------


def test_create_writes_applies_and_says_the_id(program: Program) -> None:
    answer = program(
        *("job", "create", "--name=Snapshot Job", "--cron=0 * * * *", "--priority=high"),
        *("--command=/bin/echo backup '/srv/my files'", "--owner=admin", "--timeout=1800"),
        *("--tag=environment", "production", "--tag=team=infrastructure", "--tag", "site", "ams1"),
        *("--depends-on", "nightly", "--retries=3", "--retry-delay=60s", "--timezone=UTC"),
        *("--description", "Crash-consistent.", "--environment", "A=b=c", "--enabled=false"),
        *("--set=resources.memory_max=1G", "--set=notify={}", "--user=backup"),
    )
    assert answer.code == 3, "nightly is not there"
    program.world.apply(NIGHTLY)

    answer = program(
        *("job", "create", "--name=Snapshot Job", "--cron=0 * * * *", "--priority=high"),
        *("--command=/bin/echo backup '/srv/my files'", "--owner=admin", "--timeout=1800"),
        *("--tag=environment", "production", "--tag=team=infrastructure", "--tag", "site", "ams1"),
        *("--depends-on", "nightly", "--retries=3", "--retry-delay=60s", "--timezone=UTC"),
        *("--description", "Crash-consistent.", "--environment", "A=b=c", "--enabled"),
        *("--set=resources.memory_max=1G", "--user=backup"),
    )

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (
        "Created job: snapshot-job\nnext start of snapshot-job: Mon 2026-11-23 14:00:00 CET\n"
    )
    assert (
        file(program.world, "snapshot-job.yaml")
        == """\
jobs:
  snapshot-job:
    name: Snapshot Job
    description: Crash-consistent.
    schedule: {cron: "0 * * * *", timezone: UTC}
    command: [/bin/echo, backup, /srv/my files]
    owner: admin
    priority: high
    timeout: 1800
    retries: {max: 3, delay: 60s}
    depends_on: [nightly]
    user: backup
    environment: {A: b=c}
    resources: {memory_max: 1G}
    tags: {environment: production, team: infrastructure, site: ams1}
    enabled: true
"""
    )
    assert make_plan(program.world.host).is_empty


def test_create_takes_both_forms_of_each_option(program: Program) -> None:
    assert program(*BACKUP).code == 0
    first = file(program.world, "daily-backup.yaml")

    answer = program(
        *("job", "create", "--name=Daily Backup", "--cron=0 2 * * *", "--command=/bin/true")
    )

    assert answer.out.startswith("Created job: daily-backup-2\n")
    assert file(program.world, "daily-backup-2.yaml") == first.replace("backup:", "backup-2:")


def test_create_writes_a_task(program: Program) -> None:
    answer = program(
        *("job", "create", "--name=Daily Backup", "--cron=0 2 * * *", "--task-type=take_snapshot"),
        *("--task-config", '{"vm_id": "vm-123", "retention_days": 7, "x": [true, null, 1.5]}'),
    )

    assert answer.out.startswith("Created job: daily-backup\n")
    assert "No handler for task type: take_snapshot" in answer.err
    assert (
        file(program.world, "daily-backup.yaml")
        == """\
jobs:
  daily-backup:
    name: Daily Backup
    schedule: "0 2 * * *"
    task:
      type: take_snapshot
      config: {vm_id: vm-123, retention_days: 7, x: [true, null, 1.5]}
"""
    )


def test_update_changes_the_settings_of_a_task(program: Program) -> None:
    program(
        *("job", "create", "--id=a", "--task-type=take_snapshot", "--task-config", '{"vm_id": "a"}')
    )

    assert program("job", "update", "a", '--task-config={"vm_id": "b", "size": 2}').code == 0
    assert "    task: {type: take_snapshot, config: {vm_id: b, size: 2}}\n" in file(
        program.world, "a.yaml"
    )

    assert program("job", "update", "a", "--command=/bin/true").code == 0
    assert file(program.world, "a.yaml") == "jobs:\n  a:\n    command: [/bin/true]\n"


def test_create_as_json(program: Program) -> None:
    document = program(*BACKUP, "--id=f8a2d3c4", "--format=json").json

    assert document["jobs"] == ["f8a2d3c4"]
    assert (document["applied"], document["generation"]) == (True, 1)
    assert document["changes"] == [
        {
            "job": "f8a2d3c4",
            "change": "create",
            "next_before": None,
            "next_after": "2026-11-24T03:00:00+01:00",
        }
    ]
    assert document["pending"] == {"jobs": [], "settings": [], "errors": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name=x", "--cron=@daily"), "the job has no program"),
        (("--cron=@daily", "--script=x"), "the job has no name"),
        (("--name=x", "--script=x", "--command=/bin/x"), "more than one of --command"),
        (("--name=x", "--command='/bin/x"), "--command: No closing quotation"),
        (("--name=x", "--command="), "--command is empty"),
        (("--name=x", "--task-type=t", "--task-config={"), "--task-config is not JSON"),
        (("--name=x", "--task-type=t", "--task-config=[]"), "--task-config is not a mapping"),
        (("--name=x", "--script=x", "--tag=a"), "--tag: 'a' has no value"),
        (("--name=x", "--script=x", "--set=timeout"), "--set: 'timeout' has no value"),
        (
            ("--name=x", "--script=x", "--set==1"),
            "--set: '=1' has no name\n fix: write --set NAME=1",
        ),
        (
            ("--name=x", "--script=x", "--tag==a"),
            "--tag: '=a' has no name\n fix: write --tag NAME=a",
        ),
        (("--name=x", "--script=x", "--environment=="), "--environment: '=' has no name"),
        (("--name=x", "--script=x", "--set=tags={"), "--set tags={"),
        (("--name=x", "--script=x", "--set=tags="), "sets nothing"),
        (("--name=x", "--script=x", "--enabled=perhaps"), "perhaps"),
        (("--id=../x", "--script=x"), "'../x' is not a job id"),
        (("--id=../x", "--script=x", "--no-apply"), "'../x' is not a job id"),
        (("--id=", "--script=x"), "'' is not a job id"),
        (("--id=x\0", "--script=x"), "is not a job id"),
    ],
)
def test_create_refuses_what_makes_no_sense(
    program: Program, arguments: tuple[str, ...], said: str
) -> None:
    answer = program("job", "create", *arguments)

    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert names(program.world) == []


def test_a_wrong_value_is_shown_with_its_place_and_nothing_is_written(program: Program) -> None:
    answer = program("job", "create", "--name=x", "--script=x", "--cron=0 25 * * *")

    assert answer.code == 3
    assert "jobs.d/x.yaml:4:" in answer.err
    assert "hour 25" in answer.err
    assert names(program.world) == []


def test_a_diff_shows_file_and_units(program: Program) -> None:
    answer = program(*BACKUP, "--diff", "--dry-run")

    assert "+++ " in answer.out
    assert '+    schedule: "0 2 * * *"\n' in answer.out
    assert "+OnCalendar=*-*-* 02:00:00\n" in answer.out
    assert answer.out.endswith(
        "would create daily-backup: next start Tue 2026-11-24 03:00:00 CET\nnothing was written\n"
    )
    assert names(program.world) == []
    assert program.world.units() == {}


def test_a_file_alone_is_written(program: Program) -> None:
    answer = program(*BACKUP, "--no-apply")

    assert "written, not applied: " in answer.out
    assert names(program.world) == ["daily-backup.yaml"]
    assert program.world.units() == {}


# --- update --------------------------------------------------------------------------------------


def test_update_changes_a_line_each(program: Program) -> None:
    program.world.apply(TWO)

    answer = program(
        *("job", "update", "hourly", "--name=Updated Name", "--enabled=false"),
        *("--priority=3", "--timeout", "7200"),
    )

    assert answer.out == "updated hourly\n"
    assert file(program.world) == TWO.replace(
        '    schedule: "0 * * * *"', '    name: Updated Name\n    schedule: "0 * * * *"'
    ) + ("    priority: critical\n    timeout: 7200\n    enabled: false\n")


def test_update_that_changes_nothing_says_so(program: Program) -> None:
    program.world.apply(TWO)

    answer = program("job", "update", "hourly", "--cron", "0 * * * *")

    assert (answer.code, answer.out) == (0, "hourly is as it should be already\n")
    assert file(program.world) == TWO


def test_update_takes_another_program_in_place_of_the_old_one(program: Program) -> None:
    program.world.apply(TWO)

    assert program("job", "update", "hourly", "--command=/bin/ls '-l'").code == 0

    assert file(program.world) == TWO.replace("script: echo hello", "command: [/bin/ls, -l]")


def test_update_takes_keys_away(program: Program) -> None:
    program.world.apply(TWO + "    tags: {a: b, c: d}\n    timeout: 5min\n")

    answer = program("job", "update", "hourly", "--unset=tags.a", "--unset", "timeout")

    assert answer.code == 0
    assert file(program.world) == TWO + "    tags: {c: d}\n"


def test_update_needs_something_to_change(program: Program) -> None:
    program.world.apply(TWO)

    assert "nothing to change was named" in program("job", "update", "hourly").err
    answer = program("job", "update", "hurly", "--timeout=5")
    assert (answer.code, "did you mean 'hourly'" in answer.err) == (2, True)


def test_what_others_edit_is_named_and_left(program: Program) -> None:
    program.world.apply(TWO)
    program.world.write("jobs:\n  other: {script: x}\n", "b.yaml")
    program.world.write("jobs: {wrong: {shedule: x}}\n", "c.yaml")

    answer = program("job", "update", "hourly", "--timeout=5")

    assert answer.out.startswith("updated hourly\n")
    assert "other edits are left as they are, not applied: other, wrong; see: " in answer.err
    assert "an error in another file is left: " in answer.err
    assert "c.yaml:1:16" in answer.err


def test_a_failure_leaves_the_file_and_is_said(program: Program) -> None:
    program.world.apply(TWO)
    program.world.systemd.steps.fail_on("manager.reload", SystemdError("no bus"))

    answer = program("job", "update", "hourly", "--timeout=5")

    assert answer.code == 5
    assert "it was undone, everything is as it was before" in answer.err
    assert file(program.world) == TWO


def test_ctrl_c_leaves_the_file(program: Program) -> None:
    program.world.apply(TWO)
    program.world.systemd.steps.fail_on("manager.reload", KeyboardInterrupt())

    answer = program("job", "update", "hourly", "--timeout=5")

    assert (answer.code, file(program.world)) == (130, TWO)


def test_changes_are_in_the_audit(program: Program) -> None:
    program(*BACKUP)
    program("job", "update", "daily-backup", "--timeout=5")
    program("job", "disable", "daily-backup")
    program("job", "delete", "daily-backup", "--force")

    told = program("audit", "--json").json

    events = [(one["verb"], one["jobs"]) for one in told]
    assert events == [
        ("delete", ["daily-backup"]),
        ("update", ["daily-backup"]),
        ("update", ["daily-backup"]),
        ("create", ["daily-backup"]),
    ]


# --- delete, enable, disable ---------------------------------------------------------------------


def test_update_takes_away_no_key_that_is_none(program: Program) -> None:
    program.world.apply(TWO)

    answer = program("job", "update", "hourly", "--unset=timout")

    assert answer.code == 2
    assert "there is no key 'timout'; did you mean 'timeout'?" in answer.err
    assert program("job", "update", "hourly", "--unset=retries.mx").code == 2
    assert program("job", "update", "hourly", "--unset=tags.team").code == 0


def test_delete_asks_on_a_terminal(program: Program) -> None:
    program.world.apply(TWO)

    refused = program("job", "delete", "hourly", terminal=True, typed="n\n")
    assert (refused.code, file(program.world)) == (4, TWO)

    answer = program("job", "delete", "hourly", terminal=True, typed="y\n")
    assert "deleted hourly" in answer.out
    assert file(program.world) == NIGHTLY


def test_delete_without_a_terminal_needs_force(program: Program) -> None:
    program.world.apply(TWO)

    refused = program("job", "delete", "hourly")
    assert (refused.code, "--force" in refused.err) == (4, True)
    assert file(program.world) == TWO

    answer = program("job", "delete", "hourly", "--force")
    assert (answer.code, answer.out) == (0, "deleted hourly\n")


def test_delete_takes_no_beginning_of_an_id(program: Program) -> None:
    program.world.apply(TWO)

    answer = program("job", "delete", "hour", "--force")

    assert (answer.code, "did you mean 'hourly'" in answer.err) == (2, True)
    assert file(program.world) == TWO


def test_delete_of_no_job_asks_nothing(program: Program) -> None:
    program.world.apply(TWO)

    answer = program("job", "delete", "hurly", terminal=True)

    assert (answer.code, "did you mean 'hourly'" in answer.err) == (2, True)


def test_disable_and_enable_change_one_line(program: Program) -> None:
    program.world.apply(TWO)

    assert program("job", "disable", "hourly").out == "disabled hourly\n"
    assert file(program.world) == TWO + "    enabled: false\n"
    assert "debvisor-job-hourly.timer" not in program.world.running()
    assert program("job", "disable", "hourly").out == "hourly is disabled already\n"

    answer = program("job", "enable", "hourly")
    assert answer.out.splitlines()[0] == "enabled hourly"
    assert file(program.world) == TWO + "    enabled: true\n"
    assert program("job", "enable", "nightly").out == "nightly is enabled already\n"
    assert file(program.world) == TWO + "    enabled: true\n"


# --- edit ----------------------------------------------------------------------------------------


def edit(program: Program, folder: Path, *scripts: str, job: str = "hourly") -> Answer:
    """Run `job edit` with an editor that runs one script each time that it is opened."""
    for number, script in enumerate(scripts):
        (folder / f"script-{number}").write_text(script)
    editor = folder / "editor"
    editor.write_text(
        f'#!/bin/sh\ncd {folder}\nnumber=$(ls seen-* 2>/dev/null | wc -l)\ncp "$1" seen-$number\n'
        ". ./script-$number\n"
    )
    editor.chmod(0o755)
    environment = {"VISUAL": str(editor), "EDITOR": "/bin/false"}
    return program("job", "edit", job, environment=environment)


def test_edit_applies_what_was_written(program: Program, tmp_path: Path) -> None:
    program.world.apply(TWO)

    answer = edit(program, tmp_path, 's=0; sed -i "s/hello/bye/" "$1"')

    assert (answer.code, answer.out.splitlines()[0]) == (0, "updated hourly")
    assert file(program.world) == TWO.replace("hello", "bye")
    assert make_plan(program.world.host).is_empty
    assert not list(tmp_path.glob("debvisor-job-*"))


def test_edit_comes_back_with_what_is_wrong(program: Program, tmp_path: Path) -> None:
    program.world.apply(TWO)

    answer = edit(
        program,
        tmp_path,
        'sed -i "s/0 \\* \\* \\* \\*/0 25 * * */" "$1"',
        'sed -i "s/0 25/0 5/" "$1"',
    )

    assert answer.code == 0, answer.err
    assert file(program.world) == TWO.replace("0 * * * *", "0 5 * * *")
    lines = (tmp_path / "seen-1").read_text().splitlines()
    assert lines[5].startswith("#! error: hour 25 is outside 0-23")
    assert lines[-2] == '    schedule: "0 25 * * *"'


def test_edit_is_given_up_by_leaving_the_marks(program: Program, tmp_path: Path) -> None:
    program.world.apply(TWO)

    answer = edit(program, tmp_path, 'echo "  - [" >> "$1"', "true")

    assert answer.code == 3
    assert "nothing was changed; what you wrote is kept in " in answer.err
    (kept,) = tmp_path.glob("debvisor-job-*/a.yaml")
    assert kept.read_text() == TWO + "  - [\n"
    assert file(program.world) == TWO


@pytest.mark.parametrize("script", ["true", ': > "$1"'])
def test_edit_without_a_change_does_nothing(program: Program, tmp_path: Path, script: str) -> None:
    program.world.apply(TWO)

    answer = edit(program, tmp_path, script)

    assert (answer.code, answer.out) == (0, "nothing was changed\n")
    assert file(program.world) == TWO
    assert not list(tmp_path.glob("debvisor-job-*"))


def test_edit_mends_a_file_that_is_wrong(program: Program, tmp_path: Path) -> None:
    program.world.apply(TWO)
    program.world.write(TWO + "  - [\n")

    answer = edit(program, tmp_path, "sed -i '/- \\[/d; s/hello/bye/' \"$1\"")

    assert answer.code == 0, answer.err
    assert file(program.world) == TWO.replace("hello", "bye")
    assert make_plan(program.world.host).is_empty


def test_an_editor_that_fails_changes_nothing(program: Program, tmp_path: Path) -> None:
    program.world.apply(TWO)

    answer = edit(program, tmp_path, 'sed -i "s/hello/bye/" "$1"; exit 1')

    assert answer.code != 0
    assert file(program.world) == TWO


def test_edit_does_not_overwrite_what_somebody_saved_meanwhile(
    program: Program, tmp_path: Path
) -> None:
    program.world.apply(TWO)
    path = program.world.layout.jobs / "a.yaml"

    answer = edit(program, tmp_path, f'echo "# mine" >> "$1"; echo "# yours" >> {path}')

    assert (answer.code, file(program.world)) == (4, TWO + "# yours\n")
    assert "changed by somebody else meanwhile" in answer.err
    assert "what you wrote is kept in" in answer.err


def test_edit_of_the_last_file_that_is_right_names_other_edits(
    program: Program, tmp_path: Path
) -> None:
    program.world.apply(TWO)

    answer = edit(program, tmp_path, 'sed -i "s/hello/bye/; s/0 2 /0 3 /" "$1"')

    assert "not applied: nightly" in answer.err
    assert make_plan(program.world.host).updated == ("nightly",)
