# SPDX-License-Identifier: Apache-2.0
"""Where a server is: `https://host`, `http://localhost:5000`, `http+unix:///run/...`."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from debvisor_timers.errors import UsageError

API = "/api/v1"
_FIX = (
    "write it as https://HOST, http://localhost:5000 or http+unix:///run/debvisor-timers/web.sock"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server's address.

    path: of its socket; None where it is reached by host and port. prefix: what stands before the
    path of every request.
    """

    host: str = "localhost"
    port: int | None = None
    path: Path | None = None
    is_tls: bool = False
    prefix: str = API

    def __str__(self) -> str:
        """Return it as people know it; no secret is in it."""
        if self.path is not None:
            return str(self.path)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port is not None else ""
        return f"http{'s' * self.is_tls}://{host}{port}"

    @property
    def is_private(self) -> bool:
        """Return True where nobody on the way can read what is sent."""
        if self.is_tls or self.path is not None or self.host == "localhost":
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False

    def connection(
        self, timeout: float, context: ssl.SSLContext | None
    ) -> http.client.HTTPConnection:
        """Return a connection that is not open yet; context: for TLS."""
        if self.path is not None:
            return _SocketConnection(self.path, timeout)
        if self.is_tls:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=timeout, context=context
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the connection."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except BaseException:
            self.close()
            raise


def address_of(url: object) -> Address:
    """Return the address that `url` says, with or without /api/v1. Raises UsageError."""
    if not isinstance(url, str):
        raise UsageError(f"the address of the server is {url!r}", fix=_FIX)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"the address of the server cannot be read: {error}", fix=_FIX) from None
    if "@" in parts.netloc:  # its text is not told: it is a secret
        raise UsageError("the address of the server has a password in it", fix="give token=...")
    if parts.query or parts.fragment:
        raise UsageError(f"{url!r} has more than an address of a server", fix=_FIX)
    if parts.scheme == "http+unix":
        path = unquote(f"{parts.netloc}{parts.path}")
        if not path.startswith("/"):
            raise UsageError(f"{url!r} has no whole path of a socket", fix=_FIX)
        return Address(path=Path(path))
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{url!r} is no address of a server", fix=_FIX)
    prefix = f"{parts.path.rstrip('/').removesuffix(API)}{API}"
    return Address(host=host, port=port, is_tls=parts.scheme == "https", prefix=prefix)
