# SPDX-License-Identifier: Apache-2.0
"""Units of jobs written by hand, as no YAML would ask for them, and what became of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from debvisor_timers.history.last import LastRun, parse_last
from debvisor_timers.history.runs import Run, assemble
from tests.box import Box
from tests.unit.history.recorded import record

LIBEXEC = "/usr/libexec/debvisor-timers"
STRICT = [
    *("DynamicUser=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes"),
    *("PrivateDevices=yes", "PrivateUsers=yes", "ProtectProc=invisible", "ProcSubset=pid"),
    *("NoNewPrivileges=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes", "UMask=0077"),
    *("LockPersonality=yes", "MemoryDenyWriteExecute=yes", "CapabilityBoundingSet="),
    "SystemCallFilter=@system-service",
]


def put(
    box: Box, job: str, command: str, service: Sequence[str] = (), unit: Sequence[str] = ()
) -> None:
    """Write the service of `job` by hand, and load it."""
    write(box, job, command, service, unit)
    box.run(["systemctl", "daemon-reload"])


def write(
    box: Box, job: str, command: str, service: Sequence[str] = (), unit: Sequence[str] = ()
) -> None:
    """Write the service of `job` by hand."""
    lines = [
        *("[Unit]", f"Description=Job {job}", *unit),
        *("[Service]", "Type=oneshot", f"SyslogIdentifier={job}"),
        *(f"LogExtraFields=DEBVISOR_JOB={job}", *service),
        f"ExecStartPre=+{LIBEXEC}/begin {job}",
        f"ExecStart={LIBEXEC}/run {job} {command}",
        f"ExecStopPost=+{LIBEXEC}/end {job}",
        *("[X-Debvisor]", f"Job={job}", "Source=/etc/debvisor/timers/jobs.d/t.yaml:3"),
        *("Generation=7", "Digest=0", ""),
    ]
    box.write(f"/etc/systemd/system/debvisor-job-{job}.service", "\n".join(lines))


def start(box: Box, job: str) -> int:
    """Start the job, wait for its end, return the exit status of systemctl."""
    return box.run(["systemctl", "start", f"debvisor-job-{job}"], check=False).returncode


def entries(box: Box, *matches: str) -> list[dict[str, str | list[str]]]:
    """Return the journal's entries that match."""
    box.run(["journalctl", "--sync"])
    return [json.loads(line) for line in box.journal("-o", "json", *matches).splitlines()]


def runs(box: Box, job: str) -> list[Run]:
    """Return the runs of the job as the journal has them."""
    found = entries(box, f"DEBVISOR_JOB={job}")
    boot = str(found[-1]["_BOOT_ID"])
    told = [entry for entry in found if "MESSAGE_ID" in entry]
    return assemble(map(record, told), current_boot=boot)


def last(box: Box, job: str) -> LastRun:
    """Return what `end` left of the job's last run."""
    found = parse_last(box.read(f"/var/lib/debvisor-timers/last/{job}"))
    assert found is not None
    return found


def printed(box: Box, job: str, priority: int = 6) -> list[str]:
    """Return the lines that the job's program printed with this priority."""
    found = entries(box, f"SYSLOG_IDENTIFIER={job}", "_TRANSPORT=stdout", f"PRIORITY={priority}")
    return [str(entry["MESSAGE"]) for entry in found]


def said(box: Box, job: str) -> str:
    """Return all that the journal has of the job's unit."""
    box.run(["journalctl", "--sync"])
    return box.journal("-u", f"debvisor-job-{job}")


@contextmanager
def replaced(box: Box, program: str, text: str) -> Iterator[None]:
    """Have another `program` of ours for a while."""
    before = box.read(f"{LIBEXEC}/{program}")
    box.write(f"{LIBEXEC}/{program}", text, 0o755)
    try:
        yield
    finally:
        box.write(f"{LIBEXEC}/{program}", before, 0o755)
