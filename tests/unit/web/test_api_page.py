# SPDX-License-Identifier: Apache-2.0
"""The page of the REST API, and the OpenAPI document that it shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.web.served import Served

GUIDE = (
    *(("post", "/jobs"), ("get", "/jobs"), ("get", "/jobs/{job}"), ("put", "/jobs/{job}")),
    *(("delete", "/jobs/{job}"), ("post", "/jobs/{job}/run"), ("get", "/jobs/{job}/history")),
    *(("get", "/jobs/{job}/stats"), ("post", "/jobs/{job}/executions/{run}/retry")),
    *(("get", "/config"), ("get", "/health")),
)
"""Every endpoint of the guide; JOB and RUN are its :job_id and :execution_id."""


@pytest.fixture
def document(served: Served) -> Any:
    return served.as_role("viewer").get("/api/v1/openapi.json").json()


@pytest.mark.parametrize(("method", "path"), GUIDE)
def test_every_endpoint_of_the_guide_is_described(document: Any, method: str, path: str) -> None:
    assert document["paths"][f"/api/v1{path}"][method]["summary"]


def test_it_is_openapi_3_1_with_both_ways_to_send_a_token(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    schemes = document["components"]["securitySchemes"]
    assert {(each["type"], each.get("name")) for each in schemes.values()} == {
        ("http", None),
        ("apiKey", "X-API-Key"),
    }
    assert document["paths"]["/api/v1/health"]["get"]["security"] == []


def test_every_operation_tells_how_it_answers_and_fails(document: Any) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answers = operation["responses"]
            assert any(status.startswith("2") for status in answers), (method, path)
            assert {"401", "403", "422", "429", "500"} <= answers.keys(), (method, path)


def test_the_page_shows_each_call_without_a_script(served: Served, document: Any) -> None:
    text = served.as_role("viewer").get("/api/v1/docs").text

    for item in document["paths"].values():
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in text
    assert "cdn" not in text.lower()
    assert "https://" not in text


def test_nobody_sees_the_page_without_a_token(served: Served) -> None:
    assert served.as_role().get("/api/v1/docs").status_code in {302, 303, 307, 401}
