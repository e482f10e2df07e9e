# SPDX-License-Identifier: Apache-2.0
"""The web server as it is installed: its sandbox, its sockets, who is let in, what is logged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, web_layer
from tests.system.host import Host

SERVICE, SOCKET = "debvisor-timers-web.service", "debvisor-timers-web.socket"
HERE = "http://127.0.0.1:5000"
PEER = "/run/debvisor-timers/web.sock"


class Web(Host):
    """A host with the server, and curl."""

    def curl(self, *arguments: str, user: str = "") -> tuple[int, Any, str]:
        """Return status, JSON document and headers of an answer."""
        argv = ["curl", "--silent", "--include", "--max-time", "60", *arguments]
        said = self.box.run(argv, user=user).stdout.replace("\r\n", "\n")
        head, _, body = said.partition("\n\n")
        found = re.match(r"HTTP/\S+ (\d{3})", head)
        assert found, said
        return int(found[1]), json.loads(body) if body.startswith("{") else body, head

    def status(self, path: str, *arguments: str, user: str = "") -> int:
        """Return the status of an answer."""
        return self.curl(f"{HERE}/api/v1{path}", *arguments, user=user)[0]

    def by_socket(self, path: str, user: str) -> int:
        """Return the status of an answer to who comes by the Unix socket."""
        return self.curl("--unix-socket", PEER, f"http://x/api/v1{path}", user=user)[0]

    def token(self, name: str, role: str) -> str:
        """Make a token, and return it as an option of curl."""
        made = self.cli("token", "create", name, "--role", role).stdout.strip()
        return f"-HAuthorization: Bearer {made}"

    def restart(self) -> None:
        """Let the server begin anew, and forget who was locked out."""
        self.box.run(["systemctl", "restart", SERVICE])

    def configure(self, text: str) -> None:
        """Write config.yaml, and let the server read it."""
        self.box.write("/etc/debvisor/timers/config.yaml", text, 0o640)
        self.box.run("chgrp debvisor-timers /etc/debvisor/timers/config.yaml")
        self.restart()


@pytest.fixture(scope="module")
def host() -> Iterator[Web]:
    with Box.boot(web_layer(), hostname="zeus", timezone="Europe/Amsterdam") as box:
        box.run("useradd --groups debvisor-timers alice; useradd bob")
        yield Web(box)


def test_the_first_connection_starts_the_server(host: Web) -> None:
    assert host.box.run(["systemctl", "is-enabled", SOCKET]).stdout == "enabled\n"
    assert host.show(SERVICE, "ActiveState") == {"ActiveState": "inactive"}
    listening = host.box.run(["systemctl", "show", "--property=Listen", "--value", SOCKET]).stdout
    assert listening.splitlines() == ["127.0.0.1:5000 (Stream)", f"{PEER} (Stream)"]

    status, document, _ = host.curl(f"{HERE}/api/v1/health")

    assert (status, document["data"]["status"]) == (200, "healthy")
    assert host.show(SERVICE, "ActiveState", "User") == {
        "ActiveState": "active",
        "User": "debvisor-timers-web",
    }


def test_the_server_is_hardly_exposed(host: Web) -> None:
    said = host.box.run(["systemd-analyze", "security", "--no-pager", SERVICE], check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)

    assert found, said
    assert float(found[1]) <= 1.5, said


def test_tokens_let_in_until_they_are_revoked(host: Web) -> None:
    assert host.status("/tokens") == 401
    admin, viewer = host.token("admin", "admin"), host.token("grafana", "viewer")

    assert host.status("/tokens", admin) == 200
    assert host.status("/tokens", admin.replace("Authorization: Bearer", "X-API-Key:")) == 200
    assert host.status("/tokens", viewer) == 403
    assert host.status("/tokens", f"{admin}x") == 401
    host.cli("token", "revoke", "admin")
    assert host.status("/tokens", admin) == 401

    def is_noted() -> bool:
        (grafana,) = host.json("token", "list")
        return grafana["last_used"] is not None

    host.box.wait_until(is_noted, 30, "the use is noted")


def test_users_of_the_host_come_by_the_socket(host: Web) -> None:
    assert host.by_socket("/tokens", "root") == 200
    assert host.by_socket("/tokens", "alice") == 403  # editor
    assert host.by_socket("/tokens", "bob") == 401
    assert host.by_socket("/health", "bob") == 200

    host.configure("web: {peers: {bob: admin}}\n")
    assert host.by_socket("/tokens", "bob") == 200
    assert host.by_socket("/tokens", "alice") == 401
    host.configure("{}\n")


def test_an_address_is_locked_out(host: Web) -> None:
    admin = host.token("boss", "admin")
    for _ in range(10):
        assert host.status("/tokens", "-HX-API-Key: dvt_wrong") == 401

    status, _, head = host.curl(f"{HERE}/api/v1/tokens", admin)
    assert status == 429
    assert re.search(r"^retry-after: \d+$", head, re.MULTILINE)
    assert host.by_socket("/tokens", "root") == 200
    host.restart()
    assert host.status("/tokens", admin) == 200


def test_each_answer_is_a_record_of_the_journal(host: Web) -> None:
    admin = host.token("auditor", "admin")
    host.status("/tokens?secret=x", admin, "-HX-Request-ID: abc-1")

    (record,) = host.records("DEBVISOR_REQUEST_ID=abc-1", "SYSLOG_IDENTIFIER=debvisor-timers-web")
    assert record["DEBVISOR_WEB_PATH"] == "/api/v1/tokens"
    assert record["DEBVISOR_WEB_WHO"] == "auditor"
    assert record["DEBVISOR_WEB_STATUS"] == "200"
    assert "secret" not in json.dumps(record)


def test_headers_that_are_too_long_and_nonsense_break_nothing(host: Web) -> None:
    assert host.curl(f"{HERE}/api/v1/health", f"-HX-Long: {'x' * 40_000}")[0] == 431
    host.box.run(
        "printf 'nonsense\\r\\n\\r\\n' | curl --silent telnet://127.0.0.1:5000", check=False
    )
    assert host.status("/health") == 200
    assert host.show(SERVICE, "NRestarts") == {"NRestarts": "0"}


def test_settings_that_make_no_sense_let_nobody_in(host: Web) -> None:
    host.configure("web: {peers: {bob: king}}\n")
    assert host.by_socket("/tokens", "root") == 503
    said = host.box.journal("--unit", SERVICE, "--output=cat")
    assert "config.yaml:1:20: error: web.peers.bob: 'king' is not one of viewer" in said

    host.configure("pools: {x: nonsense}\n")
    assert host.by_socket("/tokens", "root") == 200
    host.configure("{}\n")


CERTIFICATE = """
mkdir -p -m 0700 /etc/credstore
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout /etc/credstore/debvisor-timers-web.key \
    -out /etc/credstore/debvisor-timers-web.certificate 2>/dev/null
cp /etc/credstore/debvisor-timers-web.certificate /root/localhost.pem
systemctl restart debvisor-timers-web.service
"""


def test_it_speaks_tls_with_a_certificate_of_its_own(host: Web) -> None:
    host.box.run(CERTIFICATE)
    try:
        status, _, head = host.curl(
            "--ipv4", "--cacert", "/root/localhost.pem", "https://localhost:5000/api/v1/health"
        )
        assert status == 200
        assert "strict-transport-security: " in head
        assert host.box.run(["curl", "-s", f"{HERE}/api/v1/health"], check=False).returncode != 0
        assert host.by_socket("/tokens", "root") == 200
    finally:
        host.box.run("rm /etc/credstore/debvisor-timers-web.*")
        host.restart()
