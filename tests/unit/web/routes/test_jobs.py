# SPDX-License-Identifier: Apache-2.0
"""Jobs over HTTP: listed, looked at, made, changed, deleted."""

from __future__ import annotations

import pytest

from tests.unit.operations.world import TWO
from tests.unit.web.served import Served

GUIDE = {
    "name": "VM Snapshot",
    "cron_expression": "0 2 * * *",
    "task_type": "vm_snapshot",
    "task_config": {"vm_id": "vm-123", "retention_days": 7},
    "priority": "normal",
    "owner": "admin",
    "timeout_seconds": 3600,
}
"""The guide's own example."""


def test_the_guides_job_is_created_and_answered_as_the_guide_has_it(served: Served) -> None:
    answer = served.as_role("editor").post("/api/v1/jobs", json=GUIDE)

    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/jobs/vm-snapshot"
    document = answer.json()
    assert document["status"] == "success"
    job = document["data"]
    assert {name: job[name] for name in GUIDE} == GUIDE
    assert (job["job_id"], job["enabled"], job["execution_count"]) == ("vm-snapshot", True, 0)
    assert (served.world.layout.jobs / "vm-snapshot.yaml").exists()


def test_two_jobs_of_one_name_get_two_ids(served: Served) -> None:
    editor = served.as_role("editor")

    ids = [editor.post("/api/v1/jobs", json=GUIDE).json()["data"]["job_id"] for _ in range(2)]

    assert ids == ["vm-snapshot", "vm-snapshot-2"]


def test_an_id_that_is_taken_is_a_conflict(served: Served) -> None:
    editor = served.as_role("editor")
    editor.post("/api/v1/jobs", json={**GUIDE, "job_id": "snap"})

    answer = editor.post("/api/v1/jobs", json={**GUIDE, "job_id": "snap"})

    assert answer.status_code == 409
    assert "is there already" in answer.json()["error"]["detail"]


def test_a_wrong_cron_expression_is_told_with_its_place(served: Served) -> None:
    answer = served.as_role("editor").post(
        "/api/v1/jobs", json={**GUIDE, "cron_expression": "0 25 * * *"}
    )

    assert answer.status_code == 422
    (problem,) = answer.json()["error"]["problems"]
    assert problem["key"] == "schedule"
    assert "25" in problem["message"]
    assert problem["line"] > 0
    assert not (served.world.layout.jobs / "vm-snapshot.yaml").exists()


def test_a_field_that_no_job_has_is_named(served: Served) -> None:
    answer = served.as_role("editor").post("/api/v1/jobs", json={**GUIDE, "cron": "0 2 * * *"})

    assert answer.status_code == 422
    assert [each["key"] for each in answer.json()["error"]["problems"]] == ["body.cron"]


@pytest.mark.parametrize(("role", "status"), [("", 401), ("viewer", 403), ("operator", 403)])
def test_who_is_no_editor_makes_no_job(served: Served, role: str, status: int) -> None:
    assert served.as_role(role).post("/api/v1/jobs", json=GUIDE).status_code == status


def test_a_list_is_filtered_and_told_as_the_guide_has_it(served: Served) -> None:
    served.world.apply(TWO)
    served.as_role("editor").post("/api/v1/jobs", json=GUIDE)

    data = served.as_role("viewer").get("/api/v1/jobs?owner=admin").json()["data"]

    assert [job["job_id"] for job in data["jobs"]] == ["vm-snapshot"]
    assert (data["count"], data["total"], data["next"]) == (1, 1, None)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["hourly", "nightly", "vm-snapshot"]),
        ("task_type=vm_snapshot", ["vm-snapshot"]),
        ("q=NIGHT", ["nightly"]),
        ("status=never-ran&owner=admin", ["vm-snapshot"]),
        ("status=running", []),
    ],
)
def test_what_a_list_can_be_asked_for(served: Served, query: str, ids: list[str]) -> None:
    served.world.apply(TWO)
    served.as_role("editor").post("/api/v1/jobs", json=GUIDE)

    data = served.as_role("viewer").get(f"/api/v1/jobs?{query}").json()["data"]

    assert [job["job_id"] for job in data["jobs"]] == ids


def test_pages_follow_each_other_by_their_links(served: Served) -> None:
    served.world.apply(TWO)
    viewer = served.as_role("viewer")

    first = viewer.get("/api/v1/jobs?limit=1")
    second = viewer.get(first.json()["data"]["next"])

    assert first.headers["link"] == f'<{first.json()["data"]["next"]}>; rel="next"'
    assert [job["job_id"] for job in second.json()["data"]["jobs"]] == ["nightly"]
    assert (second.json()["data"]["next"], "link" in second.headers) == (None, False)


def test_a_cursor_of_somebody_else_is_refused(served: Served) -> None:
    assert served.as_role("viewer").get("/api/v1/jobs?cursor=abc").status_code == 400


