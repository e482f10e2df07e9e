# SPDX-License-Identifier: Apache-2.0
"""Who is let in: tokens, sessions, peers; who is locked out."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from fastapi.testclient import TestClient

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.identity.sessions import Session, Sessions
from tests.unit.web.served import Served

TOKENS = "/api/v1/tokens"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_health_alone_needs_no_token(served: Served) -> None:
    client = served.identifying()

    answer = client.get("/api/v1/health")
    assert answer.status_code == 200
    assert answer.json()["data"].keys() == {"status", "version", "api"}
    refused = client.get(TOKENS)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.json()["error"]["detail"] == "this needs a token"


def test_a_token_comes_in_either_header(served: Served) -> None:
    secret, client = served.token("deploy", Role.ADMIN), served.identifying()

    assert client.get(TOKENS, headers=bearer(secret)).status_code == 200
    assert client.get(TOKENS, headers={"Authorization": f"bearer  {secret}"}).status_code == 200
    answer = client.get(TOKENS, headers={"X-API-Key": secret})
    assert answer.json()["data"]["tokens"][0]["name"] == "deploy"
    assert secret not in answer.text


@pytest.mark.parametrize("header", ["Basic cm9vdDo=", "Bearer", "Bearer ", "dvt_x"])
def test_another_scheme_is_told_apart(served: Served, header: str) -> None:
    answer = served.identifying().get(TOKENS, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["error"]["fix"] == "write it as Authorization: Bearer TOKEN"


def test_a_token_that_is_revoked_is_out_at_once(served: Served) -> None:
    admin, client = served.token("admin", Role.ADMIN), served.identifying()
    made = client.post(TOKENS, headers=bearer(admin), json={"name": "ci", "role": "admin"})
    assert made.status_code == 201
    secret = made.json()["data"]["token"]
    assert client.get(TOKENS, headers=bearer(secret)).status_code == 200

    assert client.delete(f"{TOKENS}/ci", headers=bearer(admin)).status_code == 200
    assert client.get(TOKENS, headers=bearer(secret)).status_code == 401
    assert client.get(f"{TOKENS}/ci", headers=bearer(admin)).status_code == 404


def test_a_token_that_has_expired_is_out(served: Served) -> None:
    end = datetime(2026, 11, 23, 13, tzinfo=UTC)
    secret = served.token("ci", Role.ADMIN, expires=end)
    client = served.identifying()
    assert client.get(TOKENS, headers=bearer(secret)).status_code == 200

    served.world.systemd.advance_to(end)
    answer = client.get(TOKENS, headers=bearer(secret))
    assert answer.status_code == 401
    assert answer.json()["error"]["detail"] == "the token ci has expired"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.EDITOR])
def test_who_has_less_than_the_role_is_told_so(served: Served, role: Role) -> None:
    answer = served.identifying().get(TOKENS, headers=bearer(served.token("ci", role)))

    assert answer.status_code == 403
    assert answer.json()["error"]["detail"] == f"this needs the role admin, and ci has {role}"


def test_what_is_done_with_a_token_is_in_the_audit_by_its_name(served: Served) -> None:
    client = served.identifying()
    client.post(TOKENS, headers=bearer(served.token("boss", Role.ADMIN)), json={"name": "ci"})

    from debvisor_timers.scheduler import Scheduler  # noqa: PLC0415

    event = Scheduler(served.world.host).tokens()[1]
    assert (event.name, event.created_by) == ("ci", "boss")


@pytest.mark.parametrize("expires", ["0001-01-01T00:00:00+23:00", "2020-01-01T00:00:00Z"])
def test_a_token_cannot_end_before_it_begins(served: Served, expires: str) -> None:
    headers = bearer(served.token("boss", Role.ADMIN))
    body = {"name": "ci", "expires": expires}
    answer = served.identifying().post(TOKENS, headers=headers, json=body)

    assert answer.status_code == 400


def test_the_last_use_is_noted(served: Served) -> None:
    secret = served.token("ci", Role.ADMIN)
    used, deadline = None, monotonic() + 10
    with served.identifying() as client:
        while used is None and monotonic() < deadline:
            found = client.get(f"{TOKENS}/ci", headers=bearer(secret)).json()["data"]
            used = found["last_used"]

    assert used is not None
    assert datetime.fromisoformat(used) == served.world.systemd.clock.now()


def test_after_ten_wrong_tokens_an_address_is_locked_out(served: Served) -> None:
    secret, client = served.token("ci", Role.ADMIN), served.identifying()
    for number in range(10):
        assert client.get(TOKENS, headers=bearer(f"dvt_{number}")).status_code == 401

    answer = client.get(TOKENS, headers=bearer(secret))
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert client.get("/api/v1/health").status_code == 200


def test_a_damaged_file_of_tokens_lets_nobody_in(served: Served) -> None:
    secret, client = served.token("ci", Role.ADMIN), served.identifying()
    served.world.layout.tokens.write_text("{", encoding="utf-8")

    assert client.get(TOKENS, headers=bearer(secret)).status_code == 502


# --- peers ---------------------------------------------------------------------------------------


def test_root_comes_by_the_unix_socket_without_a_token(served: Served) -> None:
    assert served.identifying(peer=0).get(TOKENS).status_code == 200


def test_a_user_has_the_role_that_config_yaml_gives(served: Served) -> None:
    uid = os.geteuid() or 1
    name = "daemon" if os.geteuid() == 0 else ""
    client = served.identifying({"peers": {name: "admin"}} if name else None, peer=uid)

    assert client.get(TOKENS).status_code == (200 if name else 401)
    assert served.identifying(peer=uid).get(TOKENS).status_code == 401


def test_a_proxy_at_the_unix_socket_is_not_who_sends_what_it_passes_on(served: Served) -> None:
    client = served.identifying(peer=0)

    assert client.get(TOKENS, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 401
    assert client.get(TOKENS, headers={"Via": "1.1 proxy"}).status_code == 401


# --- sessions ------------------------------------------------------------------------------------


def signed_in(served: Served, role: Role = Role.ADMIN, **settings: object) -> TestClient:
    client = served.identifying(settings)
    answer = client.post("/sign-in", data={"token": served.token("anna", role), "next": "/jobs/a"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/a")
    return client


def csrf(client: TestClient) -> str:
    """Return the token of the forms of a session, which its pages have."""
    from debvisor_timers.web.identity.sessions import csrf_token  # noqa: PLC0415

    return csrf_token(client.cookies["debvisor-session"])


def test_a_session_begins_with_a_token(served: Served) -> None:
    secret, client = served.token("anna", Role.ADMIN), served.identifying()
    answer = client.post("/sign-in", data={"token": secret})

    cookie = answer.headers["set-cookie"]
    assert re.match(r"debvisor-session=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/;", cookie)
    assert "SameSite=strict" in cookie
    assert client.get(TOKENS).status_code == 200
    kept = (served.world.layout.web_state / "sessions.json").read_text(encoding="utf-8")
    assert client.cookies["debvisor-session"] not in kept


def test_with_tls_the_cookie_is_secure_and_of_this_host(served: Served) -> None:
    client = served.identifying(base_url="https://testserver")
    answer = client.post("/sign-in", data={"token": served.token("anna")})

    assert answer.headers["set-cookie"].startswith("__Host-debvisor-session=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "Strict-Transport-Security" in answer.headers


def test_a_session_ends_with_its_token(served: Served) -> None:
    client = signed_in(served)
    assert client.get(TOKENS).status_code == 200

    assert (
        client.delete(f"{TOKENS}/anna", headers={"X-CSRF-Token": csrf(client)}).status_code == 200
    )
    assert client.get(TOKENS).status_code == 401


def test_a_session_ends_by_itself(served: Served) -> None:
    client = signed_in(served, session="1h")

    served.world.systemd.advance_to(datetime(2026, 11, 23, 13, 1, tzinfo=UTC))
    assert client.get(TOKENS).status_code == 401


def test_a_session_outlives_the_server(served: Served) -> None:
    client = signed_in(served)

    again = served.identifying()
    again.cookies = client.cookies
    assert again.get(TOKENS).status_code == 200


def test_who_signs_out_is_out(served: Served) -> None:
    client = signed_in(served)
    cookie = client.cookies["debvisor-session"]
    assert client.post("/sign-out").status_code == 403

    answer = client.post("/sign-out", data={"csrf": csrf(client)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    client.cookies.set("debvisor-session", cookie)
    assert client.get(TOKENS).status_code == 401


def test_a_change_by_a_session_needs_its_csrf_token(served: Served) -> None:
    client = signed_in(served)

    for headers in (
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "x"},
        {"X-CSRF-Token": csrf(client), "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": csrf(client), "Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": csrf(client), "Origin": "https://evil.example"},
        {"X-CSRF-Token": csrf(client), "Origin": "null"},
    ):
        answer = client.post(TOKENS, json={"name": "ci"}, headers=headers)
        assert answer.status_code == 403, headers
    answer = client.post(TOKENS, json={"name": "ci"}, headers={"X-CSRF-Token": csrf(client)})
    assert answer.status_code == 201


def test_a_wrong_token_begins_no_session_and_counts(served: Served) -> None:
    client = served.identifying({"failures": 2})
    for _ in range(2):
        answer = client.post("/sign-in", data={"token": "dvt_wrong"})
        assert answer.status_code == 401
        assert "There is no such token" in answer.text
        assert "dvt_wrong" not in answer.text
    assert client.post("/sign-in", data={"token": served.token("anna")}).status_code == 429


def test_a_page_of_another_server_cannot_sign_somebody_in(served: Served) -> None:
    answer = served.identifying().post(
        "/sign-in",
        data={"token": served.token("anna")},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/a\n", "javascript:x", ""],
)
def test_nobody_is_led_elsewhere(served: Served, path: str) -> None:
    answer = served.identifying().post(
        "/sign-in", data={"token": served.token("anna"), "next": path}
    )
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/new"])
def test_a_form_of_a_million_fields_is_not_taken_apart(served: Served, path: str) -> None:
    client = signed_in(served)
    content = b"a=1&" * 10_000 + f"csrf={csrf(client)}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = client.post(path, content=content, headers=kind)

    assert answer.status_code == 400
    assert answer.json()["error"]["detail"] == "this is no form"


def test_nobody_signs_others_out_by_signing_in(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    sessions = Sessions(tmp_path / "sessions.json")

    async def begin(name: str) -> str:
        end = now + timedelta(hours=1)
        session = Session(name=name, role=Role.VIEWER, expires=end, token=name)
        return (await sessions.begin(session, now)).cookie

    async def many() -> list[bool]:
        cookies = [await begin("anna"), *[await begin("eve") for _ in range(60)]]
        return [sessions.find(cookie, now) is not None for cookie in cookies]

    found = asyncio.run(many())
    assert found == [True, *[False] * 10, *[True] * 50]
