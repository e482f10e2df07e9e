# SPDX-License-Identifier: Apache-2.0
"""Dead-man pings: an address is told that a run has begun, succeeded or failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from debvisor_timers.notify.http import request
from debvisor_timers.notify.message import Document, readable
from debvisor_timers.notify.sending import NotSentError

PREFIX = ":ping "
"""How the queue names a channel of pings, which no channel of config.yaml can be called: each host
is one, so that one that is down holds up no other."""

TIMEOUT = timedelta(seconds=10)
GIVE_UP_AFTER = timedelta(hours=1)
"""A later one would tell of what was, and look like what is."""

_LONGEST_BODY = 10_000


def ping_channel(url: str) -> str:
    """Return how the queue names the channel of an address."""
    return f"{PREFIX}{urlsplit(url).netloc}"


def ping_document(url: str, job_id: str, about: dict[str, Any], log: list[str]) -> dict[str, Any]:
    """Return the document of a ping; log: what the run has printed last."""
    return {
        "event": "ping",
        "url": url.replace("{job}", quote(job_id, safe="")),
        "job": job_id,
        **about,
        "log": log,
    }


def send_ping(document: Document) -> None:
    """Tell the address; raise NotSentError. What the run has printed last is the body."""
    body = readable("\n".join(map(str, document.get("log") or ()))).encode()[-_LONGEST_BODY:]
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        request("POST", str(document.get("url", "")), body, headers, TIMEOUT)
    except NotSentError as error:
        # An address that is not known there says nothing of those of other jobs.
        concerns = error.concerns_message or (error.status or 0) // 100 == 4
        raise NotSentError(str(error), concerns_message=concerns, status=error.status) from error
