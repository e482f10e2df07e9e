# SPDX-License-Identifier: Apache-2.0
"""HTTP that no client should send; run by itself in a box, with the standard library alone.

`hostile_http.py TOKEN` prints as JSON what the server answered to each attack. Each is followed by
a request of a good client, which has to be answered as if nothing had been.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

ADDRESS = ("127.0.0.1", 5000)
API = b"/api/v1"
_SECONDS = 20.0
PATIENCE = 2.0
"""Seconds after which a server that says nothing waits for more."""

_MEGABYTE = 1024 * 1024


def request(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"localhost") -> bytes:
    """Return a request; host: none where it is empty."""
    lines = [line, *([b"Host: " + host] if host else []), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def posted(body: bytes, *headers: bytes) -> bytes:
    """Return a request that makes a job of `body`."""
    length = b"Content-Length: %d" % len(body)
    kind = () if any(b"content-type" in each.lower() for each in headers) else (JSON,)
    return request(b"POST " + API + b"/jobs HTTP/1.1", length, *kind, *headers, body=body)


JSON = b"Content-Type: application/json"


def malformed() -> Iterator[tuple[str, bytes]]:
    """Yield requests that are none, or say two things at once."""
    get = b"GET " + API + b"/health HTTP/1.1"
    yield "nothing", b"\r\n\r\n\r\n\r\n"
    yield "no http", b"\x00\x01\x02\xff" * 1000 + b"\r\n\r\n"
    yield "tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 507
    yield "http 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "http 0.9", b"GET /\r\n\r\n"
    yield "http 9.9", request(b"GET / HTTP/9.9")
    yield "unknown method", request(b"BREW " + API + b"/jobs HTTP/1.1")
    yield "trace", request(b"TRACE / HTTP/1.1", b"X-Secret: a")
    yield "connect", request(b"CONNECT example.org:443 HTTP/1.1")
    yield "absolute address", request(b"GET http://example.org/api/v1/jobs HTTP/1.1")
    yield "no host", request(get, host=b"")
    yield "two hosts", request(get, b"Host: example.org")
    yield "strange host", request(get, host=b"exa mple/\\..:99999")
    yield "line of a megabyte", request(b"GET /" + b"a" * _MEGABYTE + b" HTTP/1.1")
    yield "header of a megabyte", request(get, b"X-Long: " + b"a" * _MEGABYTE)
    yield "ten thousand headers", request(get, *[b"X-%d: a" % n for n in range(10_000)])
    yield "header without a name", request(get, b": a")
    yield "header with a space", request(get, b"X Long : a")
    yield "header that is folded", request(get, b"X-Long: a\r\n b")
    yield "header with nul", request(get, b"X-Long: a\x00b")
    yield "header with a bare line feed", request(get, b"X-Long: a\nX-Other: b")
    yield (
        "length and chunks",
        request(
            b"POST " + API + b"/jobs HTTP/1.1",
            *(b"Content-Length: 4", b"Transfer-Encoding: chunked", JSON),
            body=b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
    )
    yield "two lengths", posted(b"{}", b"Content-Length: 50")
    for length in (b"-1", b"+2", b"0x2", b"2, 2", b"9" * 30, b"a", b""):
        line = b"POST " + API + b"/jobs HTTP/1.1"
        yield (
            f"length {length[:5]!r}",
            request(line, b"Content-Length: " + length, JSON, body=b"{}"),
        )
    for chunk in (b"-1", b"0x2", b"zz", b"f" * 40, b"2;" + b"a" * _MEGABYTE, b""):
        line = b"POST " + API + b"/jobs HTTP/1.1"
        body = chunk + b"\r\n{}\r\n0\r\n\r\n"
        yield (
            f"chunk {chunk[:5]!r}",
            request(line, b"Transfer-Encoding: chunked", JSON, body=body),
        )
    yield (
        "chunks within chunks",
        request(
            b"POST " + API + b"/jobs HTTP/1.1",
            *(b"Transfer-Encoding: chunked, chunked", JSON),
            body=b"2\r\n{}\r\n0\r\n\r\n",
        ),
    )


def too_much() -> Iterator[tuple[str, bytes]]:
    """Yield bodies that are too large, too deep, or none."""
    yield "body of 64 megabytes", posted(b'{"name": "' + b"a" * 64 * _MEGABYTE + b'"}')
    chunks = (b"%x\r\n" % _MEGABYTE + b"a" * _MEGABYTE + b"\r\n") * 64
    yield (
        "chunks of 64 megabytes",
        request(
            b"POST " + API + b"/jobs HTTP/1.1",
            *(b"Transfer-Encoding: chunked", JSON),
            body=chunks + b"0\r\n\r\n",
        ),
    )
    yield (
        "length of a terabyte",
        request(
            b"POST " + API + b"/jobs HTTP/1.1", b"Content-Length: 1099511627776", JSON, body=b"{"
        ),
    )
    yield "deep list", posted(b"[" * 100_000 + b"]" * 100_000)
    yield "deep mapping", posted(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    yield "deep config", posted(_job(b'"task_config": ' + b'{"a":' * 200 + b"1" + b"}" * 200))
    yield "long number", posted(_job(b'"timeout_seconds": ' + b"9" * 5000))
    yield "infinite number", posted(_job(b'"timeout_seconds": 1e999'))
    yield "not a number", posted(_job(b'"timeout_seconds": NaN'))
    yield "half a character", posted(_job(b'"owner": "\\ud800"'))
    yield "nul in a text", posted(_job(b'"owner": "a\\u0000b"'))
    yield "line feed in a name", posted(b'{"name": "a\\nb", "script": "true"}')
    yield "no utf-8", posted(b'{"name": "\xff\xfe"}')
    yield "bom", posted(b'\xef\xbb\xbf{"name": "a"}')
    yield "half an object", posted(b'{"name": "a"')
    yield "a list", posted(b"[]")
    yield "nothing", posted(b"")
    yield "null", posted(b"null")
    yield "same key twice", posted(b'{"name": "a", "name": 5}')
    yield "form", posted(b"name=a&script=true", b"Content-Type: application/x-www-form-urlencoded")
    yield "multipart", posted(b"--a", b"Content-Type: multipart/form-data; boundary=a")
    yield "pickle", posted(b"\x80\x04K\x01.", b"Content-Type: application/python-pickle")
    yield "compressed", posted(b"\x1f\x8b\x08\x00", b"Content-Encoding: gzip")
    yield (
        "a thousand keys",
        posted(b'{"name": "a", %s}' % b", ".join(b'"k%d": 1' % n for n in range(1000))),
    )


def elsewhere() -> Iterator[tuple[str, bytes]]:
    """Yield paths and queries that lead out of what is served."""
    for path in (
        *(b"/static/../../../../etc/passwd", b"/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
        *(b"/static/..%2f..%2f..%2fetc%2fpasswd", b"/static//etc/passwd", b"//etc/passwd"),
        *(b"/static/%00", b"/static/..\\..\\etc\\passwd", b"/%c0%ae%c0%ae/etc/passwd"),
        *(b"/api/v1/jobs/../../../etc/passwd", b"/api/v1/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        *(b"/api/v1/jobs/%00", b"/api/v1/jobs/%0a%0d", b"/api/v1/jobs/" + b"a" * 5000),
        *(b"/api/v1/jobs/--help", b"/api/v1/jobs/%ff", b"/api/v1/jobs/%F0%9F%92%A9"),
        *(b"/api/v1/jobs/*/history", b"/api/v1/jobs/a%2fb/history?limit=1"),
        *(b"/api/v1/jobs?limit=-1", b"/api/v1/jobs?limit=1e9", b"/api/v1/jobs?limit=" + b"9" * 400),
        *(b"/api/v1/jobs?cursor=%00", b"/api/v1/jobs?cursor=" + b"A" * 4000),
        *(
            b"/api/v1/jobs?owner=%ff",
            b"/api/v1/jobs?owner=a&owner=b",
            b"/api/v1/jobs?" + b"a=b&" * 900,
        ),
    ):
        yield (
            path[:60].decode("latin-1"),
            request(b"GET " + path + b" HTTP/1.1", b"Connection: close"),
        )


def signed(raw: bytes, token: str) -> bytes:
    """Return a request with a token; what has no headers stays as it is."""
    head, found, rest = raw.partition(b"\r\nHost: ")
    return head + b"\r\nAuthorization: Bearer " + token.encode() + found + rest if found else raw


def sent(raw: bytes, seconds: float = PATIENCE) -> str:
    """Return the first line of the answer to `raw`.

    `hung up` where there is none; `waits` where the server waits for the rest of the request.
    """
    with socket.create_connection(ADDRESS, timeout=_SECONDS) as connection:
        # It may answer, and hang up, before it was told all.
        with suppress(OSError):
            connection.sendall(raw)
        connection.settimeout(seconds)
        try:
            said = connection.recv(65536)
        except TimeoutError:
            return "waits"
        except OSError:
            return "hung up"
    return said.split(b"\r\n", 1)[0].decode("latin-1") or "hung up"


def good() -> tuple[str, float]:
    """Return how a good client is answered, and after how many seconds."""
    begun = time.monotonic()
    said = sent(request(b"GET " + API + b"/health HTTP/1.1", b"Connection: close"), _SECONDS)
    return said, time.monotonic() - begun


def _job(key: bytes) -> bytes:
    return b'{"name": "hostile", "script": "true", ' + key + b"}"


def main(token: str) -> None:
    """Send all of it, and print what came back."""
    found = {}
    for kind in (malformed, too_much, elsewhere):
        for name, raw in kind():
            said = sent(signed(raw, token))
            found[f"{kind.__name__}: {name}"] = [said, *good()]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
