# SPDX-License-Identifier: Apache-2.0
"""Telling that an apply, or another change of units, has failed."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from debvisor_timers.errors import DebvisorTimersError, ExitCode, SystemdError
from debvisor_timers.history.document import iso
from debvisor_timers.jobs.redact import redact
from debvisor_timers.layout import WATCH_SERVICE
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.queue import enqueue

_AGAIN = timedelta(hours=1)
"""`renew` tries again each minute; the same words are told as often as this."""

_FAILED = {ExitCode.BUG, ExitCode.SYSTEMD, ExitCode.PART_WAY}
"""Not what somebody wrote wrongly or was refused: whoever asked is told of that at once."""


def is_failed_apply(error: BaseException, *, unasked: bool) -> bool:
    """Return True for an end of an apply that channels are told of.

    unasked: nobody waits for it, so that it counts whatever it is but a lock, which passes.
    """
    if not isinstance(error, Exception):
        return False
    if not isinstance(error, DebvisorTimersError):
        return True
    passes = {ExitCode.INTERRUPTED, ExitCode.REFUSED, ExitCode.USAGE}
    return error.exit_code in _FAILED or (unasked and error.exit_code not in passes)


def tell_failed_apply(host: Host, *, verb: str, by: str, text: str) -> tuple[str, ...]:
    """Let the channels be told that what `by` asked for has failed; return their names.

    By the configuration that was applied last. They are told by a unit, which has their secrets.
    Raises SystemdError.
    """
    config = applied_config(host)
    channels = tuple(name for name in config.notifications.apply_failed if name in config.channels)
    text = redact(text)
    if not channels or _was_told(host, text):
        return ()
    document = {
        "event": str(EventKind.APPLY_FAILED),
        "job": "",
        "name": "",
        "host": os.uname().nodename,
        "time": iso(host.clock.now()),
        "verb": verb,
        "by": by,
        "text": f"{verb}{f' by {by}' if by else ''} failed: {text}",
    }
    for channel in channels:
        enqueue(host, channel, document)
    told = {"text": text, "at": host.clock.now().isoformat()}
    durable.write_json(host.layout.watch / "apply_failed.json", told)
    host.manager.start([WATCH_SERVICE], wait=False)
    return channels


def _was_told(host: Host, text: str) -> bool:
    try:
        told = durable.read_json(host.layout.watch / "apply_failed.json")
        if not isinstance(told, dict) or told.get("text") != text:
            return False
        at = datetime.fromisoformat(str(told.get("at")))
    except (SystemdError, ValueError):
        return False
    return timedelta() <= host.clock.now() - at < _AGAIN
