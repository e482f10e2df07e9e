# SPDX-License-Identifier: Apache-2.0
"""Every route asks who it is, before anything else; what changes something asks for more."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from debvisor_timers.operations.access.roles import Role
from tests.unit.web.served import Served

OPEN = {
    ("GET", "/api/v1/health"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/done"),
}
SAFE = {"GET", "HEAD"}
HARMLESS = {("POST", "/sign-out")}
"""What somebody who may only look may do as well, or that changes nothing of the host."""


def routes(served: Served) -> list[tuple[str, str]]:
    """Return method and path of every route, with something in place of each parameter."""
    found = []
    for route in served.app.routes:
        if isinstance(route, APIRoute | Route):
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            found += [(method, path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


def test_no_route_answers_who_is_nobody(served: Served) -> None:
    client = served.identifying({"requests_per_second": 10_000, "changes_per_minute": 10_000})
    asked = [each for each in routes(served) if each not in OPEN]
    assert len(asked) > 40

    wrong = []
    for method, path in asked:
        answer = client.request(method, path, headers={"Accept": "text/html"})
        is_sent_to_sign_in = answer.headers.get("location", "").startswith("/sign-in")
        if answer.status_code != 401 and not is_sent_to_sign_in:
            wrong.append(f"{method} {path}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("kind", ["token", "session"])
def test_who_may_only_look_changes_nothing(served: Served, kind: str) -> None:
    from debvisor_timers.web.identity.sessions import csrf_token  # noqa: PLC0415

    client = served.identifying({"requests_per_second": 10_000, "changes_per_minute": 10_000})
    secret = served.token("looker", Role.VIEWER)
    if kind == "token":
        client.headers["Authorization"] = f"Bearer {secret}"
    else:
        client.post("/sign-in", data={"token": secret})
        client.headers["X-CSRF-Token"] = csrf_token(client.cookies["debvisor-session"])

    asked = [each for each in routes(served) if each[0] not in SAFE and each not in OPEN | HARMLESS]
    answers = {each: client.request(*each).status_code for each in asked}
    assert {each: status for each, status in answers.items() if status != 403} == {}
