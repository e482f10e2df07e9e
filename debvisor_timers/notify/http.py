# SPDX-License-Identifier: Apache-2.0
"""One request of HTTP; what goes wrong is told without the address, which may be a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from debvisor_timers import __version__
from debvisor_timers.notify.sending import NotSentError

_NOT_BY_ITSELF = frozenset((401, 403, 404, 405, 407, 408, 410, 429))
"""Answers of 4xx that tell of the channel, not of the message."""

_SHOWN = 200
_READ_BYTES = 4096


def request(
    method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta
) -> None:
    """Send `body` to `url`; raise NotSentError unless the answer is one of 2xx.

    No redirect is followed: it would make a GET of a POST, and could lead anywhere.
    """
    host = urlsplit(url).netloc
    seconds = timeout.total_seconds()
    sent = {"User-Agent": f"debvisor-timers/{__version__}", **headers}
    try:
        with urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=seconds), maxsize=1
        ) as pool:
            answer = pool.request(
                method, url, body=body, headers=sent, redirect=False, preload_content=False
            )
            said = answer.read(_READ_BYTES, decode_content=False)
            answer.close()
    except (HTTPError, OSError, ValueError) as error:
        raise NotSentError(f"{host}: {_why(error)}") from error
    if not 200 <= answer.status < 300:
        words = " ".join(said.decode("utf-8", "replace").split())[:_SHOWN]
        raise NotSentError(
            f"{host} answers {answer.status}{f': {words}' if words else ''}",
            concerns_message=400 <= answer.status < 500 and answer.status not in _NOT_BY_ITSELF,
        )


def _why(error: BaseException) -> str:
    """Return what a library says, without addresses: of objects, and of HTTP."""
    text = re.sub(r"<[^<>]*>:? *|\(?[Uu]rl: \S+|https?://\S+", "", str(error)).strip(" :")
    return text or type(error).__name__
