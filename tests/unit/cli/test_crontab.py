# SPDX-License-Identifier: Apache-2.0
"""import crontab, import timer, export crontab: words, files and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.program import Program
from tests.unit.operations.world import World

FINE = "# Tell the time.\n5 4 * * * root date +\\%F\n"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(World(tmp_path), monkeypatch)


@pytest.fixture
def crontab(tmp_path: Path) -> Path:
    path = tmp_path / "saved"
    path.write_text(FINE, encoding="utf-8")
    return path


def test_import_prints_a_job_file(program: Program, crontab: Path) -> None:
    answer = program("import", "crontab", str(crontab))

    assert answer.code == 0
    assert 'command: [/bin/sh, -c, "date +%F"]' in answer.out
    assert "description: Tell the time." in answer.out
    assert "note: cron starts a job again" in answer.err
    assert not list(program.world.layout.jobs.iterdir())


def test_a_line_that_cannot_be_carried_over_ends_with_3(program: Program, crontab: Path) -> None:
    crontab.write_text(FINE + "0 22-6 * * * root date\n", encoding="utf-8")

    answer = program("import", "crontab", str(crontab))

    assert answer.code == 3
    assert f"{crontab}:3:3: error: '22-6' is no hour of cron's" in answer.err
    assert "saved-date:" in answer.out


def test_write_says_what_it_has_written(program: Program, crontab: Path) -> None:
    target = program.world.layout.jobs / "crontab-saved.yaml"

    first = program("import", "crontab", str(crontab), "--write")
    second = program("import", "crontab", str(crontab), "--write")
    target.write_text("jobs: {}\n", encoding="utf-8")
    third = program("import", "crontab", str(crontab), "--write")

    assert first.out == f"{target}: 1 job of {crontab}, written\n"
    assert second.out == f"{target}: 1 job of {crontab}, unchanged\n"
    assert "left alone: somebody has edited it" in third.out
    assert (first.code, second.code, third.code) == (0, 0, 4)
    assert target.stat().st_mode & 0o777 == 0o640


def test_nothing_is_disabled_that_is_not_applied(program: Program, crontab: Path) -> None:
    program("import", "crontab", str(crontab), "--write")

    answer = program("import", "crontab", str(crontab), "--disable-original")

    assert answer.code == 4
    assert "nothing was disabled: crontab-saved.yaml is not applied" in answer.err
    assert crontab.read_text(encoding="utf-8") == FINE


def test_what_is_applied_is_disabled(program: Program, crontab: Path) -> None:
    program("import", "crontab", str(crontab), "--write")
    program("apply", "--yes")

    answer = program("import", "crontab", str(crontab), "--disable-original")

    assert answer.code == 0
    assert answer.out.startswith(f"{crontab}: 1 line commented out; as it was: ")
    assert f"Debian's cron does not read {crontab}: if it is a copy" in answer.err
    assert crontab.read_text(encoding="utf-8").split("\n")[1].startswith("#debvisor-timers has")
    assert "import" in program("audit", "--verb", "import").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("/nowhere",), 2, "cannot read /nowhere"),
        (("--write", "--disable-original"), 2, "nothing is applied in between"),
        (("--system", "--user", "x"), 2, "both --system and --user"),
        (("--user", "../x"), 2, "is no name of a user"),
    ],
)
def test_wrong_words_change_nothing(
    program: Program, arguments: tuple[str, ...], code: int, words: str
) -> None:
    answer = program("import", "crontab", *arguments)

    assert answer.code == code
    assert words in answer.err
    assert answer.out == ""


def test_json_has_files_and_problems(program: Program, crontab: Path) -> None:
    document = program("import", "crontab", str(crontab), "--json").json

    assert document["files"][0]["jobs"] == [
        {"job_id": "saved-date", "file": str(crontab), "line": 2}
    ]
    assert document["problems"] == []


def test_export_prints_what_cron_can_run(program: Program) -> None:
    program.world.write(
        "jobs:\n  a: {schedule: '0 2 * * *', command: [/bin/true], timeout: infinity}\n"
        "  b: {schedule: {on_calendar: daily}, command: [/bin/true]}\n"
    )

    answer = program("export", "crontab")

    assert answer.code == 3
    assert "\n0 2 * * * root cd / && /bin/true\n" in answer.out
    assert "\n# not exported: schedule.on_calendar: not a cron expression\n" in answer.out
    assert "1 job not exported" in answer.err
    assert program("export", "crontab", "a").code == 0
    assert program("export", "crontab", "c").code == 2


def test_import_timer_prints_a_job_file(program: Program) -> None:
    program.world.systemd.ship("x.timer", "[Timer]\nOnCalendar=daily\nOnActiveSec=5\n")
    program.world.systemd.ship("x.service", "[Service]\nExecStart=/bin/true\n")

    answer = program("import", "timer", "x")

    assert answer.code == 3
    assert "  x:\n    schedule: {on_calendar: daily}\n" in answer.out
    assert "note: left out: [Timer] OnActiveSec=: it would start the job" in answer.err
