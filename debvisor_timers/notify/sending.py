# SPDX-License-Identifier: Apache-2.0
"""Sending a message by a channel, whichever kind it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.jobs.channels import CREDENTIALS, Channel, Secret
from debvisor_timers.layout import Layout
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.notify.message import Document, Message


class NotSentError(Exception):
    """A message could not be sent; what it says has no secret in it."""

    def __init__(
        self,
        problem: str,
        *,
        concerns_message: bool = False,
        left: Sequence[str] = (),
        status: int | None = None,
    ) -> None:
        """Fail; concerns_message: others may well be sent by the same channel.

        left: the recipients that have not got it, where others have. status: of the answer of HTTP,
        where there was one.
        """
        super().__init__(problem)
        self.concerns_message = concerns_message or bool(left)
        self.left = tuple(left)
        self.status = status


@dataclass(frozen=True, slots=True)
class Way:
    """What a kind of channel needs besides the message: how long it may take, and its secrets."""

    timeout: timedelta
    secrets: Path | None

    def secret(self, secret: Secret | str | None) -> str:
        """Return a secret, empty for none; raise NotSentError where it cannot be read."""
        if secret is None or isinstance(secret, str):
            return secret or ""
        name = f"{CREDENTIALS}.{secret.credential}"
        try:
            if self.secrets is None:
                raise FileNotFoundError
            return (self.secrets / name).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, ValueError) as error:
            raise NotSentError(
                f"there is no credential {secret.credential}; fix: write it to"
                f" /etc/credstore/{name}, for root alone (0600)"
            ) from error


Tell = Callable[[Channel, Message, Way], None]


def _ways() -> Mapping[str, Tell]:
    from debvisor_timers.notify import chats, hooks, mail, program  # noqa: PLC0415 - on use alone

    return {
        "mail": mail.tell,
        "webhook": hooks.tell_webhook,
        "ntfy": hooks.tell_ntfy,
        "slack": chats.tell_slack,
        "matrix": chats.tell_matrix,
        "teams": chats.tell_teams,
        "exec": program.tell,
    }


class Sender:
    """Sends documents, with the templates and the credentials of this host."""

    def __init__(self, layout: Layout, *, secrets: Path | None = None) -> None:
        """Send with the templates of a layout.

        secrets: the folder of the credentials; that of the unit in which we run, where not given.
        """
        self._overrides = layout.config / "templates"
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        self._secrets = secrets or (Path(folder) if folder else None)

    def send(self, channel: Channel, document: Document, timeout: timedelta) -> None:
        """Tell a channel of a document within `timeout`; raise NotSentError.

        A ping has its address in the document, and needs no channel.
        """
        if document.get("event") == EventKind.PING:
            from debvisor_timers.notify.pings import send_ping  # noqa: PLC0415 - on use alone

            send_ping(document)
            return
        message = Message(document, self._overrides)
        try:
            _ways()[channel.kind](channel, message, Way(timeout, self._secrets))
        except (NotSentError, DebvisorTimersError):
            raise
        except Exception as error:  # whatever one channel runs into holds up no other
            raise NotSentError(f"{type(error).__name__}: {error}", concerns_message=True) from error
