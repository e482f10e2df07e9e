# SPDX-License-Identifier: Apache-2.0
"""The host as a whole, over HTTP."""

from __future__ import annotations

import pytest

from tests.unit.operations.world import TWO
from tests.unit.web.served import Served

CONFIG = """\
pools: {disk: 2}
channels:
  team: {webhook: {url: "https://chat.example.org/hooks/very-secret"}}
  phone: {ntfy: {url: "https://ntfy.example.org/my-topic"}}
"""


def test_the_configuration_has_no_address_that_one_could_send_to(served: Served) -> None:
    (served.world.layout.config / "config.yaml").write_text(CONFIG)

    data = served.as_role("viewer").get("/api/v1/config").json()["data"]

    assert data["problems"] == []
    assert data["pools"] == {"disk": 2}
    assert data["channels"]["team"] == {"webhook": {"url": "https://chat.example.org/[redacted]"}}
    assert data["channels"]["phone"] == {"ntfy": {"url": "https://ntfy.example.org/[redacted]"}}


def test_a_plan_shows_what_an_apply_would_change_and_apply_does_it(served: Served) -> None:
    served.world.apply(TWO)
    served.world.write(TWO.replace("echo hello", "echo other"))
    editor = served.as_role("editor")

    plan = editor.get("/api/v1/plan?diff=true").json()["data"]
    applied = editor.post("/api/v1/apply").json()["data"]

    (job,) = plan["jobs"]
    assert (job["job"], job["change"]) == ("hourly", "update")
    assert any("+" in line for line in job["diff"])
    assert (applied["updated"], applied["unchanged"]) == (1, 1)


def test_an_apply_removes_jobs_only_where_that_is_said(served: Served) -> None:
    served.world.apply(TWO)
    served.world.write("jobs:\n  nightly: {schedule: '0 2 * * *', command: [/bin/true]}\n")
    editor = served.as_role("editor")

    refused = editor.post("/api/v1/apply")
    done = editor.post("/api/v1/apply", json={"remove": True})

    assert refused.status_code == 409
    assert done.json()["data"]["removed"] == 1


def test_an_apply_on_another_generation_is_refused(served: Served) -> None:
    served.world.apply(TWO)

    answer = served.as_role("editor").post("/api/v1/apply", json={"expect_generation": 7})

    assert answer.status_code == 409


def test_the_audit_comes_page_by_page_and_names_the_token(served: Served) -> None:
    served.world.apply(TWO)
    operator = served.as_role("operator")
    for _ in range(3):
        operator.post("/api/v1/jobs/nightly/pause")
        operator.post("/api/v1/jobs/nightly/resume")

    first = operator.get("/api/v1/audit?limit=4&verb=pause").json()["data"]
    pages = operator.get("/api/v1/audit?limit=4").json()["data"]
    second = operator.get(pages["next"]).json()["data"]

    assert [entry["verb"] for entry in first["entries"]] == ["pause"] * 3
    assert {entry["token"] for entry in first["entries"]} == {"a-operator"}
    numbers = [entry["number"] for page in (pages, second) for entry in page["entries"]]
    assert numbers == [6, 5, 4, 3, 2, 1]


def test_jobs_are_held_back_by_tag_and_let_go(served: Served) -> None:
    served.world.apply(TWO.replace("script: echo hello", "script: echo hello\n    tags: {a: b}"))
    operator = served.as_role("operator")

    paused = operator.post("/api/v1/pause", json={"tags": {"a": "b"}, "reason": "work"})
    job = operator.get("/api/v1/jobs/hourly").json()["data"]
    resumed = operator.post("/api/v1/resume", json={"all": True})

    assert [each["job"] for each in paused.json()["data"]["paused"]] == ["hourly"]
    assert job["paused"]["reason"] == "work"
    assert resumed.json()["data"]["resumed"] == ["hourly"]


@pytest.mark.parametrize(("role", "status"), [("editor", 403), ("admin", 200)])
def test_maintenance_of_the_whole_host_is_for_admins(
    served: Served, role: str, status: int
) -> None:
    answer = served.as_role(role).put("/api/v1/maintenance", json={"reason": "new disk"})

    assert answer.status_code == status
    found = served.as_role("viewer").get("/api/v1/maintenance").json()["data"]["maintenance"]
    assert (found["reason"] if found else None) == ("new disk" if status == 200 else None)


def test_a_week_has_what_ran_and_what_will(served: Served) -> None:
    served.world.apply(TWO)
    served.as_role("operator").post("/api/v1/jobs/nightly/run")

    week = served.as_role("viewer").get("/api/v1/timeline?span=week&job=nightly").json()["data"]

    (job,) = week["jobs"]
    assert len(job["past"]) == 1
    assert [run["start"][:13] for run in job["runs"][:2]] == ["2026-11-24T02", "2026-11-25T02"]


def test_metrics_are_text_for_prometheus(served: Served) -> None:
    answer = served.as_role("viewer").get("/api/v1/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "debvisor_timers_build_info" in answer.text


def test_a_method_that_a_path_does_not_take_tells_which_it_does(served: Served) -> None:
    answer = served.as_role("admin").patch("/api/v1/maintenance")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, PUT"


def test_broken_files_are_named_and_are_no_fault_of_the_request(served: Served) -> None:
    served.world.write("jobs: {late: {command: 5}}\n", "broken.yaml")
    editor = served.as_role("editor")

    for answer in (editor.get("/api/v1/plan"), editor.post("/api/v1/apply")):
        assert answer.status_code == 409
        (problem,) = answer.json()["error"]["problems"]
        assert problem["file"].endswith("broken.yaml")
        assert (problem["line"], problem["key"]) == (1, "command")
