# SPDX-License-Identifier: Apache-2.0
"""The edge of the server: what is not there."""

from __future__ import annotations

import pytest

from tests.unit.web.served import Served


def test_a_path_that_is_not_there_is_answered_in_the_envelope(served: Served) -> None:
    answer = served.as_role("viewer").get("/api/v1/nothing")

    assert answer.status_code == 404
    document = answer.json()
    assert (document["status"], document["data"]) == ("error", None)
    assert document["error"]["title"] == "Not Found"
    assert "+" in document["timestamp"] or document["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "path", ["%00", "..%2f..%2fetc%2fpasswd", "%2e%2e/app.py", "%ff", "a" * 5000, ""]
)
def test_no_path_leads_out_of_the_static_files(served: Served, path: str) -> None:
    answer = served.as_role().get(f"/static/{path}")

    assert answer.status_code == 404
    assert answer.json()["status"] == "error"


def test_a_static_file_needs_no_token(served: Served) -> None:
    answer = served.as_role().get("/static/style.css")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_what_the_api_is_is_told_to_who_may_look(served: Served) -> None:
    assert served.as_role().get("/api/v1/openapi.json").status_code == 401

    answer = served.as_role("viewer").get("/api/v1/openapi.json")

    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/jobs/{job}/run" in document["paths"]
    again = served.as_role("viewer").get(
        "/api/v1/openapi.json", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
