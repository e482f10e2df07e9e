# SPDX-License-Identifier: Apache-2.0
"""Webhooks and ntfy."""

from __future__ import annotations

import hashlib
import hmac
import time
from email.header import Header

from debvisor_timers.jobs.channels import Channel
from debvisor_timers.notify.http import request
from debvisor_timers.notify.message import Message
from debvisor_timers.notify.sending import Way

_LONGEST_NTFY = 4000
"""Bytes; ntfy makes a file of more than 4096."""


def tell_webhook(channel: Channel, message: Message, way: Way) -> None:
    """Post the document as JSON, signed if the channel has a key; raise NotSentError."""
    settings = channel.webhook
    if settings is None:
        return
    body = message.as_json.encode("ascii")
    headers = {
        **settings.headers,
        "Content-Type": "application/json",
        "X-Debvisor-Event": message.event,
        "X-Debvisor-Message": message.id,
    }
    if settings.secret is not None:
        at = f"{time.time():.0f}"
        headers["X-Debvisor-Timestamp"] = at
        headers["X-Debvisor-Signature"] = signature(way.secret(settings.secret), at, body)
    request("POST", way.secret(settings.url), body, headers, way.timeout)


def signature(key: str, timestamp: str, body: bytes) -> str:
    """Return `sha256=` and the HMAC of the time, a full stop and the body, in hexadecimal."""
    signed = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


def tell_ntfy(channel: Channel, message: Message, way: Way) -> None:
    """Publish the text; raise NotSentError. Source: docs.ntfy.sh/publish."""
    settings = channel.ntfy
    if settings is None:
        return
    headers = {
        "Title": Header(message.subject, "utf-8", maxlinelen=10_000).encode(),
        "Priority": "high" if message.is_trouble else "default",
        "Tags": "rotating_light" if message.is_trouble else "information_source",
    }
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {way.secret(settings.token)}"
    body = message.body.encode()[:_LONGEST_NTFY].decode("utf-8", "ignore").encode()
    request("POST", way.secret(settings.url), body, headers, way.timeout)
