# SPDX-License-Identifier: Apache-2.0
"""holding: which runs begin skips since somebody holds them back."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.runtime import begin, holding

TIMER = "debvisor-job-backup.timer"
BOOT = "debvisor-boot-backup.timer"
PATH = "debvisor-path-backup.path"


class Host:
    """A host with a job `backup` and what is held back on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        (folder / "units").mkdir()

    def says(self, *lines: str) -> None:
        """Let the service of the job say these lines."""
        text = "\n".join(["[Service]", *lines, ""])
        (self.folder / "units/debvisor-job-backup.service").write_text(text, encoding="utf-8")

    def mark(self, name: str, said: object) -> Path:
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said if isinstance(said, str) else json.dumps(said), encoding="utf-8")
        return path

    def request(self, **said: object) -> None:
        folder = self.folder / "run/requests"
        folder.mkdir(parents=True, exist_ok=True)
        usec = time.time_ns() // 1000
        who = {"uid": 0, "user": "anna", "login_uid": None, "requested_usec": usec}
        (folder / "backup.json").write_text(json.dumps(who | said), encoding="utf-8")

    def begin(self, unit: str = TIMER) -> dict[str, str]:
        environ = {"INVOCATION_ID": "0123"} | ({"TRIGGER_UNIT": unit} if unit else {})
        places = {name: f"{self.folder}/{name}" for name in ("state", "units")}
        places |= {"runtime": f"{self.folder}/run", "manager": f"{self.folder}/private"}
        return begin.begin("backup", environ, places)

    def skipped(self, unit: str = TIMER) -> str:
        """Return why a run that this unit starts is skipped, empty for one that is not."""
        return self.begin(unit).get("DEBVISOR_SKIPPED", "")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(begin, "PATH_SECONDS", 0.0)
    return Host(tmp_path)


def at(**distance: float) -> str:
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()


def pause(**said: object) -> dict[str, object]:
    return {"since": at(hours=-1), "until": None, "by": "anna", "reason": ""} | said


@pytest.mark.parametrize("unit", [TIMER, BOOT, PATH])
def test_a_pause_skips_what_a_schedule_a_boot_or_a_path_starts(host: Host, unit: str) -> None:
    host.mark("paused/backup", pause(reason="disk is replaced"))
    assert host.skipped(unit) == "paused by anna: disk is replaced"


@pytest.mark.parametrize("trigger", ["chain", "dependency"])
def test_a_pause_skips_what_another_job_starts(host: Host, trigger: str) -> None:
    host.mark("paused/backup", pause())
    host.request(trigger=trigger, runs=["other:1"])
    assert host.skipped("") == "paused by anna"


@pytest.mark.parametrize(
    "said", [{}, {"retry_of": "r1"}, {"scheduled_usec": "1795399200000000"}], ids=str
)
def test_who_starts_a_paused_job_by_hand_means_it(host: Host, said: dict[str, object]) -> None:
    host.mark("paused/backup", pause())
    host.mark("maintenance.json", pause())
    host.mark("skip_next/backup", {"left": 1, "of": 1})
    host.request(**said)
    assert host.skipped("") == ""
    assert host.skipped("") == ""  # as systemctl start does, without a request


def test_a_pause_is_over_by_itself_though_nobody_took_it_away(host: Host) -> None:
    path = host.mark("paused/backup", pause(until=at(seconds=-1)))
    assert host.skipped() == ""
    assert path.exists()
    host.mark("paused/backup", pause(until=at(minutes=1)))
    assert host.skipped() == "paused by anna"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "paused"), ("until the disk is new\nalice\n", "paused: until the disk is new")],
)
def test_a_mark_that_is_no_json_has_no_end(host: Host, text: str, reason: str) -> None:
    host.mark("paused/backup", text)
    assert host.skipped() == reason


@pytest.mark.parametrize("said", ['{"until": ', '{"until": "soon"}', '{"until": 17}'])
def test_a_mark_that_makes_no_sense_fails_the_run(host: Host, said: str) -> None:
    host.mark("paused/backup", said)
    with pytest.raises(ValueError, match=r"no sense|is no time"):
        host.begin()


def test_a_pause_of_another_job_holds_nothing_back(host: Host) -> None:
    host.mark("paused/other", pause())
    assert host.skipped() == ""


def test_maintenance_skips_schedules_and_boots(host: Host) -> None:
    host.mark("maintenance.json", pause(reason="new\n kernel"))
    assert host.skipped(TIMER) == "maintenance: new kernel"
    assert host.skipped(BOOT) == "maintenance: new kernel"


def test_maintenance_loses_no_event_of_a_path_and_no_step(host: Host) -> None:
    host.mark("maintenance.json", pause())
    assert host.skipped(PATH) == ""
    host.request(trigger="dependency", runs=["other:1"])
    assert host.skipped("") == ""


def test_a_pause_comes_before_maintenance(host: Host) -> None:
    host.mark("paused/backup", pause())
    host.mark("maintenance.json", pause())
    assert host.skipped() == "paused by anna"
    host.mark("paused/backup", pause(until=at(hours=-1)))
    host.mark("maintenance.json", pause(until=at(hours=-1)))
    assert host.skipped() == ""


def test_runs_to_be_skipped_are_counted_off(host: Host) -> None:
    path = host.mark("skip_next/backup", {"left": 2, "of": 2, "by": "anna"})
    assert host.skipped() == "on request, 1 of 2"
    assert json.loads(path.read_text()) == {"left": 1, "of": 2, "by": "anna"}
    assert host.skipped() == "on request, 2 of 2"
    assert not path.exists()
    assert host.skipped() == ""


def test_what_is_skipped_anyway_is_not_counted_off(host: Host) -> None:
    path = host.mark("skip_next/backup", {"left": 1, "of": 1})
    marked = path.read_text()
    host.mark("paused/backup", pause())
    assert host.skipped() == "paused by anna"
    (host.state / "paused/backup").unlink()
    assert host.skipped(BOOT) == ""
    assert host.skipped(PATH) == ""
    assert path.read_text() == marked
    assert host.skipped() == "on request, 1 of 1"


def test_a_job_with_other_questions_is_asked_for_them_first(host: Host) -> None:
    host.mark("skip_next/backup", {"left": 2, "of": 2})
    run = begin.Run(
        "backup",
        {"DEBVISOR_TRIGGER": "timer", "DEBVISOR_START_USEC": str(time.time_ns() // 1000)},
        {
            "runtime": f"{host.folder}/run",
            "state": str(host.state),
            "units": f"{host.folder}/units",
            "manager": "",
        },
    )
    gate = begin.beside("gate")
    run.service = {("[Service]", "X-WhereHost"): ["no-such-host"]}
    assert gate.reason_not_to_run(run).startswith("this host is ")
    run.service = {}
    assert gate.reason_not_to_run(run) == "on request, 1 of 2"


@pytest.mark.parametrize("said", ["{}", '{"left": "2", "of": 2}', "{"])
def test_a_count_that_makes_no_sense_fails_the_run(host: Host, said: str) -> None:
    host.mark("skip_next/backup", said)
    with pytest.raises(ValueError, match="makes no sense"):
        host.begin()


def test_nothing_of_it_is_loaded_where_nothing_is_held_back(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise FileNotFoundError(name)

    monkeypatch.setattr(begin, "beside", missing)
    assert host.skipped() == ""


def test_those_who_run_a_job_by_hand_are_known_by_their_triggers() -> None:
    assert {"manual", "retry", "backfill"} == holding.BY_HAND
