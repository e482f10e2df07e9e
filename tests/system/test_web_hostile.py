# SPDX-License-Identifier: Apache-2.0
"""The web server against clients that mean harm: nonsense, floods, slowness, paths elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, web_layer
from tests.system import hostile_http, slow_http
from tests.system.host import Host

SERVICE = "debvisor-timers-web.service"
AGENT = "debvisor-timers-agent.service"
JOBS = """\
jobs:
  one: {script: "echo one"}
"""
SETTINGS = (
    "web: {requests_per_second: 100000, changes_per_minute: 100000, connections_per_client: 2000}\n"
)
"""The limits of rates have tests of their own: here every attack is to get through."""

CALM = {"400", "401", "403", "404", "405", "406", "408", "411", "413", "414", "415", "422", "431"}
HARMLESS = {
    *("malformed: http 9.9", "malformed: absolute address", "malformed: strange host"),
    "malformed: header that is folded",
    *("malformed: header with a bare line feed", "malformed: ten thousand headers"),
    *("elsewhere: /api/v1/jobs?owner=%ff", "elsewhere: /api/v1/jobs?owner=a&owner=b"),
    f"elsewhere: {('/api/v1/jobs?' + 'a=b&' * 900)[:60]}",
}
"""What may be answered with 200 as well: no harm is in it."""
_MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(web_layer()) as box:
        host = Host(box)
        host.apply(JOBS)
        box.write("/etc/debvisor/timers/config.yaml", SETTINGS, 0o640)
        box.run("chgrp debvisor-timers /etc/debvisor/timers/config.yaml")
        yield host


@pytest.fixture(scope="module")
def token(host: Host) -> str:
    return host.cli("token", "create", "hostile", "--role", "admin").stdout.strip()


def attack(host: Host, module: Any, *arguments: str) -> dict[str, Any]:
    """Run a module of attacks in the box; return what it has seen."""
    text = Path(module.__file__).read_text(encoding="utf-8")
    done = host.box.run(["python3", "-", *arguments], input=text, timeout=400)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def is_calm(said: str, *, is_harmless: bool) -> bool:
    """Return whether an answer, or none, shows that the server knows what it does."""
    if not said.startswith("HTTP/"):
        return said in {"waits", "hung up"}
    status = said.split(" ")[1]
    return status in CALM or (is_harmless and status == "200")


def memory(host: Host) -> int:
    """Return how many bytes all processes of the server use."""
    said = host.box.run("ps -o rss= -u debvisor-timers-web").stdout
    return 1024 * sum(map(int, said.split()))


def pictures(host: Host) -> tuple[str, str, str]:
    files = host.box.run(
        "cd /etc/debvisor/timers && find . -type f | sort | xargs sha256sum"
    ).stdout
    return host.files(), files, host.show(SERVICE, "MainPID")["MainPID"]


def test_no_request_breaks_the_server_or_keeps_others_waiting(host: Host, token: str) -> None:
    host.box.run("curl -s -o /dev/null http://127.0.0.1:5000/api/v1/health")
    before, used = pictures(host), memory(host)

    found = attack(host, hostile_http, token)

    assert len(found) > 80
    broken = [
        f"{name}: {said}"
        for name, (said, _, _) in found.items()
        if not is_calm(said, is_harmless=name in HARMLESS)
    ]
    late = [
        f"{name}: {good} after {seconds} s"
        for name, (_, good, seconds) in found.items()
        if not good.startswith("HTTP/1.1 200") or seconds > 1
    ]
    assert (broken, late) == ([], [])
    assert pictures(host) == before
    assert memory(host) < used + 100 * _MEGABYTE
    said = host.box.journal("--unit", SERVICE, "--unit", AGENT, "--output=cat")
    assert "Traceback" not in said


def test_slow_clients_hold_up_nobody(host: Host, token: str) -> None:
    found = attack(host, slow_http, token, "one")

    alone = found.pop("nobody")
    for name in ("says nothing", "half the headers"):
        assert found.pop(f"{name}, hung up") == slow_http.CROWD, name
    assert found.pop("streams, open") == slow_http.CROWD
    for name, waits in found.items():
        middle, longest = waits[len(waits) // 2], waits[-1]
        assert middle < 0.1 + 3 * alone[len(alone) // 2], f"{name}: {waits}"
        assert longest < 2, f"{name}: {waits}"
    assert host.show(SERVICE, "NRestarts", "ActiveState") == {
        "NRestarts": "0",
        "ActiveState": "active",
    }


BOMB = """\
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
jobs: {one: {script: "true", tags: {a: *g}}}
"""


def test_a_header_cannot_say_who_somebody_is(host: Host) -> None:
    """No proxy is trusted, so no header tells of another address, user or role."""
    forged = [
        *("X-Forwarded-For: 127.0.0.1", "X-Forwarded-User: root", "X-Real-IP: 127.0.0.1"),
        *("Remote-User: root", "X-Forwarded-Proto: https", "Forwarded: for=127.0.0.1"),
        *("X-Original-URL: /api/v1/health", "X-HTTP-Method-Override: DELETE", "X-Role: admin"),
    ]
    options = [word for each in forged for word in ("-H", each)]
    asked = "http://127.0.0.1:5000/api/v1/jobs"
    done = host.box.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, asked])
    assert done.stdout == "401"


def test_the_page_of_another_site_gets_nothing(host: Host, token: str) -> None:
    asked = [
        *("curl", "-s", "-i", "-H", "Origin: https://evil.example"),
        *("-H", f"Authorization: Bearer {token}"),
    ]
    said = host.box.run([*asked, "http://127.0.0.1:5000/api/v1/jobs"]).stdout.lower()
    assert "access-control-allow-origin" not in said
    options = ["-H", "Access-Control-Request-Method: DELETE"]
    said = host.box.run(
        [*asked, "-X", "OPTIONS", *options, "http://127.0.0.1:5000/api/v1/jobs/one"]
    ).stdout.lower()
    assert "access-control-allow" not in said
