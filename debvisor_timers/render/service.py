# SPDX-License-Identifier: Apache-2.0
"""What the service of a job says: the values of job.service.j2."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from debvisor_timers.jobs.model import Job, Priority
from debvisor_timers.jobs.sandbox import PRESETS
from debvisor_timers.jobs.task_files import TaskTypes
from debvisor_timers.layout import Layout
from debvisor_timers.render.attempts import ATTEMPTS, START_LIMIT
from debvisor_timers.render.chains import CHAINS, STARTED_BY, TOLD
from debvisor_timers.render.check import How, Row, UnitTable
from debvisor_timers.render.skips import SKIPS
from debvisor_timers.render.waits import WAITS

SERVICE: UnitTable = {
    "Unit": (
        Row("Description"),
        Row("Documentation"),
        *START_LIMIT,
        *CHAINS,
        Row("Requires", "depends_on", How.IF_ANY),
        Row("After", "depends_on", How.IF_ANY),
        Row("", "conditions", How.PAIRS),
        Row("", "unit_directives", How.PAIRS),
    ),
    "Service": (
        Row("Type"),
        Row("Slice"),
        Row("SyslogIdentifier"),
        Row("LogExtraFields", "log_fields", How.EACH),
        Row("User", "user", How.IF_ANY),
        Row("Group", "group", How.IF_ANY),
        Row("WorkingDirectory", "working_directory", How.IF_ANY),
        Row("Environment", "environment", How.EACH),
        Row("EnvironmentFile", "environment_files", How.EACH),
        Row("UnsetEnvironment", "unset", How.IF_ANY),
        Row("LoadCredential", "credentials", How.EACH),
        Row("LoadCredentialEncrypted", "encrypted_credentials", How.EACH),
        Row("UMask", "umask", How.IF_ANY),
        Row("PrivateNetwork", "private_network", How.IF_ANY),
        Row("StandardInput", "input", How.IF_ANY),
        Row("StandardInputData", "input", How.EACH),
        Row("ExecStartPre"),
        Row("ExecStart"),
        Row("ExecStopPost"),
        *ATTEMPTS,
        Row("TimeoutStopSec"),
        Row("KillMode"),
        *SKIPS,
        *WAITS,
        *TOLD,
        *STARTED_BY,
        Row("", "limits", How.PAIRS),
        Row("", "sandbox", How.PAIRS),
        Row("", "service_directives", How.PAIRS),
    ),
}
"""Every directive that the service of a job can have."""

PRIORITIES: Mapping[Priority, Mapping[str, str]] = {
    Priority.CRITICAL: {
        "Nice": "-5",
        "IOSchedulingClass": "best-effort",
        "IOSchedulingPriority": "0",
    },
    Priority.HIGH: {},
    Priority.NORMAL: {"Nice": "5", "OOMScoreAdjust": "100"},
    Priority.LOW: {"Nice": "15", "IOSchedulingClass": "idle", "OOMScoreAdjust": "500"},
}
"""Who yields, besides the weights of the slices; where memory ends, `low` is killed first."""

_RESOURCES = {
    "memory_max": "MemoryMax",
    "memory_high": "MemoryHigh",
    "cpu_quota": "CPUQuota",
    "tasks_max": "TasksMax",
    "io_weight": "IOWeight",
}

NOT_FROM_FILES = (
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "LD_AUDIT",
    "LD_BIND_NOT",
    "LD_BIND_NOW",
    "LD_DEBUG",
    "LD_DEBUG_OUTPUT",
    "LD_DYNAMIC_WEAK",
    "LD_HWCAP_MASK",
    "LD_LIBRARY_PATH",
    "LD_ORIGIN_PATH",
    "LD_PREFER_MAP_32BIT_EXEC",
    "LD_PRELOAD",
    "LD_PROFILE",
    "LD_PROFILE_OUTPUT",
    "LD_SHOW_AUXV",
    "LD_USE_LOAD_BIAS",
    "LD_VERBOSE",
    "LD_WARN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NLSPATH",
)
"""Variables by which a file that a job reads could make our programs, which are root, do anything.

systemd gives what stands in EnvironmentFile= to these as well. What glibc's programs of setuid
ignore (unsecvars.h of glibc 2.41) but what is about DNS, TMPDIR and TZDIR, which do no harm here.
"""

_BYTES_PER_LINE = 3 * 1024
"""Divisible by 3, so that each line of base64 is complete in itself."""

_SLICES = 16
"""Into how many slices the jobs of a priority are spread, for the sake of reloads.

