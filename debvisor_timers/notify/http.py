# SPDX-License-Identifier: Apache-2.0
"""One request of HTTP; what goes wrong is told without the address, which may be a secret."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from debvisor_timers import __version__
from debvisor_timers.notify.deadline import deadline
from debvisor_timers.notify.sending import NotSentError

_NOT_BY_ITSELF = frozenset((401, 403, 404, 405, 407, 408, 410, 429))
"""Answers of 4xx that tell of the channel, not of the message."""

_SHOWN = 200
_READ_BYTES = 4096


def request(
    method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta
) -> None:
    """Send `body` to `url`; raise NotSentError unless the answer is one of 2xx.

    timeout: for all of it. No redirect is followed: it would make a GET of a POST, and could lead
    anywhere. Certificates are checked by the authorities of this host.
    """
    where = _where(url)
    sent = {"User-Agent": f"debvisor-timers/{__version__}", **headers}
    connection: http.client.HTTPConnection | None = None
    try:
        connection = _connection(url, timeout)
        with deadline(timeout, where, lambda: connection.sock if connection else None):
            parts = urlsplit(url)
            target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            is_good = 200 <= answer.status < 300
            said = b"" if is_good else answer.read1(_READ_BYTES)
    except (http.client.InvalidURL, ValueError) as error:
        # Python's words quote the address or the header, and so the secret.
        raise NotSentError(
            f"{where}: the address, a header or a token has characters that cannot be sent;"
            " fix: look for spaces, line breaks and letters that are not ASCII"
        ) from error
    except (http.client.HTTPException, OSError) as error:
        raise NotSentError(f"{where}: {str(error) or type(error).__name__}") from error
    finally:
        if connection is not None:
            connection.close()
    if not is_good:
        words = " ".join(said.decode("utf-8", "replace").split())[:_SHOWN]
        raise NotSentError(
            f"{where} answers {answer.status}{f': {words}' if words else ''}",
            concerns_message=400 <= answer.status < 500 and answer.status not in _NOT_BY_ITSELF,
            status=answer.status,
        )


def _where(url: str) -> str:
    """Return the host and port alone: a password may stand before them."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        raise NotSentError("this is no address; fix: write it as https://host/...") from None


def _connection(url: str, timeout: timedelta) -> http.client.HTTPConnection:
    parts, seconds = urlsplit(url), timeout.total_seconds()
    if not parts.hostname:
        raise NotSentError("the address has no host; fix: write it as https://host/...")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=seconds, context=context
        )
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
