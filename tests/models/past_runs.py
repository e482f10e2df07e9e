# SPDX-License-Identifier: Apache-2.0
"""Runs that never were: the records that systemd and we would have left of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
END = "ec5c7d712daf4bf4a90b07764211903e"
"""The ids of our messages."""

_NAMES = UUID("5c7f5f0e-1d0b-4d9a-9a3e-5f4b7d1c2a10")
_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"
_DONE = "39f53479d3a045ac8e11786248231fbf"
_EXITED = "98e322203f7a4ed290d09fe03c09fe15"
_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
_NOT_STARTED = "be02cf6855d2428ba40df7e9d022f03d"
_TRUSTED = {
    "_UID": "0",
    "_GID": "0",
    "_BOOT_ID": "0123456789abcdef0123456789abcdef",
    "_TRANSPORT": "journal",
    "_HOSTNAME": "past",
    "_CAP_EFFECTIVE": "1ffffffffff",
    "_RUNTIME_SCOPE": "system",
    "PRIORITY": "6",
}
_PID1 = {
    **_TRUSTED,
    "_PID": "1",
    "_COMM": "systemd",
    "_EXE": "/usr/lib/systemd/systemd",
    "_CMDLINE": "/usr/lib/systemd/systemd",
    "_SYSTEMD_CGROUP": "/init.scope",
    "_SYSTEMD_UNIT": "init.scope",
    "SYSLOG_IDENTIFIER": "systemd",
    "SYSLOG_FACILITY": "3",
    "TID": "1",
    "CODE_FILE": "src/core/job.c",
    "CODE_LINE": "768",
    "CODE_FUNC": "job_emit_done_message",
}
_OURS = {
    **_TRUSTED,
    "_PID": "4242",
    "_COMM": "begin",
    "_EXE": "/usr/bin/python3.13",
    "SYSLOG_IDENTIFIER": "debvisor-timers",
}
Entry = tuple[int, Mapping[str, str]]
"""When, in microseconds, and the fields of a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run by the timer, of one attempt; status: what its program ended with."""

    job: str
    began: datetime
    took: timedelta
    status: int = 0
    output: Sequence[str] = field(default=())

    @property
    def invocation(self) -> str:
        """Return the id that systemd would have given it."""
        return uuid5(_NAMES, f"{self.job} {self.began.isoformat()}").hex

    @property
    def run_id(self) -> str:
        """Return the id that we would have given it."""
        return f"{self.began:%Y%m%dT%H%M%SZ}-{self.invocation[:6]}"

    def note(self) -> str:
        """Return the file of a job's last run, which `list` reads, where this is the last."""
        fields = {
            "DEBVISOR_JOB": self.job,
            "DEBVISOR_RUN_ID": self.run_id,
            "DEBVISOR_START_USEC": str(usec(self.began) + 3000),
            **self._result(),
        }
        return "".join(f"{name}={value}\n" for name, value in fields.items())

    def records(self, number: int) -> Iterator[Entry]:
        """Yield what it leaves in the journal; number: that of systemd's job."""
        unit = f"debvisor-job-{self.job}.service"
        at, end = usec(self.began), usec(self.began + self.took)
        of_unit = {"UNIT": unit, "INVOCATION_ID": self.invocation, "DEBVISOR_JOB": self.job}
        pid1, ours = {**_PID1, **of_unit, "JOB_ID": str(number)}, self._ours()
        started = {"MESSAGE_ID": _STARTING, "JOB_TYPE": "start", "MESSAGE": f"Starting {unit}..."}
        yield at, {**pid1, **started}
        begins = f"Run {self.run_id} begins (timer)"
        yield at + 4000, {**ours, "MESSAGE_ID": BEGIN, "MESSAGE": begins}
        said = {
            "_SYSTEMD_UNIT": unit,
            "_SYSTEMD_INVOCATION_ID": self.invocation,
            "SYSLOG_IDENTIFIER": "work",
        }
        for place, line in enumerate(self.output):
            yield at + 5000 + place, {**printed(line), **said}
        ended = f"Run {self.run_id} ended"
        yield end, {**ours, **self._result(), "MESSAGE_ID": END, "MESSAGE": ended}
        for place, (message_id, fields) in enumerate(self._systemd_end(), 1):
            more = {"MESSAGE_ID": message_id, "MESSAGE": f"{unit}: ended"}
            yield end + 1000 * place, {**pid1, **fields, **more}

    def _ours(self) -> dict[str, str]:
        at = usec(self.began)
        return {
            **_OURS,
            "DEBVISOR_JOB": self.job,
            "DEBVISOR_RUN_ID": self.run_id,
            "DEBVISOR_INVOCATION_ID": self.invocation,
            "DEBVISOR_ATTEMPT": "1",
            "DEBVISOR_MAX_ATTEMPTS": "1",
            "DEBVISOR_START_USEC": str(at + 3000),
            "DEBVISOR_TRIGGER": "timer",
            "DEBVISOR_SCHEDULED_USEC": str(at),
            "DEBVISOR_GENERATION": "1",
        }

    def _result(self) -> dict[str, str]:
        return {
            "DEBVISOR_RESULT": "exit-code" if self.status else "success",
            "DEBVISOR_EXIT_CODE": "exited",
            "DEBVISOR_EXIT_STATUS": str(self.status),
            "DEBVISOR_CPU_USEC": str(int(self.took.total_seconds() * 250_000)),
            "DEBVISOR_MEMORY_PEAK": "41943040",
            "DEBVISOR_END_USEC": str(usec(self.began + self.took)),
            "DEBVISOR_FINAL": "1",
        }

    def _systemd_end(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        if not self.status:
            return (_DEACTIVATED, {}), (_DONE, {"JOB_RESULT": "done", "JOB_TYPE": "start"})
        exited = {"EXIT_CODE": "exited", "EXIT_STATUS": str(self.status), "COMMAND": "ExecStart"}
        return (
            (_EXITED, exited),
            (_FAILED, {"UNIT_RESULT": "exit-code"}),
            (_NOT_STARTED, {"JOB_RESULT": "failed", "JOB_TYPE": "start"}),
        )


def printed(line: str) -> Mapping[str, str]:
    """Return the record of a line that a program has printed."""
    said = {"_PID": "999", "_TRANSPORT": "stdout", "SYSLOG_IDENTIFIER": "program"}
    return {**_TRUSTED, **said, "MESSAGE": line}


def exported(entry: Entry, boot: int) -> str:
    """Return a record as `journalctl --output=export` has it; boot: when the host was booted."""
    at, fields = entry
    head = {"__REALTIME_TIMESTAMP": str(at), "__MONOTONIC_TIMESTAMP": str(at - boot)}
    return "".join(f"{name}={value}\n" for name, value in {**head, **fields}.items()) + "\n"


def usec(moment: datetime) -> int:
    """Return a moment in microseconds, as journald counts."""
    return round(moment.timestamp() * 1_000_000)