One of 10,000 jobs took PID 1 of systemd 257 17 s of CPU with 16, 21 s with one, 27 s with 256.
"""


def service_values(job: Job, layout: Layout, types: TaskTypes | None = None) -> dict[str, Any]:
    """Return the values of job.service.j2, as plain as the job has them."""
    directives = job.unit.Service
    presets = {**PRIORITIES[job.priority], **_resources(job)}
    return {
        "job": job.id,
        "description": job.title,
        "depends_on": job.needed_units,
        "conditions": job.conditions.directives(),
        "unit_directives": pairs(job.unit.Unit),
        "slice": _slice(job),
        "log_fields": tuple(_log_fields(job)),
        "user": "" if job.user == "root" else job.user,
        "group": job.group,
        "working_directory": _directory(job),
        "environment": tuple(job.environment.items()),
        "environment_files": job.environment_files,
        "unset": " ".join(NOT_FROM_FILES) if job.environment_files else "",
        "credentials": _credentials(job.credentials),
        "encrypted_credentials": _credentials(job.encrypted_credentials),
        "umask": job.umask,
        "private_network": job.private_network,
        "input": _base64_lines(job.input) if job.input else (),
        "begin": f"{layout.libexec}/begin",
        "run": f"{layout.libexec}/run",
        "end": f"{layout.libexec}/end",
        "for_user": layout.user,
        "command": _command(job, layout, types or TaskTypes()),
        "stop_timeout": job.stop_timeout,
        "limits": _without(presets, directives),
        "sandbox": _without(PRESETS[job.sandbox], directives),
        "service_directives": pairs(directives),
    }


def _command(job: Job, layout: Layout, types: TaskTypes) -> tuple[str, ...]:
    if job.task is None:
        return job.command or (job.shell, f"{layout.seen(layout.scripts)}/{script_name(job)}")
    name, config = job.task.type, job.task.config
    program, known = f"{layout.libexec}/task", types.get(name)
    # A type that is not declared fails aloud when the job runs: it may be declared by then.
    return known.command(name, config, program) if known else (program, name, job.task.config_text)


def script_name(job: Job) -> str:
    """Return the name of the file with the job's script: the digest of its text."""
    return hashlib.sha256((job.script or "").encode()).hexdigest()[:32]


def pairs(directives: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    """Return (directive, value) for each line that `directives` need."""
    return tuple((name, value) for name, values in directives.items() for value in values)


def job_slices() -> tuple[str, ...]:
    """Return every slice that a job can be in."""
    return tuple(_slice_name(priority, n) for priority in Priority for n in range(_SLICES))


def _slice(job: Job) -> str:
    return _slice_name(job.priority, hashlib.sha256(job.id.encode()).digest()[0] % _SLICES)


def _slice_name(priority: Priority, number: int) -> str:
    return f"debvisor-{priority}-{number:x}.slice"


def _log_fields(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the journal fields by which `journalctl` finds what the job and systemd say of it."""
    yield "DEBVISOR_JOB", job.id
    if job.owner:
        yield "DEBVISOR_OWNER", job.owner
    for name, value in job.tags.items():
        yield "DEBVISOR_TAG", f"{name}={value}"


def _directory(job: Job) -> str:
    """Return the folder so that systemd passes over a missing one; `run` then refuses it aloud.

    systemd 257 changes to it for the helpers too, `+` or not: a job that removes its own folder
    would keep `end` from noting the result.
    """
    folder = job.working_directory
    return f"-{folder}" if folder.startswith("/") else folder


def _credentials(paths: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}:{path}" for name, path in paths.items())


def _base64_lines(text: str) -> tuple[str, ...]:
    data = text.encode()
    return tuple(
        base64.b64encode(data[start : start + _BYTES_PER_LINE]).decode()
        for start in range(0, len(data), _BYTES_PER_LINE)
    )


def _resources(job: Job) -> dict[str, str]:
    return {
        directive: str(value)
        for name, directive in _RESOURCES.items()
        if (value := getattr(job.resources, name)) is not None
    }


def _without(
    presets: Mapping[str, str], directives: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, str], ...]:
    """Return the presets that the job does not set itself."""
    return tuple(item for item in presets.items() if item[0] not in directives)
