# SPDX-License-Identifier: Apache-2.0
"""Weeks of runs that a box never had: records as systemd and we write them, by systemd's means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from tests.box import Box

_NAMES = UUID("5c7f5f0e-1d0b-4d9a-9a3e-5f4b7d1c2a10")
_BOOT = "0123456789abcdef0123456789abcdef"
_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"
_DONE = "39f53479d3a045ac8e11786248231fbf"
_EXITED = "98e322203f7a4ed290d09fe03c09fe15"
_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
_NOT_STARTED = "be02cf6855d2428ba40df7e9d022f03d"
_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
_END = "ec5c7d712daf4bf4a90b07764211903e"
_TRUSTED = {
    "_UID": "0",
    "_GID": "0",
    "_BOOT_ID": _BOOT,
    "_TRANSPORT": "journal",
    "_RUNTIME_SCOPE": "system",
    "PRIORITY": "6",
}
_PID1 = {**_TRUSTED, "_PID": "1", "_COMM": "systemd", "SYSLOG_IDENTIFIER": "systemd"}
_OURS = {**_TRUSTED, "_PID": "4242", "_COMM": "begin", "SYSLOG_IDENTIFIER": "debvisor-timers"}
_Entry = tuple[int, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run by the timer, of one attempt; status: what its program ended with."""

    job: str
    began: datetime
    took: timedelta
    status: int = 0
    output: Sequence[str] = field(default=())


def write(box: Box, runs: Iterable[PastRun]) -> None:
    """Let the box have had these runs: its journal, its index and its last results tell of them."""
    past = sorted(runs, key=lambda run: run.began)
    machine = box.read("/etc/machine-id").strip()
    file = f"/var/log/journal/{machine}/system@past.journal"
    box.run(["mkdir", "-p", f"/var/log/journal/{machine}"])
    remote = ["/lib/systemd/systemd-journal-remote", f"--output={file}", "-"]
    box.run(remote, input=_export(past), timeout=120)
    box.run(f"chmod 0640 {file}; chgrp systemd-journal {file}")
    _write_last(box, {run.job: run for run in past})
    box.run(["debvisor-timers", "maintain"], timeout=120)


def nightly(
    job: str,
    *,
    days: int,
    hour: int,
    minutes: Iterable[float],
    failed: Iterable[int] = (),
    output: Sequence[str] = (),
) -> Iterator[PastRun]:
    """Yield a run each night, the newest of the last `days` days; failed: 1 is the newest of all.

    minutes: how long they took, the oldest first, over and over.
    """
    durations = list(minutes)
    longest = timedelta(minutes=max(durations))
    now = datetime.now(UTC)
    newest = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    # What has not ended yet is no past.
    newest -= timedelta(days=int(newest + longest > now))
    bad = set(failed)
    for place, ago in enumerate(range(days, 0, -1)):
        yield PastRun(
            job=job,
            began=newest - timedelta(days=ago - 1),
            took=timedelta(minutes=durations[place % len(durations)]),
            status=3 if ago in bad else 0,
            output=output,
        )


def _export(runs: Sequence[PastRun]) -> str:
    """Return the runs' records as journalctl --output=export would, ordered by time."""
    entries = sorted(
        (entry for number, run in enumerate(runs, 1) for entry in _records(number, run)),
        key=lambda entry: entry[0],
    )
    zero = entries[0][0] - 60_000_000 if entries else 0
    texts = []
    for at, fields in entries:
        head = {"__REALTIME_TIMESTAMP": str(at), "__MONOTONIC_TIMESTAMP": str(at - zero)}
        texts.append("".join(f"{name}={value}\n" for name, value in {**head, **fields}.items()))
    return "\n".join([*texts, ""])


