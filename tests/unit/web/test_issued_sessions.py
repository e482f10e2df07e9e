# SPDX-License-Identifier: Apache-2.0
"""Sessions of an issuer: good as long as it says so, and what issuers differ in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from debvisor_timers.web.identity.sessions import csrf_token
from tests.unit.web.issuer import SETTINGS, FakeIssuer
from tests.unit.web.served import Served
from tests.unit.web.test_oidc import TOKENS, begin, give

PAGE = {"accept": "text/html"}


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def client(served: Served, issuer: FakeIssuer) -> TestClient:
    later(served, (datetime.now(UTC) - served.world.systemd.clock.now()).total_seconds())
    return served.identifying({"oidc": SETTINGS}, fetch=issuer.fetch)


def later(served: Served, seconds: float) -> None:
    served.world.systemd.advance(timedelta(seconds=seconds))


def signed_in(client: TestClient, issuer: FakeIssuer, **answer: object) -> None:
    """Sign in; `answer`: what the issuer gives beside the tokens."""
    asked = begin(client)
    give(issuer, asked)
    issuer.tokens = {**issuer.tokens, **answer}
    back = {"state": asked["state"], "code": "c0de"}
    assert client.get("/sign-in/done", params=back).status_code == 200


def test_without_a_refresh_token_a_session_is_good_while_the_id_token_is(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer)
    later(served, 240)
    assert client.get(TOKENS).status_code == 200

    later(served, 120)
    assert client.get(TOKENS).status_code == 401
    answer = client.get("/jobs/a?x=1", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in/oidc?next=%2Fjobs%2Fa%3Fx%3D1"

    signed_in(client, issuer)  # he goes on where the issuer still knows him
    assert client.get(TOKENS).status_code == 200


def test_with_a_refresh_token_the_issuer_is_asked_again(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer, refresh_token="r1")
    later(served, 360)
    issuer.tokens = {"id_token": own(issuer, served), "refresh_token": "r2"}
    assert client.get(TOKENS).status_code == 200
    assert client.get(TOKENS).status_code == 200
    assert [form["grant_type"] for form in issuer.forms] == ["authorization_code", "refresh_token"]
    assert issuer.forms[-1]["refresh_token"] == "r1"

    later(served, 360)
    issuer.tokens = {"id_token": own(issuer, served, scope="timers:read")}
    assert client.get(TOKENS).status_code == 403
    assert issuer.forms[-1]["refresh_token"] == "r2"

    later(served, 360)
    issuer.tokens = {"id_token": own(issuer, served, scope="openid")}
    assert client.get(TOKENS).status_code == 401
    assert issuer.forms[-1]["refresh_token"] == "r2"  # it has given no other
    assert len(issuer.forms) == 4


def own(issuer: FakeIssuer, served: Served, **claims: object) -> str:
    """Return a token of the issuer for the page, that ends five minutes from now."""
    end = int(served.world.systemd.clock.now().timestamp()) + 300
    said: dict[str, Any] = {"aud": "timers-page", "exp": end, **claims}
    return issuer.token(**said)


def test_a_refusal_of_a_refresh_token_ends_the_session(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer, refresh_token="r1")
    later(served, 360)
    issuer.refuses = True
    answer = client.get("/", headers=PAGE)
    assert answer.headers["location"] == "/sign-in/oidc?next=%2F"

    issuer.refuses = False
    issuer.tokens = {"id_token": own(issuer, served)}
    assert client.get(TOKENS).status_code == 401
    assert len(issuer.forms) == 2


def test_a_session_waits_for_an_issuer_that_is_away(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer, refresh_token="r1")
    later(served, 360)
    issuer.is_away = True
    asked = len(issuer.asked)
    assert [client.get(TOKENS).status_code for _ in range(3)] == [503] * 3
    assert len(issuer.asked) == asked + 1
    assert client.get("/", headers=PAGE).status_code == 503
    csrf = csrf_token(client.cookies["debvisor-session"])
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303


def test_a_refresh_may_bring_no_id_token(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer, refresh_token="r1")
    later(served, 360)
    issuer.tokens = {"access_token": issuer.token(), "expires_in": 300}
    assert client.get(TOKENS).status_code == 200

    later(served, 360)
    issuer.tokens = {"access_token": issuer.token(sub="another"), "expires_in": 300}
    assert client.get(TOKENS).status_code == 401


def test_a_session_ends_though_the_issuer_goes_on(served: Served, issuer: FakeIssuer) -> None:
    later(served, (datetime.now(UTC) - served.world.systemd.clock.now()).total_seconds())
    client = served.identifying({"oidc": SETTINGS, "session": "10min"}, fetch=issuer.fetch)
    signed_in(client, issuer, refresh_token="r1")
    later(served, 601)
    issuer.tokens = {"id_token": own(issuer, served)}
    answer = client.get("/", headers=PAGE)
    assert answer.headers["location"] == "/sign-in?next=%2F"


def test_a_refresh_token_is_nowhere_in_the_clear(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    signed_in(client, issuer, refresh_token="a-very-long-secret")
    kept = (served.world.layout.web_state / "sessions.json").read_text(encoding="utf-8")
    assert '"refresh":"gAAAA' in kept
    assert "a-very-long-secret" not in kept


def test_roles_may_be_told_by_userinfo(served: Served, issuer: FakeIssuer) -> None:
    settings = {**SETTINGS, "claim": "groups"}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)
    issuer.userinfo = {"sub": "7f3a", "groups": ["timers:admin"]}
    signed_in(client, issuer, access_token="opaque")
    assert client.get(TOKENS).status_code == 200

    issuer.userinfo = {"sub": "another", "groups": ["timers:admin"]}
    asked = begin(client)
    give(issuer, asked)
    issuer.tokens = {**issuer.tokens, "access_token": "opaque"}
    back = {"state": asked["state"], "code": "c0de"}
    assert client.get("/sign-in/done", params=back).status_code == 401


def test_a_secret_is_told_as_the_issuer_likes_it(
    served: Served, issuer: FakeIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "debvisor-timers-web.oidc").write_text("a b:c\n", encoding="utf-8")
    settings = {**SETTINGS, "client_secret": {"credential": "oidc"}}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)
    signed_in(client, issuer)
    assert "client_secret" not in issuer.forms[0]
    word = base64.b64encode(b"timers-page:a%20b%3Ac").decode()
    assert issuer.headers[-1] == {"Authorization": f"Basic {word}"}

    issuer.about = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)
    signed_in(client, issuer)
    assert issuer.forms[1]["client_secret"] == "a b:c"


def test_a_claim_is_asked_for_where_the_issuer_has_a_scope_of_its_name(
    served: Served, issuer: FakeIssuer
) -> None:
    settings = {**SETTINGS, "claim": "groups"}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)
    assert begin(client)["scope"] == "openid profile"
    issuer.about = {"scopes_supported": ["openid", "groups", "email"]}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)
    assert begin(client)["scope"] == "openid profile groups"


def test_who_has_no_role_may_come_as_somebody_else(client: TestClient, issuer: FakeIssuer) -> None:
    asked = begin(client)
    give(issuer, asked, scope="openid")
    back = {"state": asked["state"], "code": "c0de"}
    answer = client.get("/sign-in/done", params=back)

    assert "The issuer knows &#39;anna&#39;, who has no role here." in answer.text
    assert 'href="/sign-in/oidc?next=%2Fjobs%2Fa&amp;other=yes"' in answer.text
    again = client.get("/sign-in/oidc?next=%2Fjobs%2Fa&other=yes").headers["location"]
    assert "&prompt=login" in again
