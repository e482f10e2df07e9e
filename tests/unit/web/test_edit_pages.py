# SPDX-License-Identifier: Apache-2.0
"""Creating and editing a job on pages: what is said of a draft, plan, apply, trial, conflicts."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from debvisor_timers.jobs.edit import parse_jobs
from debvisor_timers.web import fields
from tests.unit.operations.world import TWO
from tests.unit.web.served import DirectBackend, Served

EDIT = "/jobs/nightly/edit"
NEW = 'jobs:\n  fresh:\n    schedule: "5 4 * * *"\n    command: [/bin/true]\n'
LATER = TWO.replace("0 2 * * *", "30 1 * * *")


@pytest.fixture
def served(served: Served) -> Served:
    allow(served, "{raw_commands: true, users: [root]}")
    served.world.apply(TWO)
    return served


def allow(served: Served, policy: str) -> None:
    path = served.world.layout.config / "config.yaml"
    path.write_text(f"policy: {policy}\n", encoding="utf-8")


def post(served: Served, address: str, *, role: str = "editor", **fields: str) -> Response:
    return served.as_role(role).post(address, data=fields)


def base_of(served: Served) -> str:
    text = served.as_role("editor").get(EDIT).text
    found = re.search(r'name="base" value="([0-9a-f]{64})"', text)
    assert found is not None
    return found[1]


def yaml(served: Served, name: str = "a.yaml") -> str:
    return (served.world.layout.jobs / name).read_text(encoding="utf-8")


def shown_text(answer: Response) -> str:
    found = re.search(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_the_page_has_the_form_and_the_text_of_the_job(served: Served) -> None:
    answer = served.as_role("editor").get(EDIT)

    assert answer.status_code == 200
    assert shown_text(answer) == TWO
    assert 'name="f-cron" value="0 2 * * *"' in answer.text
    assert "every day at 02:00" in answer.text


@pytest.mark.parametrize("address", [EDIT, "/new"])
def test_who_may_not_edit_sees_no_form(served: Served, address: str) -> None:
    for role in ("viewer", "operator"):
        assert served.as_role(role).get(address).status_code == 403
        assert post(served, address, role=role, text=TWO, view="yaml").status_code == 403
    assert post(served, "/draft", role="operator", text=TWO).status_code == 403
    assert yaml(served) == TWO


def test_a_draft_of_the_form_changes_the_text_and_is_checked(served: Served) -> None:
    fields = {"job": "nightly", "text": TWO, "view": "form", "f-cron": "0 25 * * *"}
    said = post(served, "/draft", **fields).json()

    assert said["text"] == TWO.replace("0 2", "0 25")
    assert [(one["line"], one["column"], one["message"]) for one in said["problems"]] == [
        (3, 25, "hour 25 is outside 0-23")
    ]


def test_what_the_policy_forbids_is_said_as_one_types(served: Served) -> None:
    allow(served, "{task_types: [vm_*]}")

    said = post(served, "/draft", job="nightly", text=LATER, view="yaml").json()

    assert [(one["line"], one["key"], one["message"]) for one in said["problems"]] == [
        (4, "command", "the policy of this host does not allow it: only tasks are allowed")
    ]


def test_a_new_job_begins_as_what_the_policy_allows(served: Served) -> None:
    allow(served, "{}")

    text = shown_text(served.as_role("editor").get("/new"))

    assert "command" not in text
    assert "task: {type: " in text


def test_the_parameters_of_a_task_are_told(served: Served) -> None:
    text = "jobs:\n  nightly:\n    task: {type: vm_snapshot, config: {vm_id: vm-1}}\n"

    task = post(served, "/draft", job="nightly", text=text, view="yaml").json()["task"]

    assert task["type"] == "vm_snapshot"
    assert "vm_id" in {name for name, _kind, _words in task["parameters"]}


def test_a_draft_of_the_text_changes_the_form(served: Served) -> None:
    said = post(served, "/draft", job="nightly", text=LATER, view="yaml").json()

    assert said["fields"]["cron"] == "30 1 * * *"
    assert said["problems"] == []
    assert said["schedule"] == "every day at 01:30"
    assert [run["words"] for run in said["runs"]][:2] == [
        "Tue 2026-11-24 01:30:00",
        "Wed 2026-11-25 01:30:00",
    ]


def test_a_value_that_makes_no_sense_is_said_and_kept_in_its_field(served: Served) -> None:
    fields = {"text": TWO, "base": base_of(served), "f-command": "/bin/sh 'open"}
    answer = post(served, EDIT, **fields)

    assert answer.status_code == 422
    assert "the command cannot be read" in html.unescape(answer.text).lower()
    assert "/bin/sh &#39;open" in answer.text


def test_a_plan_shows_what_would_change_and_writes_nothing(served: Served) -> None:
    answer = post(
        served, EDIT, text=TWO, base=base_of(served), step="plan", **{"f-cron": "30 1 * * *"}
    )

    assert answer.status_code == 200
    assert "Update nightly: next start" in answer.text
    assert "OnCalendar=*-*-* 01:30:00" in answer.text
    assert shown_text(answer) == LATER
    assert yaml(served) == TWO


def test_a_wrong_text_comes_back_with_its_problems(served: Served) -> None:
    wrong = TWO.replace("0 2", "0 25")
    answer = post(served, EDIT, text=wrong, view="yaml", base=base_of(served), step="apply")

    assert answer.status_code == 422
    assert "hour 25 is outside 0-23" in answer.text
    assert shown_text(answer) == wrong
    assert yaml(served) == TWO


def test_an_edit_is_applied_for_the_one_who_asked(served: Served) -> None:
    answer = post(served, EDIT, text=LATER, view="yaml", base=base_of(served), step="apply")

    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/nightly?done=update")
    assert yaml(served) == LATER
    timer = served.world.systemd.manager.timer("debvisor-job-nightly.timer")
    assert f"{timer.next_elapse:%H:%M}" == "01:30"


def test_a_file_that_was_changed_meanwhile_is_not_lost(served: Served) -> None:
    base = base_of(served)
    theirs = TWO + "# theirs\n"
    served.world.write(theirs)

    answer = post(served, EDIT, text=LATER, view="yaml", base=base, step="apply")

    assert answer.status_code == 409
    assert "changed by somebody else" in answer.text
    assert shown_text(answer) == LATER
    assert yaml(served) == theirs


def test_a_trial_is_shown_with_its_time_and_kept(served: Served) -> None:
    answer = post(
        served, EDIT, text=LATER, view="yaml", base=base_of(served), step="try", seconds="120"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/trial?job=nightly")
    viewer = served.as_role("viewer")
    assert viewer.get("/trial/state").json() == {"trying": True, "left_seconds": 120.0}
    shown = viewer.get("/trial?job=nightly").text
    assert "2:00" in shown
    assert "Keep it" not in shown
    assert "A change is on trial" in viewer.get("/graph").text

    answer = post(served, "/trial/confirm", job="nightly")

    assert answer.headers["location"] == "/jobs/nightly?done=confirm"
    assert viewer.get("/trial/state").json() == {"trying": False, "left_seconds": None}
    assert yaml(served) == LATER
    assert "A change is on trial" not in viewer.get("/graph").text


def test_a_trial_can_be_taken_back(served: Served) -> None:
    post(served, EDIT, text=LATER, view="yaml", base=base_of(served), step="try")

    assert post(served, "/trial/undo", role="operator").status_code == 403
    assert post(served, "/trial/undo").status_code == 303

    assert yaml(served) == TWO
    assert "Nothing is on trial" in served.as_role("viewer").get("/trial").text


def test_a_trial_that_nobody_keeps_is_over(served: Served) -> None:
    post(served, EDIT, text=LATER, view="yaml", base=base_of(served), step="try", seconds="120")
    served.world.systemd.advance(timedelta(minutes=3))

    assert served.world.ran() == ["debvisor-timers-undo-try.service"]


def test_a_job_is_created_from_the_form(served: Served) -> None:
    text = shown_text(served.as_role("editor").get("/new"))
    fields = {"f-id": "fresh", "f-cron": "5 4 * * *", "f-command": "/bin/true", "step": "apply"}

    answer = post(served, "/new", text=text, view="form", **fields)

    assert answer.headers["location"] == "/jobs/fresh?done=create"
    assert yaml(served, "fresh.yaml") == NEW


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (NEW.replace("fresh", "nightly"), 409, "is there already"),
        (NEW.replace("fresh", "Not an id"), 400, "not a job id"),
        (NEW + "  two: {command: [/bin/true]}\n", 422, "second job"),
        ("", 422, ""),
    ],
)
def test_a_new_job_that_cannot_be(served: Served, text: str, status: int, words: str) -> None:
    answer = post(served, "/new", text=text, view="yaml", step="apply")

    assert answer.status_code == status
    assert words in html.unescape(answer.text)
    assert [path.name for path in served.world.layout.jobs.iterdir()] == ["a.yaml"]


def test_a_job_is_deleted_once_its_id_is_written(served: Served) -> None:
    assert post(served, "/jobs/nightly/delete", sure="yes").status_code == 409
    assert yaml(served) == TWO

    answer = post(served, "/jobs/nightly/delete", sure="nightly")

    assert answer.headers["location"] == "/?done=delete"
    assert "nightly" not in yaml(served)


@pytest.mark.parametrize("way", ["the name of the file", "the job", "the id in the text"])
def test_a_draft_is_written_nowhere_but_into_its_own_folder(
    served: Served, tmp_path: Path, way: str
) -> None:
    foreign = tmp_path / "foreign.yaml"
    foreign.write_text("before", encoding="utf-8")
    outside = str(foreign.with_suffix(""))
    fields = {"text": NEW, "view": "yaml"}
    if way == "the name of the file":
        answer = post(served, "/draft", **fields, job="fresh", name=str(foreign))
    elif way == "the job":
        answer = post(served, "/draft", **fields, job=outside)
    else:
        text = NEW.replace("fresh", f'"{outside}"')
        answer = post(served, "/new", text=text, view="yaml", step="edit")

    assert foreign.read_text(encoding="utf-8") == "before"
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "a" * 300])
def test_a_draft_of_an_odd_name_is_checked_all_the_same(served: Served, name: str) -> None:
    answer = post(served, "/draft", text=NEW, view="yaml", job="fresh", name=name)

    assert answer.status_code == 200
    assert answer.json()["schedule"] == "every day at 04:05"


def test_what_an_editor_has_sent_is_read_by_a_worker(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[bool] = []
    reads, parse = DirectBackend.read, parse_jobs

    async def read(backend: DirectBackend, *args: Any, **kwargs: Any) -> Any:
        workers.append(True)
        try:
            return await reads(backend, *args, **kwargs)
        finally:
            workers.pop()

    def parsed(*args: Any) -> Any:
        assert workers, "to read a text of a megabyte keeps all others waiting"
        return parse(*args)

    monkeypatch.setattr(DirectBackend, "read", read)
    monkeypatch.setattr(fields, "parse_jobs", parsed)

    assert post(served, "/draft", text=TWO, job="nightly").status_code == 200
    assert post(served, EDIT, text=TWO, step="edit").status_code == 200
    assert post(served, "/new", text="jobs: [", step="edit").status_code == 422
    assert served.as_role("editor").get(EDIT).status_code == 200
