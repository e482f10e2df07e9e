# SPDX-License-Identifier: Apache-2.0
"""The web server as it is installed: its sandbox, its sockets, who is let in, what is logged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import PROXIES, Box, web_layer
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


def test_a_token_that_the_api_makes_is_in_the_audit(host: Web) -> None:
    boss = host.token("boss", "admin")
    wanted = ["-HContent-Type: application/json", "-HX-Request-ID: abc-2", '-d{"name": "ci"}']
    status, document, _ = host.curl(f"{HERE}/api/v1/tokens", boss, *wanted)

    assert status == 201, document
    made = f"-HAuthorization: Bearer {document['data']['token']}"
    assert host.status("/tokens/ci", made) == 403
    event = host.json("audit", "--verb", "token")[0]
    assert (event["what"], event["result"]) == ("create ci as viewer", "done")
    assert (event["token"], event["address"]) == ("boss", "127.0.0.1")
    assert event["request"] == "abc-2"
    assert host.status("/tokens/ci", boss, "-XDELETE") == 200
    assert host.status("/tokens/ci", made) == 401
    host.cli("token", "revoke", "boss")


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


CROWD = """\
import socket
made = [socket.create_connection(("127.0.0.1", 5000), timeout=30) for _ in range(201)]
print(made[-1].recv(100).split(b"\\r\\n")[0].decode())
asked = b"GET /api/v1/health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"
with socket.create_connection(("127.0.0.1", 5000), 30, ("127.0.0.2", 0)) as other:
    other.sendall(asked)
    print(other.recv(100).split(b"\\r\\n")[0].decode())
"""


def test_one_client_leaves_room_for_others(host: Web) -> None:
    done = host.box.run("python3 -", input=CROWD, timeout=60)
    assert done.stdout == "HTTP/1.1 429 Too Many Requests\nHTTP/1.1 200 OK\n"


def test_settings_that_make_no_sense_let_nobody_in(host: Web) -> None:
    host.configure("web: {peers: {bob: king}}\n")
    assert host.by_socket("/tokens", "root") == 503
    said = host.box.journal("--unit", SERVICE, "--output=cat")
    assert "config.yaml:1:20: error: web.peers.bob: 'king' is not one of viewer" in said

    host.configure("pools: {x: nonsense}\n")
    assert host.by_socket("/tokens", "root") == 200
    host.configure("{}\n")


JOB = "jobs: {tick: {schedule: '@daily', script: 'echo hello', shell: /bin/sh}}\n"
SEEN = (
    *("/api/v1/jobs", "/api/v1/jobs/tick", "/api/v1/jobs/tick/history", "/api/v1/jobs/tick/stats"),
    *("/api/v1/runs", "/api/v1/stats", "/api/v1/maintenance", "/api/v1/status", "/api/v1/config"),
    *("/api/v1/plan", "/api/v1/graph", "/api/v1/timeline", "/api/v1/tasks", "/api/v1/audit"),
    *("/api/v1/tasks/archive", "/api/v1/metrics", "/api/v1/jobs/tick/logs", "/api/v1/openapi.json"),
    *("/", "/jobs/tick", "/timeline", "/graph", "/audit", "/tokens", "/settings", "/new"),
    *("/jobs/tick/edit", "/sign-in"),
)


def test_all_that_is_read_can_be_read_in_the_sandbox(host: Web) -> None:
    host.apply(JOB)
    host.cli("run", "tick", "--wait")
    run = host.json("history", "tick")[0]["run"]
    paths = (*SEEN, f"/api/v1/jobs/tick/runs/{run}", f"/jobs/tick/runs/{run}")

    answers = {path: host.curl("--unix-socket", PEER, f"http://x{path}")[0] for path in paths}

    assert {path: status for path, status in answers.items() if status != 200} == {}
    assert "Traceback" not in host.box.journal("--unit", SERVICE, "--output=cat")


FOLLOW = """
systemd-run --quiet --unit=follower curl --silent --no-buffer --output /root/followed \
    "-HAuthorization: Bearer $1" -HAccept:text/event-stream \
    http://127.0.0.1:5000/api/v1/jobs/tick/logs
"""


def test_a_log_that_is_followed_ends_with_its_token(host: Web) -> None:
    host.apply(JOB)
    secret = host.cli("token", "create", "follower").stdout.strip()
    host.box.run(["/bin/sh", "-ec", FOLLOW, "sh", secret])
    host.box.wait_until("grep -q : /root/followed", 30, "something has come")
    host.box.run("systemctl is-active follower")

    host.cli("token", "revoke", "follower")

    host.box.wait_until("! systemctl --quiet is-active follower", 30, "it has ended")
    said = host.box.journal("--unit", SERVICE, "--output=cat")
    assert "Traceback" not in said


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


# --- an issuer -----------------------------------------------------------------------------------

ISSUER = """
import base64, json, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

