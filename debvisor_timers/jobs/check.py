# SPDX-License-Identifier: Apache-2.0
"""What this host lacks for a job: users, programs, files. Warnings: another host may differ."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import shutil
import stat
from collections.abc import Iterator

from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.model import Job
from debvisor_timers.source import Problem, Severity

# systemd 257: the PATH of a service that sets none (no split /usr/bin and /bin on Debian 13).
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check_host(job: Job) -> list[Problem]:
    """Return a warning for each thing that `job` names and this host does not have.

    A job on such a host would fail at each run: the user is looked up, the files are read, and
    the program is started only then.
    """
    checks = (_users(job), _program(job), _files(job))
    return [
        Problem(span=job.source, key=key, message=message, fix=fix, severity=Severity.WARNING)
        for found in checks
        for key, message, fix in found
    ]


def _users(job: Job) -> Iterator[tuple[str, str, str]]:
    if not job.user.isdigit() and not _has_user(job.user):
        message = f"there is no user {quoted(job.user)} on this host"
        yield "user", message, f"correct it, or: adduser --system --group {job.user}"
    if job.group and not job.group.isdigit() and not _has_group(job.group):
        message = f"there is no group {quoted(job.group)} on this host"
        yield "group", message, f"correct it, or: addgroup --system {job.group}"


def _has_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def _has_group(name: str) -> bool:
    try:
        return bool(grp.getgrnam(name))
    except KeyError:
        return False


def _program(job: Job) -> Iterator[tuple[str, str, str]]:
    key, program = ("command", job.command[0]) if job.command else ("shell", job.shell)
    if not program.startswith("/"):
        path = job.environment.get("PATH", _DEFAULT_PATH)
        if shutil.which(program, path=path) is None:
            fix = "install it, or write its absolute path"
            yield key, f"there is no program {quoted(program)} in {path}", fix
        return
    kind = _mode(program)
    if kind is None:
        yield key, f"{quoted(program)} does not exist on this host", "install it, or correct it"
    elif not stat.S_ISREG(kind) or not kind & 0o111:
        yield key, f"{quoted(program)} is not an executable file", f"chmod +x {program}"


def _mode(path: str) -> int | None:
    """Return the mode of a file; None where it is missing, 0o100111 where we may not look."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - the text of the job, as it is
    except PermissionError:
        return stat.S_IFREG | 0o111
    except (OSError, ValueError):
        return None


def _files(job: Job) -> Iterator[tuple[str, str, str]]:
    for path in job.environment_files:
        if not path.startswith("-") and not glob.glob(path):  # noqa: PTH207 - absolute pattern
            fix = f"create it, or write -{path} if it may be missing"
            yield "environment_files", f"{quoted(path)} does not exist on this host", fix
    folder = job.working_directory
    if folder.startswith("/") and _mode(folder) is None:
        fix = f"mkdir -p {folder}"
        yield "working_directory", f"{quoted(folder)} does not exist on this host", fix
