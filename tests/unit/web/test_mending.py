# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with a request, its answer says what, where and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from httpx import Response

from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.web.envelope import failure_of
from tests.unit.web.served import Served

NOWHERE = "surely-not-there"
OPEN = "/api/v1/health"
JSON = {"Content-Type": "application/json"}
METHODS = ("get", "post", "put", "patch", "delete")


def document_of(served: Served) -> Mapping[str, Any]:
    """Return what the server says of itself."""
    found: Mapping[str, Any] = served.as_role("viewer").get("/api/v1/openapi.json").json()
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield every endpoint: its method, an address of its kind where nothing is, and its words."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            address = path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    address = address.replace(f"{{{parameter['name']}}}", NOWHERE)
            yield method, address, operation


def require_mended(answer: Response, status: int) -> Mapping[str, Any]:
    """Return the problem of an answer, which says all that it has to."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["status"], body["data"]) == ("error", None)
    error: Mapping[str, Any] = body["error"]
    assert error["status"] == status
    for told in ("title", "detail", "fix"):
        assert error[told].strip(), f"{answer.request.method} {answer.request.url}: no {told}"
    for problem in error.get("problems") or []:
        assert problem["message"].strip()
        assert problem["fix"].strip(), problem
    return error


def test_who_shows_no_token_is_told_how_to_get_one(served: Served) -> None:
    client = served.as_role()
    for method, address, _ in operations(document_of(served)):
        if address != OPEN:
            require_mended(client.request(method, address, json={}), 401)


def test_who_has_not_the_role_is_told_which_it_takes(served: Served) -> None:
    client = served.as_role("viewer")
    for method, address, operation in operations(document_of(served)):
        role = operation.get("x-role", "viewer")
        if role != "viewer":
            error = require_mended(client.request(method, address, json={}), 403)
            assert error["fix"] == f"use a token with the role {role}"


def test_what_is_not_there_is_answered_with_where_to_look(served: Served) -> None:
    client = served.as_role("admin")
    for method, address, operation in operations(document_of(served)):
        if NOWHERE in address and "requestBody" not in operation:
            require_mended(client.request(method, address), 404)


def test_a_method_that_an_address_does_not_take_is_answered_with_those_that_it_takes(
    served: Served,
) -> None:
    client, document = served.as_role("admin"), document_of(served)
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                error = require_mended(client.request(method, path), 405)
                taken = sorted(other.upper() for other in item)
                assert error["fix"] == f"send {' or '.join(taken)}"


WRONG = {"integer": "many", "boolean": "perhaps", "string": "x" * 3000}
"""A value that no parameter of a type takes, but text without bounds."""


def wrong_value(schema: Mapping[str, Any]) -> str:
    """Return what a parameter does not take; empty where it takes anything."""
    for kind in (schema, *schema.get("anyOf", ())):
        is_bounded = {"maxLength", "enum", "minimum"} & kind.keys() or kind.get("type") == "boolean"
        if is_bounded and kind.get("type") in WRONG:
            return WRONG[kind["type"]]
    return ""


def test_each_parameter_that_is_wrong_is_answered_with_what_it_may_be(served: Served) -> None:
    client = served.as_role("admin")
    asked = 0
    for method, address, operation in operations(document_of(served)):
        for parameter in operation.get("parameters", ()):
            place, name = parameter["in"], parameter["name"]
            value = wrong_value(parameter["schema"])
            if not value:
                continue
            answer = client.request(
                method,
                address.replace(NOWHERE, value, 1) if place == "path" else address,
                params={name: value} if place == "query" else {},
                headers={name: value} if place == "header" else {},
                json={},
            )
            error = require_mended(answer, 422)
            keys = [problem["key"].partition(".")[0] for problem in error["problems"]]
            assert place in keys, error
            asked += 1
    assert asked > 60


@pytest.mark.parametrize("content", [b"{half", b"[1]", b'"x"', b'{"surely-not": 1}'])
def test_each_body_that_is_wrong_is_answered_with_what_it_may_be(
    served: Served, content: bytes
) -> None:
    client = served.as_role("admin")
    for method, address, operation in operations(document_of(served)):
        if "requestBody" in operation:
            answer = client.request(method, address, content=content, headers=JSON)
            require_mended(answer, 422)


@pytest.mark.parametrize(
    ("sent", "key", "message", "fix"),
    [
        (
            {"limit": "abc"},
            "query.limit",
            "'abc': input should be a valid integer, unable to parse string as an integer",
            "give a whole number from 1 to 1,000",
        ),
        (
            {"limit": "0"},
            "query.limit",
            "'0': input should be greater than or equal to 1",
            "give a whole number from 1 to 1,000",
        ),
        (
            {"owner": "x" * 201},
            "query.owner",
            "String should have at most 200 characters",
            "give at most 200 characters",
        ),
    ],
)
def test_a_parameter_is_mended_by_what_the_document_says_of_it(
    served: Served, sent: dict[str, str], key: str, message: str, fix: str
) -> None:
    answer = served.as_role("viewer").get("/api/v1/jobs", params=sent)

    error = require_mended(answer, 422)
    assert error["problems"] == [{"key": key, "message": message, "fix": fix}]
    assert error["fix"] == f"{key}: {fix}"


@pytest.mark.parametrize(
    ("path", "body", "fixes"),
    [
        (
            "jobs",
            {"name": "x", "priority": "hi", "max_retries": "3", "timeout_seconds": -1},
            {
                "body.priority": "give one of: critical, high, normal, low, or null",
                "body.max_retries": "give a whole number from 0 to 1,000, or null",
                "body.timeout_seconds": "give a number greater than 0 and at most 1,000,000,000,"
                " or null",
            },
        ),
        (
            "jobs",
            {"name": "x", "tags": {"a": 1}, "dependencies": [{"job_id": ""}], "command": []},
            {
                "body.tags.a": "give text",
                "body.dependencies.0.job_id": "give text of 1 to 200 characters",
                "body.command": "give a list of 1 or more, in which each is at most 10,000"
                " characters, or null",
            },
        ),
        (
            "tokens",
            {"name": "A B", "role": "boss", "expires": "2020-01-01T00:00:00"},
            {
                "body.name": "give text that fits ^[a-z][a-z0-9-]{0,62}$, such as 'grafana'",
                "body.role": "give one of: viewer, operator, editor, admin",
                "body.expires": "give a time with its offset, such as 2027-03-01T09:00:00+01:00,"
                " or null",
            },
        ),
        (
            "tokens",
            {},
            {"body.name": "add it: text that fits ^[a-z][a-z0-9-]{0,62}$, such as 'grafana'"},
        ),
        (
            "tokens",
            {"name": "x", "roel": "viewer", "at": 1},
            {
                "body.roel": "did you mean 'role'? Else leave it out; known are: name, role,"
                " expires",
                "body.at": "leave it out; known are: name, role, expires",
            },
        ),
        (
            "batch",
            {"changes": [{"kind": "creat"}, {"kind": "delete"}]},
            {
                "body.changes.0": "give an object of JSON whose kind is one of: create, delete,"
                " update",
                "body.changes.1.delete.job_id": "add it: text of 1 to 200 characters",
            },
        ),
    ],
)
def test_a_body_is_mended_field_by_field(
    served: Served, path: str, body: object, fixes: Mapping[str, str]
) -> None:
    error = require_mended(served.as_role("admin").post(f"/api/v1/{path}", json=body), 422)

    assert {each["key"]: each["fix"] for each in error["problems"]} == fixes


def test_what_was_not_asked_for_is_not_said_again(served: Served) -> None:
    answer = served.as_role("admin").post("/api/v1/tokens", json={"name": "x", "password": "s3cr"})

    require_mended(answer, 422)
    assert "s3cr" not in answer.text


def test_another_kind_of_body_is_answered_with_the_kind_that_it_takes(served: Served) -> None:
    answer = served.as_role("admin").post("/api/v1/tokens", data={"name": "x"})

    error = require_mended(answer, 422)
    assert error["fix"] == (
        "body: send JSON, with the header Content-Type: application/json: an object of JSON with"
        " some of these: name, role, expires, with name among them"
    )


def test_a_verb_that_there_is_not_is_no_empty_list(served: Served) -> None:
    error = require_mended(served.as_role("viewer").get("/api/v1/audit?verb=frob"), 422)

    assert error["fix"].startswith("query.verb: give one of: apply, run, retry, stop, ")


def test_a_body_that_is_no_text_is_answered_with_what_it_has_to_be(served: Served) -> None:
    answer = served.as_role("admin").post("/api/v1/tokens", content=b"\xff", headers=JSON)

    assert require_mended(answer, 400)["fix"] == "send a body of JSON, in UTF-8"


def test_an_address_where_nothing_is_leads_to_all_that_is_there(served: Served) -> None:
    error = require_mended(served.as_role("admin").get("/api/v1/jbos"), 404)

    assert error["detail"] == "there is nothing at /api/v1/jbos"
    assert error["fix"] == "GET /api/v1/openapi.json lists all endpoints, /api/v1/docs shows them"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413, 423, 429, 500, 502, 503])
def test_no_error_is_without_a_way_on(status: int) -> None:
    answer = failure_of(RefusedError("no"), status=status)

    assert b'"fix":""' not in bytes(answer.body)


def test_what_systemd_says_no_to_leads_to_the_journal() -> None:
    body = bytes(failure_of(SystemdError("no")).body).decode()

    assert "journalctl -u debvisor-timers-web -u debvisor-timers-agent" in body