URL = "http://127.0.0.1:9000"
KEY = rsa.generate_private_key(65537, 2048)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/certs":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            said = {"keys": [{**public, "kid": "k1", "use": "sig"}]}
        elif self.path == "/token":
            claims = {"iss": URL, "aud": "timers", "exp": time.time() + 300, "sub": "anna"}
            said = jwt.encode({**claims, "scope": "timers:admin"}, KEY, "RS256", {"kid": "k1"})
        else:
            said = {"issuer": URL, "jwks_uri": URL + "/certs"}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", 9000), Handler).serve_forever()
"""
DROP_IN = """
mkdir -p /etc/systemd/system/debvisor-timers-web.service.d
cp /usr/share/doc/debvisor-timers-web/examples/network.conf \
    /etc/systemd/system/debvisor-timers-web.service.d/
systemctl daemon-reload
systemctl restart debvisor-timers-web.service
"""
OIDC = """\
web:
  oidc: {issuer: "http://127.0.0.1:9000", audience: timers, roles: {"timers:admin": admin}}
"""


def test_an_issuer_is_asked_for_its_keys_where_the_network_is_open(host: Web) -> None:
    host.box.write("/root/issuer.py", ISSUER)
    host.box.run("systemd-run --unit=issuer python3 /root/issuer.py")
    host.box.wait_until("curl -s http://127.0.0.1:9000/token", 30, "the issuer answers")
    token = json.loads(host.box.run("curl -s http://127.0.0.1:9000/token").stdout)
    bearer = f"-HAuthorization: Bearer {token}"
    host.configure(OIDC)

    status, document, _ = host.curl(f"{HERE}/api/v1/tokens", bearer)
    assert status == 503
    assert "debvisor-timers-web(8)" in document["error"]["fix"]
    host.box.run(DROP_IN)
    assert host.status("/tokens", bearer) == 200
    assert host.status("/tokens", bearer[:-2]) == 401

    host.box.run("systemctl stop issuer; rm -r /etc/systemd/system/debvisor-timers-web.service.d")
    host.box.run("systemctl daemon-reload")
    host.configure("{}\n")


# --- behind a reverse proxy ----------------------------------------------------------------------

NGINX = """
cp /usr/share/doc/debvisor-timers-web/examples/nginx.conf /etc/nginx/sites-enabled/
rm -f /etc/nginx/sites-enabled/default
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=timers.example.org \
    -keyout /etc/ssl/private/timers.example.org.key -out /etc/ssl/certs/timers.example.org.pem \
    2>/dev/null
systemctl start nginx
"""
CADDY = """
systemctl stop nginx
printf '{\n\tlocal_certs\n\tskip_install_trust\n}\n' >/etc/caddy/Caddyfile
cat /usr/share/doc/debvisor-timers-web/examples/Caddyfile >>/etc/caddy/Caddyfile
systemctl start caddy
"""


@pytest.fixture(scope="module")
def proxied() -> Iterator[Web]:
    with Box.boot(web_layer(PROXIES), hostname="zeus") as box:
        web = Web(box)
        web.configure("web: {trusted_proxies: [127.0.0.1]}\n")
        yield web


@pytest.mark.parametrize("proxy", [NGINX, CADDY], ids=["nginx", "caddy"])
def test_behind_a_proxy_the_address_is_that_of_the_client(proxied: Web, proxy: str) -> None:
    proxied.box.run(proxy)
    name = "nginx" if proxy is NGINX else "caddy"
    token = proxied.token(name, "admin")
    asked = ["--insecure", "--resolve", "timers.example.org:443:127.0.0.1"]
    asked += ["--interface", "127.0.0.5", "-HX-Forwarded-For: 203.0.113.9", token]
    asked += [f"-A{name}", "https://timers.example.org/api/v1/tokens"]

    proxied.box.wait_until(lambda: proxied.curl(*asked)[0] == 200, 20, "the proxy answers")
    status, _, head = proxied.curl(*asked)

    assert status == 200
    assert "strict-transport-security" in head.lower()
    found = re.search(r"^x-request-id: (\S+)$", head, re.MULTILINE | re.IGNORECASE)
    assert found
    (record,) = proxied.records(f"DEBVISOR_REQUEST_ID={found[1]}")
    assert record["DEBVISOR_WEB_ADDRESS"] == "127.0.0.5"
