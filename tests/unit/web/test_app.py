# SPDX-License-Identifier: Apache-2.0
"""The edge of the server: what is not there."""

from __future__ import annotations

from tests.unit.web.served import Served


def test_a_path_that_is_not_there_is_answered_in_the_envelope(served: Served) -> None:
    answer = served.as_role("viewer").get("/api/v1/nothing")

    assert answer.status_code == 404
    document = answer.json()
    assert (document["status"], document["data"]) == ("error", None)
    assert document["error"]["title"] == "Not Found"
    assert "+" in document["timestamp"] or document["timestamp"].endswith("Z")