def test_who_has_the_list_already_is_told_so(served: Served) -> None:
    served.world.apply(TWO)
    viewer = served.as_role("viewer")
    tag = viewer.get("/api/v1/jobs").headers["etag"]

    again = viewer.get("/api/v1/jobs", headers={"If-None-Match": tag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_a_job_is_shown_by_its_name_with_its_units(served: Served) -> None:
    served.as_role("editor").post("/api/v1/jobs", json=GUIDE)

    answer = served.as_role("viewer").get("/api/v1/jobs/VM Snapshot")

    data = answer.json()["data"]
    assert data["job_id"] == "vm-snapshot"
    assert sorted(data["units"]) == [
        "debvisor-job-vm-snapshot.service",
        "debvisor-job-vm-snapshot.timer",
    ]
    assert answer.headers["etag"].startswith(f'"{data["version"]}.')


def test_a_job_that_nobody_knows_is_not_found(served: Served) -> None:
    answer = served.as_role("viewer").get("/api/v1/jobs/nope")

    assert answer.status_code == 404
    assert answer.json()["error"]["fix"]


def test_an_update_changes_what_is_named_and_keeps_comments(served: Served) -> None:
    served.world.apply("# mine\n" + TWO)

    answer = served.as_role("editor").put("/api/v1/jobs/nightly", json={"priority": "critical"})

    data = answer.json()["data"]
    assert (data["priority"], data["cron_expression"]) == ("critical", "0 2 * * *")
    text = (served.world.layout.jobs / "a.yaml").read_text()
    assert text.startswith("# mine\n")


def test_null_takes_a_field_away(served: Served) -> None:
    editor = served.as_role("editor")
    editor.post("/api/v1/jobs", json=GUIDE)

    data = editor.put("/api/v1/jobs/vm-snapshot", json={"owner": None}).json()["data"]

    assert data["owner"] == ""


def test_an_update_of_another_version_is_not_made(served: Served) -> None:
    served.world.apply(TWO)
    editor = served.as_role("editor")
    tag = editor.get("/api/v1/jobs/nightly").headers["etag"]
    editor.put("/api/v1/jobs/nightly", json={"priority": "high"})

    late = editor.put("/api/v1/jobs/nightly", json={"priority": "low"}, headers={"If-Match": tag})
    gone = editor.delete("/api/v1/jobs/nightly", headers={"If-Match": tag})

    assert (late.status_code, gone.status_code) == (412, 412)
    assert editor.get("/api/v1/jobs/nightly").json()["data"]["priority"] == "high"


def test_a_run_in_between_is_no_other_version(served: Served) -> None:
    served.world.apply(TWO)
    operator, editor = served.as_role("operator"), served.as_role("editor")
    tag = editor.get("/api/v1/jobs/nightly").headers["etag"]
    operator.post("/api/v1/jobs/nightly/run?wait=false")

    answer = editor.put("/api/v1/jobs/nightly", json={"priority": "low"}, headers={"If-Match": tag})

    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


def test_a_version_in_the_body_that_is_old_is_a_conflict(served: Served) -> None:
    served.world.apply(TWO)
    editor = served.as_role("editor")
    version = editor.get("/api/v1/jobs/nightly").json()["data"]["version"]
    editor.put("/api/v1/jobs/nightly", json={"priority": "high", "version": version})

    late = editor.put("/api/v1/jobs/nightly", json={"priority": "low", "version": version})

    assert late.status_code == 409
    assert late.json()["error"]["error"] == "ChangedMeanwhileError"


def test_a_deleted_job_keeps_its_history(served: Served) -> None:
    served.world.apply(TWO)
    served.as_role("operator").post("/api/v1/jobs/nightly/run")
    editor = served.as_role("editor")

    answer = editor.delete("/api/v1/jobs/nightly")

    assert answer.json()["data"] == {"job_id": "nightly", "deleted": True}
    assert editor.get("/api/v1/jobs/nightly").status_code == 404
    history = editor.get("/api/v1/jobs/nightly/history").json()["data"]
    assert history["count"] == 1


def test_how_an_id_begins_is_not_enough_to_delete_a_job(served: Served) -> None:
    served.world.apply(TWO)

    assert served.as_role("editor").delete("/api/v1/jobs/night").status_code == 404


def test_a_request_that_is_sent_again_makes_no_second_job(served: Served) -> None:
    editor = served.as_role("editor")
    headers = {"Idempotency-Key": "order-1"}

    first = editor.post("/api/v1/jobs", json=GUIDE, headers=headers)
    again = editor.post("/api/v1/jobs", json=GUIDE, headers=headers)
    other = editor.post("/api/v1/jobs", json={**GUIDE, "owner": "eve"}, headers=headers)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert editor.get("/api/v1/jobs").json()["data"]["total"] == 1


def test_a_key_is_of_its_caller_alone(served: Served) -> None:
    headers = {"Idempotency-Key": "order-1"}
    served.as_role("editor").post("/api/v1/jobs", json=GUIDE, headers=headers)

    answer = served.as_role("admin").post("/api/v1/jobs", json=GUIDE, headers=headers)

    assert answer.json()["data"]["job_id"] == "vm-snapshot-2"


def test_what_was_refused_may_be_asked_again_by_the_same_key(served: Served) -> None:
    editor, headers = served.as_role("editor"), {"Idempotency-Key": "order-1"}
    body = {**GUIDE, "job_id": "nightly"}
    served.world.apply(TWO)
    editor.post("/api/v1/jobs", json=body, headers=headers)
    editor.delete("/api/v1/jobs/nightly")

    answer = editor.post("/api/v1/jobs", json=body, headers=headers)

    assert answer.status_code == 201
