# SPDX-License-Identifier: Apache-2.0
"""Calls to PID 1 with pystemd alone, so that the floor owes nothing to the program."""

from __future__ import annotations

import os
import subprocess
from typing import Any

_SYSTEMD = b"org.freedesktop.systemd1"
_ROOT = b"/org/freedesktop/systemd1"
_MANAGER = _SYSTEMD + b".Manager"

# A match of ours also gets what PID 1 says of the jobs of others; and pystemd's wait returns at
# once when a message was read but not yet handled.
_AT_ONCE = 10
_SHORTLY_USEC = 10_000


class Pid1:
    """One connection to PID 1."""

    def __init__(self) -> None:
        os.environ["SYSTEMD_BUS_TIMEOUT"] = "600s"
        from pystemd.dbuslib import DBus  # noqa: PLC0415 (after the time-out is set)

        self._bus: Any = DBus()
        self._bus.open()
        self._ended: dict[bytes, str] = {}
        self._callback: Any = None

    def reload(self) -> None:
        self._bus.call_method(_SYSTEMD, _ROOT, _MANAGER, b"Reload", [])

    def start(self, unit: str) -> str:
        """Start `unit` and return its job's result, when PID 1 signals that it was removed."""
        self._watch()
        job = self._call("StartUnit", unit)
        while job not in self._ended:
            for _ in range(_AT_ONCE):
                self._bus.process()
            self._bus.wait(_SHORTLY_USEC)
        return self._ended.pop(job)

    def keep(self, unit: str) -> None:
        """Load `unit`, and keep it loaded as long as this connection lives."""
        from pystemd.dbuslib import apply_signature  # noqa: PLC0415

        values = apply_signature(b"s", [unit.encode()])
        self._bus.call_method(_SYSTEMD, _ROOT, _MANAGER, b"LoadUnit", values)
        self._bus.call_method(_SYSTEMD, _ROOT, _MANAGER, b"RefUnit", values)

    def cpu_of(self, service: str) -> float:
        """Return the CPU seconds that the last run of `service` took, as its cgroup counts them."""
        argv = ["systemctl", "show", "--property=CPUUsageNSec", "--value", service]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        return int(said) / 1e9

    def _watch(self) -> None:
        if self._callback is not None:
            return

        def callback(message: Any, error: object = None, userdata: object = None) -> None:
            message.process_reply(False)
            _, job, _, result = message.body
            self._ended[job] = result.decode()

        self._callback = callback
        # No Subscribe: the ends of our own jobs are told without, and those of others are work.
        self._bus.match_signal(_SYSTEMD, _ROOT, _MANAGER, b"JobRemoved", callback)

    def _call(self, verb: str, unit: str) -> bytes:
        from pystemd.dbuslib import apply_signature  # noqa: PLC0415

        values = apply_signature(b"ss", [unit.encode(), b"replace"])
        reply = self._bus.call_method(_SYSTEMD, _ROOT, _MANAGER, verb.encode(), values)
        job: bytes = reply.body
        return job
