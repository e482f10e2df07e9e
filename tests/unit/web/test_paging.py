# SPDX-License-Identifier: Apache-2.0
"""Cursors and links of long lists, also those that nobody of ours has made."""

from __future__ import annotations

import pytest
from fastapi import Request

from debvisor_timers.web import paging
from tests.unit.web.served import Served


@pytest.mark.parametrize(
    "place", [(float("inf"), 1), (1e18, 1), (-1.0, 1), (1.0, -5), (1.0, 10**30)]
)
@pytest.mark.parametrize("path", ["audit", "runs"])
def test_a_cursor_that_leads_nowhere_is_refused(
    served: Served, path: str, place: tuple[float, int]
) -> None:
    cursor = paging.cursor_of(*place)

    answer = served.as_role("viewer").get(f"/api/v1/{path}", params={"cursor": cursor})

    assert answer.status_code == 400
    assert "is no cursor" in answer.json()["error"]["detail"]


def test_a_link_is_a_header_whatever_the_name_of_the_job() -> None:
    path = "/api/v1/jobs/日 ?\r\nX: y/history"
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "path": path, "query_string": b"limit=1", "headers": headers}

    link = paging.next_link(Request(scope), "c")

    assert link == "/api/v1/jobs/%E6%97%A5%20%3F%0D%0AX%3A%20y/history?limit=1&cursor=c"
