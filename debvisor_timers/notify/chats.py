# SPDX-License-Identifier: Apache-2.0
"""Chats: Slack, Matrix and Teams; what they are sent is made by templates."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

from debvisor_timers.jobs.channels import Channel, Chat
from debvisor_timers.notify.http import request
from debvisor_timers.notify.message import Message
from debvisor_timers.notify.sending import Way

_JSON = {"Content-Type": "application/json"}


def tell_slack(channel: Channel, message: Message, way: Way) -> None:
    """Post to an incoming webhook of Slack; raise NotSentError."""
    _post(channel.slack, message.render("slack.json.j2"), way)


def tell_teams(channel: Channel, message: Message, way: Way) -> None:
    """Post an adaptive card to a workflow of Teams; raise NotSentError."""
    _post(channel.teams, message.render("teams.json.j2"), way)


def _post(settings: Chat | None, text: str, way: Way) -> None:
    if settings is not None:
        request("POST", way.secret(settings.url), text.encode(), _JSON, way.timeout)


def tell_matrix(channel: Channel, message: Message, way: Way) -> None:
    """Send to a room; a message that is sent again has its first transaction: it stands there once.

    Source: Matrix client-server API, PUT .../send/{eventType}/{txnId}.
    """
    settings = channel.matrix
    if settings is None:
        return
    transaction = message.id or uuid4().hex
    path = f"/_matrix/client/v3/rooms/{quote(settings.room, safe='')}/send/m.room.message"
    url = f"{settings.server.rstrip('/')}{path}/{quote(transaction, safe='')}"
    headers = {**_JSON, "Authorization": f"Bearer {way.secret(settings.token)}"}
    request("PUT", url, message.render("matrix.json.j2").encode(), headers, way.timeout)
