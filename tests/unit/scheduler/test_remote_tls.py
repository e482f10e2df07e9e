# SPDX-License-Identifier: Apache-2.0
"""A remote scheduler over HTTPS: whom it trusts, and what it says where it does not."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from debvisor_timers import JobScheduler
from debvisor_timers.errors import UnreachableError, UsageError

JOBS = b'{"status": "success", "data": {"jobs": [], "count": 0, "next": null}}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer that there are no jobs."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(JOBS)))
        self.end_headers()
        self.wfile.write(JOBS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that trust nobody."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that localhost has signed itself, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    """The port of a server with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_is_trusted_by_its_authority(port: int, certificate: Path) -> None:
    url = f"https://localhost:{port}"
    with JobScheduler.connect(url, token="secret", ca_file=str(certificate)) as remote:
        assert [remote.jobs for _ in range(3)] == [{}, {}, {}]


def test_nobody_else_is_trusted(port: int) -> None:
    with (
        JobScheduler.connect(f"https://localhost:{port}", token="secret") as remote,
        pytest.raises(UnreachableError, match="its certificate is not good") as caught,
    ):
        _ = remote.jobs
    assert "ca_file" in caught.value.fix
    assert "secret" not in str(caught.value)


def test_a_certificate_is_that_of_its_host(port: int, certificate: Path) -> None:
    with (
        JobScheduler.connect(f"https://127.0.0.1:{port}", ca_file=str(certificate)) as remote,
        pytest.raises(UnreachableError, match="its certificate is not good"),
    ):
        _ = remote.jobs


def test_who_speaks_no_tls_to_it_is_told(port: int) -> None:
    with (
        JobScheduler.connect(f"http://localhost:{port}", timeout=5) as remote,
        pytest.raises(UnreachableError),
    ):
        _ = remote.jobs


@pytest.mark.parametrize("name", ["missing.pem", "empty.pem"])
def test_authorities_that_are_none_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(UsageError, match=r"cannot read .*\.pem"):
        JobScheduler.connect("https://localhost", ca_file=str(tmp_path / name))