def _records(number: int, run: PastRun) -> Iterator[_Entry]:
    unit = f"debvisor-job-{run.job}.service"
    at, end = _usec(run.began), _usec(run.began + run.took)
    invocation = _invocation(run)
    pid1 = {**_PID1, "UNIT": unit, "INVOCATION_ID": invocation, "JOB_ID": str(number)}
    ours = {
        **_OURS,
        "DEBVISOR_JOB": run.job,
        "DEBVISOR_RUN_ID": _run_id(run),
        "DEBVISOR_INVOCATION_ID": invocation,
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_MAX_ATTEMPTS": "1",
        "DEBVISOR_START_USEC": str(at + 3000),
        "DEBVISOR_TRIGGER": "timer",
        "DEBVISOR_SCHEDULED_USEC": str(at),
        "DEBVISOR_GENERATION": "1",
    }
    started = {"MESSAGE_ID": _STARTING, "JOB_TYPE": "start", "MESSAGE": f"Starting {unit}..."}
    yield at, {**pid1, **started}
    yield at + 4000, {**ours, "MESSAGE_ID": _BEGIN, "MESSAGE": "The run begins (timer)"}
    said = {**_TRUSTED, "_PID": "999", "_TRANSPORT": "stdout", "_SYSTEMD_UNIT": unit}
    said |= {"_SYSTEMD_INVOCATION_ID": invocation, "SYSLOG_IDENTIFIER": "work"}
    for place, line in enumerate(run.output):
        yield at + 5000 + place, {**said, "MESSAGE": line}
    yield end, {**ours, **_result(run), "MESSAGE_ID": _END, "MESSAGE": "The run has ended"}
    for place, (message_id, fields) in enumerate(_systemd_end(run), 1):
        ended = {"MESSAGE_ID": message_id, "MESSAGE": f"{unit}: ended"}
        yield end + 1000 * place, {**pid1, **fields, **ended}


def _result(run: PastRun) -> dict[str, str]:
    return {
        "DEBVISOR_RESULT": "exit-code" if run.status else "success",
        "DEBVISOR_EXIT_CODE": "exited",
        "DEBVISOR_EXIT_STATUS": str(run.status),
        "DEBVISOR_CPU_USEC": str(int(run.took.total_seconds() * 250_000)),
        "DEBVISOR_MEMORY_PEAK": "41943040",
        "DEBVISOR_END_USEC": str(_usec(run.began + run.took)),
        "DEBVISOR_FINAL": "1",
    }


def _systemd_end(run: PastRun) -> Sequence[tuple[str, dict[str, str]]]:
    if not run.status:
        return (_DEACTIVATED, {}), (_DONE, {"JOB_RESULT": "done", "JOB_TYPE": "start"})
    exited = {"EXIT_CODE": "exited", "EXIT_STATUS": str(run.status), "COMMAND": "ExecStart"}
    return (
        (_EXITED, exited),
        (_FAILED, {"UNIT_RESULT": "exit-code"}),
        (_NOT_STARTED, {"JOB_RESULT": "failed", "JOB_TYPE": "start"}),
    )


def _write_last(box: Box, newest: dict[str, PastRun]) -> None:
    """Let each job have a last result: `list` reads these files."""
    blocks = []
    for job, run in newest.items():
        fields = {
            "DEBVISOR_JOB": job,
            "DEBVISOR_RUN_ID": _run_id(run),
            "DEBVISOR_START_USEC": str(_usec(run.began) + 3000),
            **_result(run),
        }
        text = "".join(f"{name}={value}\n" for name, value in fields.items())
        blocks.append(f"cat >/var/lib/debvisor-timers/last/{job} <<'END'\n{text}END\n")
    box.run(["/bin/sh", "-e"], input="mkdir -p /var/lib/debvisor-timers/last\n" + "".join(blocks))


def _run_id(run: PastRun) -> str:
    return f"{run.began:%Y%m%dT%H%M%SZ}-{_invocation(run)[:6]}"


def _invocation(run: PastRun) -> str:
    return uuid5(_NAMES, f"{run.job} {run.began.isoformat()}").hex


def _usec(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
