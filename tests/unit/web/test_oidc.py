# SPDX-License-Identifier: Apache-2.0
"""Access tokens of an issuer, and signing in there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from debvisor_timers.web.identity.issuer import Issuer, fetch_json
from debvisor_timers.web.identity.refusals import IssuerError
from tests.unit.web.issuer import SETTINGS, URL, FakeIssuer
from tests.unit.web.served import Served

TOKENS = "/api/v1/tokens"


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def client(served: Served, issuer: FakeIssuer) -> TestClient:
    return served.identifying({"oidc": SETTINGS}, fetch=issuer.fetch)


def status(client: TestClient, token: str) -> int:
    return client.get(TOKENS, headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_access_token_lets_in_with_the_role_of_its_scope(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    assert status(client, issuer.token()) == 200
    assert status(client, issuer.token(scope="timers:read")) == 403
    assert status(client, issuer.token(scope="timers:read timers:admin")) == 200
    assert status(client, issuer.token(exp=10**18)) == 200
    assert issuer.asked == ["/.well-known/openid-configuration", "/certs"]
    who = served.log[0].who
    assert who is not None
    assert (who.name, who.kind) == ("anna", "oidc")


def test_roles_may_stand_in_a_list_of_groups(served: Served, issuer: FakeIssuer) -> None:
    settings = {**SETTINGS, "claim": "groups", "name_claim": "email"}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)

    assert status(client, issuer.token(groups=["staff", "timers:admin"])) == 200
    assert status(client, issuer.token(groups="timers:admin")) == 200
    assert status(client, issuer.token(groups={"timers:admin": 1})) == 403
    assert served.log[0].who is not None
    assert served.log[0].who.name == "7f3a"  # there is no email: sub


def test_a_token_of_ours_is_taken_beside_it(client: TestClient, served: Served) -> None:
    assert status(client, served.token("ci")) == 403


def forged(issuer: FakeIssuer, algorithm: str) -> str:
    """Return a token that is signed with the public key, as if that were a shared secret."""
    own = next(iter(issuer.keys.values()))
    public = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return issuer.token(key=public if algorithm != "none" else "", algorithm=algorithm)


@pytest.mark.parametrize(
    "make",
    [
        lambda issuer: issuer.token(iss="https://evil.example"),
        lambda issuer: issuer.token(aud="another"),
        lambda issuer: issuer.token(aud=None),
        lambda issuer: issuer.token(exp=int(time.time()) - 60),
        lambda issuer: issuer.token(exp=None),
        lambda issuer: issuer.token(nbf=int(time.time()) + 600),
        lambda issuer: issuer.token(key=ec.generate_private_key(ec.SECP256R1())),
        lambda issuer: forged(issuer, "HS256"),
        lambda issuer: forged(issuer, "none"),
        lambda issuer: issuer.token()[:-6] + "AAAAAA",
        lambda _issuer: "a.b.c",
        lambda _issuer: "..",
    ],
)
def test_a_token_that_is_wrong_lets_nobody_in(
    client: TestClient, issuer: FakeIssuer, make: Callable[[FakeIssuer], str]
) -> None:
    assert status(client, make(issuer)) == 401


def test_wrong_access_tokens_lock_out_and_expired_ones_do_not(
    served: Served, issuer: FakeIssuer
) -> None:
    client = served.identifying({"oidc": SETTINGS, "failures": 2}, fetch=issuer.fetch)
    for _ in range(5):
        assert status(client, issuer.token(exp=int(time.time()) - 60)) == 401
    assert status(client, "a.b.c") == 401
    assert status(client, issuer.token(aud="another")) == 401
    assert status(client, issuer.token()) == 429


def test_who_has_no_role_is_told_which_claim_would_give_one(
    client: TestClient, issuer: FakeIssuer
) -> None:
    headers = {"Authorization": f"Bearer {issuer.token(scope='openid')}"}
    answer = client.get(TOKENS, headers=headers)

    assert answer.status_code == 403
    assert "scope has to name one of: timers:read, timers:admin" in answer.json()["error"]["fix"]


def test_an_issuer_that_is_away_is_nobodys_failure(client: TestClient, issuer: FakeIssuer) -> None:
    issuer.is_away = True
    for _ in range(12):
        assert status(client, issuer.token()) == 503
    assert len(issuer.asked) == 1  # within ten seconds


def test_an_issuer_that_calls_itself_otherwise_is_not_believed(
    client: TestClient, issuer: FakeIssuer
) -> None:
    issuer.name = "https://evil.example"

    assert status(client, issuer.token()) == 503


# --- keys that change ----------------------------------------------------------------------------


async def key_ids(issuer: Issuer, *names: str) -> list[bool]:
    return [await issuer.key(name) is not None for name in names]


@pytest.mark.parametrize("seconds", [11, 3601])
def test_a_new_key_is_found(issuer: FakeIssuer, seconds: int) -> None:
    now = [1000.0]
    asked = Issuer(URL, fetch=issuer.fetch, clock=lambda: now[0])

    async def scenario() -> None:
        assert await key_ids(asked, "k1") == [True]
        issuer.rotate("k2")
        assert await key_ids(asked, "k2", "k2", "k3") == [False, False, False]
        assert len(issuer.asked) == 2  # whoever names unknown keys makes us ask no more often
        now[0] += seconds
        assert await key_ids(asked, "k2", "k1") == [True, False]

    asyncio.run(scenario())


def test_keys_count_for_a_day_while_the_issuer_is_away(issuer: FakeIssuer) -> None:
    now = [1000.0]
    asked = Issuer(URL, fetch=issuer.fetch, clock=lambda: now[0])

    async def scenario() -> None:
        assert await key_ids(asked, "k1") == [True]
        issuer.is_away = True
        now[0] += 23 * 3600
        assert await key_ids(asked, "k1") == [True]
        now[0] += 2 * 3600
        with pytest.raises(IssuerError):
            await asked.key("k1")

    asyncio.run(scenario())


def test_a_shared_key_is_none_of_the_issuers_keys() -> None:
    secret = base64.urlsafe_b64encode(b"x" * 32).decode()

    def fetch(url: str, _form: object, _headers: object) -> object:
        if url.endswith("/openid-configuration"):
            return {"issuer": URL, "jwks_uri": f"{URL}/certs"}
        return {"keys": [{"kty": "oct", "k": secret, "kid": "k1"}, "nonsense", {"kty": "?"}]}

    assert asyncio.run(Issuer(URL, fetch=fetch).key("k1")) is None


# --- signing in ----------------------------------------------------------------------------------


def begin(client: TestClient, path: str = "/jobs/a") -> dict[str, str]:
    """Go to the issuer; return what it is asked."""
    answer = client.get("/sign-in/oidc", params={"next": path})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{URL}/auth?")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in asked.items()}


def give(issuer: FakeIssuer, asked: dict[str, str], **claims: object) -> None:
    """Let the issuer give tokens for a code."""
    said: dict[str, Any] = {"aud": "timers-page", "nonce": asked["nonce"], "scope": None, **claims}
    issuer.tokens = {
        "id_token": issuer.token(**said),
        "access_token": issuer.token(),
    }


def test_somebody_signs_in_at_the_issuer(client: TestClient, issuer: FakeIssuer) -> None:
    asked = begin(client)
    assert asked["client_id"] == "timers-page"
    assert asked["redirect_uri"] == "http://testserver/sign-in/done"
    assert asked["scope"].split() == ["openid", "profile", "timers:read", "timers:admin"]
    give(issuer, asked)

    answer = client.get("/sign-in/done", params={"state": asked["state"], "code": "c0de"})

    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/jobs/a">' in answer.text
    assert "SameSite=strict" in answer.headers["set-cookie"]
    verifier = issuer.forms[0]["code_verifier"]
    digest = hashlib.sha256(verifier.encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
    assert asked["code_challenge_method"] == "S256"
    assert client.get(TOKENS).status_code == 200


def test_a_way_back_is_good_once_and_for_one_browser(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    asked = begin(client)
    give(issuer, asked)
    back = {"state": asked["state"], "code": "c0de"}

    client.cookies.clear()
    assert client.get("/sign-in/done", params=back).status_code == 400
    asked = begin(client)
    give(issuer, asked)
    back = {"state": asked["state"], "code": "c0de"}
    assert client.get("/sign-in/done", params=back).status_code == 200
    assert client.get("/sign-in/done", params=back).status_code == 400


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"nonce": "another"}, 401),
        ({"aud": "debvisor-timers"}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"sub": "another"}, 401),
        ({"scope": "openid"}, 403),
    ],
)
def test_tokens_that_do_not_fit_begin_no_session(
    client: TestClient, issuer: FakeIssuer, claims: dict[str, object], status: int
) -> None:
    asked = begin(client)
    give(issuer, asked, **claims)

    answer = client.get("/sign-in/done", params={"state": asked["state"], "code": "c0de"})
    assert answer.status_code == status
    assert client.get(TOKENS).status_code == 401


def test_a_refusal_of_the_issuer_is_told(client: TestClient) -> None:
    asked = begin(client, "https://evil.example")
    answer = client.get(
        "/sign-in/done", params={"state": asked["state"], "error": "<b>access_denied"}
    )
    assert answer.status_code == 401
    assert "&lt;b&gt;access_denied" in answer.text


def test_without_a_client_id_there_is_no_such_way(served: Served, issuer: FakeIssuer) -> None:
    settings = {**SETTINGS, "client_id": ""}
    client = served.identifying({"oidc": settings}, fetch=issuer.fetch)

    assert client.get("/sign-in/oidc").status_code == 404
    assert "/sign-in/oidc" not in client.get("/sign-in").text
    assert "/sign-in/oidc" in served.identifying({"oidc": SETTINGS}).get("/sign-in").text


def test_the_keys_of_pyjwt_are_used_as_they_are() -> None:
    """A change of PyJWT that lets `none` in would be seen here."""
    with pytest.raises(jwt.PyJWTError):
        jwt.decode(jwt.encode({}, "", "none"), "", algorithms=["ES256"])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"oidc": {**SETTINGS, "issuer": "https://other.example.org"}},
        {"oidc": {**SETTINGS, "roles": {"timers:admin": "viewer"}}},
    ],
)
def test_a_session_ends_when_its_issuer_is_not_believed_any_more(
    client: TestClient, issuer: FakeIssuer, served: Served, settings: dict[str, object]
) -> None:
    asked = begin(client)
    give(issuer, asked)
    client.get("/sign-in/done", params={"state": asked["state"], "code": "c0de"})
    assert client.get(TOKENS).status_code == 200

    for wanted, status in (({"oidc": SETTINGS}, 200), (settings, 401)):
        restarted = served.identifying(wanted, fetch=issuer.fetch)
        restarted.cookies = client.cookies
        assert restarted.get(TOKENS).status_code == status


def test_nobody_is_sent_to_an_issuer_that_has_just_gone(
    client: TestClient, issuer: FakeIssuer
) -> None:
    asked = begin(client)
    issuer.is_away = True
    back = client.get("/sign-in/done", params={"state": asked["state"], "code": "c0de"})
    assert back.status_code == 503

    answer = client.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "The issuer could not be asked a moment ago" in answer.text


def test_an_issuer_that_is_away_is_not_asked_for_everybody_who_comes(
    client: TestClient, issuer: FakeIssuer
) -> None:
    issuer.is_away = True
    assert [client.get("/sign-in/oidc").status_code for _ in range(5)] == [503] * 5
    assert len(issuer.asked) == 1


def test_nothing_but_https_is_fetched_and_no_redirect_followed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(IssuerError, match="not https"):
        fetch_json(f"file://localhost{file}", None, {})

    with _redirecting() as url, pytest.raises(IssuerError, match="302"):
        fetch_json(url, None, {})


@contextmanager
def _redirecting() -> Iterator[str]:
    """Give the address of a server of this host that leads from / to /keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/" else 200)
            self.send_header("Location", "/keys")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_nobody_crowds_out_who_is_at_the_issuer(
    client: TestClient, issuer: FakeIssuer, served: Served
) -> None:
    asked = begin(client)
    cookies = dict(client.cookies)
    for _ in range(1_001):
        client.get("/sign-in/oidc")
    client.cookies = cookies
    give(issuer, asked)

    back = {"state": asked["state"], "code": "c0de"}
    assert client.get("/sign-in/done", params=back).status_code == 200


@pytest.mark.parametrize("cookie", ["", "a.b", "é.ü", "{}."])
def test_a_cookie_that_is_not_ours_leads_nowhere(client: TestClient, cookie: str) -> None:
    asked = begin(client)
    headers = [(b"Cookie", f"debvisor-oidc={cookie}".encode())]
    back = {"state": asked["state"], "code": "c0de"}
    client.cookies.clear()

    assert client.get("/sign-in/done", params=back, headers=headers).status_code == 400
