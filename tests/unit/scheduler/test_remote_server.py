# SPDX-License-Identifier: Apache-2.0
"""Asking a server: addresses, secrets, connections that end, errors that it tells of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from debvisor_timers.errors import (
    DebvisorTimersError,
    DefinitionError,
    LockedError,
    NotFoundError,
    PermissionRefusedError,
    RefusedError,
    SystemdError,
    UnauthenticatedError,
    UnreachableError,
    UsageError,
)
from debvisor_timers.scheduler.remote.address import Address, address_of
from debvisor_timers.scheduler.remote.server import Question, Server
from tests.unit.scheduler.answering import HANG_UP, Answering, answer, failure, success


class Connect(Protocol):
    def __call__(self, answering: Answering, *, token: str = "", timeout: float = 10) -> Server: ...


GET = Question(path=("jobs",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.sock"


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[Server] = []

    def connect(answering: Answering, *, token: str = "", timeout: float = 10) -> Server:
        made.append(Server(address_of(answering.url), token=token, timeout=timeout))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:5000", Address(host="localhost", port=5000)),
        ("http://127.0.0.1:5000/api/v1", Address(host="127.0.0.1", port=5000)),
        ("https://timers.example.org", Address(host="timers.example.org", is_tls=True)),
        ("https://[::1]:8443/", Address(host="::1", port=8443, is_tls=True)),
        (
            "https://example.org/timers/",
            Address(host="example.org", is_tls=True, prefix="/timers/api/v1"),
        ),
        (
            "http+unix:///run/debvisor-timers/web.sock",
            Address(path=Path("/run/debvisor-timers/web.sock")),
        ),
        (
            "http+unix://%2Frun%2Fdebvisor-timers%2Fweb.sock",
            Address(path=Path("/run/debvisor-timers/web.sock")),
        ),
    ],
)
def test_an_address_is_read(url: str, address: Address) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:5000", "ftp://localhost", "http://", "http://localhost:port"),
        *("http+unix://web.sock", "http://localhost?a=b", "http://[::1", None, 5),
    ],
)
def test_what_is_no_address_is_an_error_of_ours(url: object) -> None:
    with pytest.raises(UsageError) as caught:
        address_of(url)
    assert caught.value.fix


def test_a_password_in_an_address_is_not_told() -> None:
    with pytest.raises(UsageError) as caught:
        address_of("https://anna:secret@example.org")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://example.org", "http://192.0.2.1:5000"])
def test_no_token_travels_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="for everybody on the way to read") as caught:
        Server(address_of(url), token="secret")
    assert "secret" not in str(caught.value)
    Server(address_of(url))


@pytest.mark.parametrize("url", ["http://127.0.0.2", "http://localhost", "https://example.org"])
def test_a_token_travels_where_nobody_can_read_it(url: str) -> None:
    Server(address_of(url), token="secret")


@pytest.mark.parametrize("token", ["a b", "a\n", "ä", "a\r\nX-Other: b"])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    with pytest.raises(UsageError, match="characters that no token has") as caught:
        Server(address_of("http://localhost"), token=token)
    assert token not in str(caught.value)


def test_a_question_is_one_request(path: Path, connect: Connect) -> None:
    with Answering(path, success({"count": 1})) as answering:
        asked = Question(
            method="POST",
            path=("jobs", "a/b ä"),
            query=(("wait", "false"),),
            body={"name": "ä"},
            once="key-1",
        )
        assert connect(answering, token="secret").ask(asked) == {"count": 1}

    (request,) = answering.requests
    line, *headers = request.decode().split("\r\n")
    assert line == "POST /api/v1/jobs/a%2Fb%20%C3%A4?wait=false HTTP/1.1"
    assert "Authorization: Bearer secret" in headers
    assert "Idempotency-Key: key-1" in headers
    assert "Content-Type: application/json" in headers
    assert headers[-1] == '{"name": "\\u00e4"}'


def test_a_connection_serves_many_questions(path: Path, connect: Connect) -> None:
    with Answering(path, success(1)) as answering:
        asked = connect(answering)
        assert [asked.ask(GET) for _ in range(3)] == [1, 1, 1]
    assert answering.connections == 1


def test_a_connection_that_has_ended_is_made_anew(path: Path, connect: Connect) -> None:
    with Answering(path, success(1)) as answering:
        asked = connect(answering)
        asked.ask(GET)
        answering.hang_up()
        # No key: were it sent on the old connection, nobody would know whether it was done.
        assert asked.ask(Question(method="DELETE", path=("jobs", "a"))) == 1
    assert answering.connections == 2


@pytest.mark.parametrize(
    "question",
    [
        GET,
        Question(method="PUT", path=("jobs", "a"), body={}),
        Question(method="POST", path=("jobs",), body={}, once="a"),
    ],
    ids=lambda question: question.method,
)
def test_what_can_be_repeated_is_asked_again(
    path: Path, connect: Connect, question: Question
) -> None:
    with Answering(path, HANG_UP, success(1)) as answering:
        assert connect(answering).ask(question) == 1
    first, second = answering.requests
    assert first == second


def test_what_cannot_be_repeated_is_asked_once(path: Path, connect: Connect) -> None:
    with (
        Answering(path, HANG_UP, success(1)) as answering,
        pytest.raises(UnreachableError, match="whether it did it is not known"),
    ):
        connect(answering).ask(Question(method="DELETE", path=("jobs", "a")))
    assert len(answering.requests) == 1


def test_a_server_that_hangs_up_twice_is_given_up(path: Path, connect: Connect) -> None:
    with (
        Answering(path, HANG_UP) as answering,
        pytest.raises(UnreachableError, match="it hung up before it answered"),
    ):
        connect(answering).ask(GET)
    assert len(answering.requests) == 2


def test_who_asks_too_much_waits_for_his_turn(path: Path, connect: Connect) -> None:
    later = answer("429 Too Many Requests", b'{"status": "error"}', "Retry-After: 0")
    with Answering(path, later, later, success(1)) as answering:
        assert connect(answering).ask(Question(method="DELETE", path=("jobs", "a"))) == 1
    assert len(answering.requests) == 3


@pytest.mark.parametrize("wait", ["600", "soon", "9", ""])
def test_who_is_locked_out_is_told(path: Path, connect: Connect, wait: str) -> None:
    later = answer("429 Too Many Requests", b'{"status": "error"}', f"Retry-After: {wait}")
    with Answering(path, later) as answering, pytest.raises(RefusedError):
        connect(answering, timeout=5).ask(GET)
    assert len(answering.requests) == 1


def test_what_json_cannot_say_is_not_sent(path: Path, connect: Connect) -> None:
    with Answering(path, success(1)) as answering, pytest.raises(UsageError, match="as JSON"):
        connect(answering).ask(Question(method="PUT", body={"a": float("nan")}))
    assert answering.requests == []


def test_half_an_answer_is_none(path: Path, connect: Connect) -> None:
    half = success({"count": 1})[:-5]
    with Answering(path, half) as answering:
        asked = connect(answering, timeout=0.2)
        with pytest.raises(UnreachableError, match=r"no answer within 0\.2 seconds"):
            asked.ask(GET)


@pytest.mark.parametrize(
    "said",
    [
        answer("200 OK", b"<html>"),
        answer("200 OK", b"[]"),
        answer("200 OK", b"\xff"),
        answer("302 Found", b"", "Location: https://other.example/"),
        answer("500 Internal Server Error", b"Internal Server Error"),
        b"SSH-2.0-OpenSSH_10.0\r\n",
    ],
    ids=range(6),
)
def test_another_server_is_told_from_ours(path: Path, connect: Connect, said: bytes) -> None:
    with Answering(path, said) as answering, pytest.raises(UnreachableError) as caught:
        connect(answering).ask(GET)
    assert str(path) in caught.value.message
    assert len(answering.requests) == 1


def test_a_server_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(UnreachableError, match="No such file") as caught:
        Server(Address(path=path)).ask(GET)
    assert "systemctl status" in caught.value.fix


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", UsageError),
        ("401 Unauthorized", UnauthenticatedError),
        ("403 Forbidden", PermissionRefusedError),
        ("404 Not Found", NotFoundError),
        ("409 Conflict", RefusedError),
        ("412 Precondition Failed", RefusedError),
        ("422 Unprocessable Entity", UsageError),
        ("423 Locked", LockedError),
        ("429 Too Many Requests", RefusedError),
        ("502 Bad Gateway", SystemdError),
        ("500 Internal Server Error", DebvisorTimersError),
    ],
)
def test_each_status_is_an_error(
    path: Path, connect: Connect, status: str, kind: type[DebvisorTimersError]
) -> None:
    with (
        Answering(path, failure(status, detail="no", fix="wait")) as answering,
        pytest.raises(DebvisorTimersError) as caught,
    ):
        connect(answering).ask(GET)
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.fix) == ("no", "wait")


def test_an_error_is_the_one_that_the_host_has_raised(path: Path, connect: Connect) -> None:
    problem = {
        "file": "/etc/debvisor/timers/jobs.d/a.yaml",
        "line": 3,
        "column": 15,
        "severity": "error",
        "key": "schedule",
        "message": "hour 25 is outside 0-23",
        "fix": "use an hour from 0 to 23",
    }
    told = failure(
        "422 Unprocessable Entity",
        error="DefinitionError",
        detail="a.yaml:3:15: error: hour 25",
        problems=[problem],
    )
    with Answering(path, told) as answering, pytest.raises(DefinitionError) as caught:
        connect(answering).ask(GET)
    assert str(caught.value) == "a.yaml:3:15: error: hour 25"
    (one,) = caught.value.problems
    assert str(one.span) == "/etc/debvisor/timers/jobs.d/a.yaml:3:15"
    assert (one.key, one.message) == ("schedule", "hour 25 is outside 0-23")


@pytest.mark.parametrize("name", ["SystemExit", "ExitCode", "Problem", "", "../x"])
def test_an_error_that_is_none_of_ours_goes_by_its_status(
    path: Path, connect: Connect, name: str
) -> None:
    with (
        Answering(path, failure("404 Not Found", error=name)) as answering,
        pytest.raises(NotFoundError, match="the server answers 404"),
    ):
        connect(answering).ask(GET)
