# SPDX-License-Identifier: Apache-2.0
"""What every request passes: ids, addresses, limits, headers, the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.edge import body
from debvisor_timers.web.edge.log import AccessLog, Answered
from debvisor_timers.web.identity.limits import LockOut, Rate, client_of
from debvisor_timers.web.identity.proxies import Proxies
from debvisor_timers.web.identity.refusals import TooManyRequestsError
from tests.unit.web.served import Served

HEALTH, TOKENS = "/api/v1/health", "/api/v1/tokens"


def test_every_answer_has_the_headers_that_keep_browsers_safe(served: Served) -> None:
    client = served.identifying()
    for path in (HEALTH, "/nothing", "/sign-in", "/static/style.css"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "Strict-Transport-Security" not in headers
        assert "Access-Control-Allow-Origin" not in headers
        assert headers.get("Cache-Control") == (None if "static" in path else "no-store")


def test_a_request_has_an_id_its_own_where_that_is_one(served: Served) -> None:
    client = served.identifying()

    assert client.get(HEALTH, headers={"X-Request-ID": "abc-1.2"}).headers["X-Request-ID"] == (
        "abc-1.2"
    )
    for wrong in ("", "a b", "x" * 65, "a\x0b"):
        made = client.get(HEALTH, headers={"X-Request-ID": wrong}).headers["X-Request-ID"]
        assert len(made) == 16


def test_each_answer_is_logged_without_its_query(served: Served) -> None:
    secret = served.token("ci", Role.ADMIN)
    client = served.identifying()
    headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": "r1"}
    client.get(f"{TOKENS}?token=secret", headers=headers)
    client.get(TOKENS)

    known, unknown = (answered.to_fields() for answered in served.log)
    assert known["MESSAGE"].startswith("192.0.2.7 ci GET /api/v1/tokens: 200 in ")
    assert (known["DEBVISOR_REQUEST_ID"], known["DEBVISOR_WEB_ROLE"]) == ("r1", "admin")
    assert "secret" not in repr(known)
    assert unknown["MESSAGE"].startswith("192.0.2.7 nobody GET /api/v1/tokens: 401 in ")
    assert (known["PRIORITY"], unknown["PRIORITY"]) == ("6", "4")


def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    client = served.identifying()
    headers = {"Authorization": f"Bearer {served.token('ci', Role.ADMIN)}"}

    whole = client.post(TOKENS, content=b"x" * 1_048_577, headers=headers)
    assert (whole.status_code, whole.json()["status"]) == (413, "error")

    def parts() -> Iterator[bytes]:
        for _ in range(1_100):
            yield b"x" * 1_000

    streamed = client.post(TOKENS, content=parts(), headers=headers)
    assert streamed.status_code == 413


def test_who_asks_too_often_has_to_wait(served: Served) -> None:
    client = served.identifying({"requests_per_second": 1, "changes_per_minute": 1})

    assert [client.get(HEALTH).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get(HEALTH)
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["error"]["status"] == 429


def test_only_trusted_proxies_say_who_is_behind_them(served: Served) -> None:
    headers = {"X-Forwarded-For": "203.0.113.5, 198.51.100.9", "X-Forwarded-Proto": "https"}
    served.identifying().get(HEALTH, headers=headers)
    answer = served.identifying({"trusted_proxies": "192.0.2.0/24"}).get(HEALTH, headers=headers)

    assert [answered.address for answered in served.log] == ["192.0.2.7", "198.51.100.9"]
    assert "Strict-Transport-Security" in answer.headers


def test_a_proxy_that_adds_a_header_of_its_own_is_heard_and_not_the_client(served: Served) -> None:
    client = served.identifying({"trusted_proxies": "192.0.2.0/24"})
    answer = client.get(
        HEALTH,
        headers=[
            ("X-Forwarded-For", "203.0.113.5"),  # what the client has written
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-For", "198.51.100.9"),  # HAProxy, behind it
            ("X-Forwarded-Proto", "http"),
        ],
    )

    assert served.log[-1].address == "198.51.100.9"
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5", "203.0.113.5"),
        ("192.0.2.1", "1.1.1.1, 203.0.113.5, 192.0.2.2", "203.0.113.5"),
        ("192.0.2.1", "nonsense", "192.0.2.1"),
        ("192.0.2.1", "nonsense, 192.0.2.2", "192.0.2.2"),
        ("198.51.100.1", "203.0.113.5", "198.51.100.1"),
        ("::ffff:192.0.2.1", "[2001:db8::5]:443", "2001:db8::5"),
    ],
)
def test_the_first_from_the_right_that_is_no_proxy_counts(
    address: str, forwarded: str, client: str
) -> None:
    assert Proxies(["192.0.2.0/24"]).client(address, forwarded) == client


def test_other_origins_are_told_nothing_unless_they_are_named(served: Served) -> None:
    asked = {"Origin": "https://dash.example.org", "Access-Control-Request-Method": "GET"}
    assert (
        "Access-Control-Allow-Origin" not in served.identifying().get(HEALTH, headers=asked).headers
    )

    client = served.identifying({"origins": ["https://dash.example.org"]})
    answer = client.options(HEALTH, headers=asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://dash.example.org"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    other = client.get(HEALTH, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_network_of_ipv6_is_one_client() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff") == "2001:db8::/64"
    assert client_of("192.0.2.7") == "192.0.2.7"
    assert client_of("user 1000") == "user 1000"


def test_an_address_of_ipv4_is_one_client_on_a_socket_of_ipv6_too() -> None:
    assert client_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert client_of("::ffff:198.51.100.9") != client_of("::ffff:192.0.2.7")
    assert client_of("fe80::1%eth0") == client_of("fe80::2%eth0") == "fe80::/64"


def test_a_bucket_fills_again() -> None:
    now = [100.0]
    rate = Rate(2, 3, clock=lambda: now[0])

    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert rate.take("b") == 0
    now[0] += 1
    assert [rate.take("a") for _ in range(3)] == [0, 0, 1]


def test_wrong_tokens_are_forgotten_in_time() -> None:
    from datetime import timedelta  # noqa: PLC0415

    now = [100.0]
    lock_out = LockOut(2, timedelta(minutes=5), clock=lambda: now[0])
    assert not lock_out.note("a")
    now[0] += 200
    assert lock_out.note("a")
    with pytest.raises(TooManyRequestsError, match="2 wrong tokens have come from a"):
        lock_out.check("a")
    lock_out.check("b")
    now[0] += 101
    lock_out.check("a")


def test_the_log_goes_on_after_a_journal_that_was_away() -> None:
    sent: list[str] = []

    def send(fields: object) -> None:
        assert isinstance(fields, dict)
        if fields["DEBVISOR_WEB_PATH"] == "/a":
            raise OSError("away")
        sent.append(fields["DEBVISOR_WEB_PATH"])

    log = AccessLog(send)
    for path in ("/a", "/b\x1b", "/c"):
        log(
            Answered(
                method="GET",
                path=path,
                status=200,
                seconds=0.001,
                address="192.0.2.7",
                request_id="r1",
                who=None,
            )
        )
    log.close()

    assert sent == ["/b?", "/c"]


def test_a_body_that_comes_byte_by_byte_is_waited_for_no_longer_than_the_whole_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "WHOLE_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read() -> None:
        next_part = body.bounded(receive, lambda: True)
        for _ in range(200):
            await next_part()

    with pytest.raises(HTTPException, match="too slowly"):
        asyncio.run(read())
