# SPDX-License-Identifier: Apache-2.0
"""What this host lacks for a job (a warning: another host may differ), and what is unsafe on it."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import shlex
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.secrets import credential_name, secret_in
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.jobs.trust import doubts_on
from debvisor_timers.source import Problem, Severity

# systemd 257: the PATH of a service that sets none (no split /usr/bin and /bin on Debian 13).
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


Finding = tuple[tuple[str | int, ...], str, str]
"""Where (the path of a value in the job), what is missing, how to mend it."""


def check_host(job: Job) -> list[Problem]:
    """Return a warning for each thing that `job` names and this host does not have, and an error
    for each that others than root could use to become root.

    A job with a warning would fail at each run: the user is looked up, the files are read, and
    the program is started only then.
    """
    warnings = [_problem(job, finding) for found in _CHECKS for finding in found(job)]
    # Without the line of the file: what is printed may end in a log that others read.
    warnings += [replace(_problem(job, one), source_line="") for one in _secrets(job)]
    errors = [_problem(job, finding) for finding in _unsafe_files(job)]
    return errors + [replace(warning, severity=Severity.WARNING) for warning in warnings]


def _problem(job: Job, finding: Finding) -> Problem:
    path, message, fix = finding
    return problem_at(job, Complaint(path=path, message=message, fix=fix))


def _users(job: Job) -> Iterator[Finding]:
    if not job.user.isdigit() and not _has_user(job.user):
        message = f"there is no user {quoted(job.user)} on this host"
        yield ("user",), message, f"correct it, or: adduser --system --group {job.user}"
    if job.group and not job.group.isdigit() and not _has_group(job.group):
        message = f"there is no group {quoted(job.group)} on this host"
        yield ("group",), message, f"correct it, or: addgroup --system {job.group}"


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


def _program(job: Job) -> Iterator[Finding]:
    if job.task:
        return  # a program of ours
    key: tuple[str | int, ...] = ("command", 0) if job.command else ("shell",)
    program = job.command[0] if job.command else job.shell
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


def _files(job: Job) -> Iterator[Finding]:
    for number, path in enumerate(job.environment_files):
        if not path.startswith("-") and not glob.glob(path):  # noqa: PTH207 - absolute pattern
            fix = f"create it, or write -{path} if it may be missing"
            yield ("environment_files", number), f"{quoted(path)} does not exist on this host", fix
    folder = job.working_directory
    if folder.startswith("/") and _mode(folder) is None:
        fix = f"mkdir -p {folder}"
        yield ("working_directory",), f"{quoted(folder)} does not exist on this host", fix


def _unsafe_files(job: Job) -> Iterator[Finding]:
    """Yield the environment files that others than root can write.

    systemd gives what stands in them to `begin` and `end` too, which run as root: with LD_PRELOAD=
    in such a file, who can write it is root.
    """
    for number, path in enumerate(job.environment_files):
        for doubt in doubts_on(path.removeprefix("-")):
            yield ("environment_files", number), str(doubt), doubt.fix


def _credentials(job: Job) -> Iterator[Finding]:
    for key, paths in (
        ("credentials", job.credentials),
        ("encrypted_credentials", job.encrypted_credentials),
    ):
        for name, path in paths.items():
            if not _is_there(path):
                fix = f"create it for root alone: install -m 600 /dev/stdin {shlex.quote(path)}"
                if key == "encrypted_credentials":
                    fix = f"systemd-creds encrypt --name={name} FILE {shlex.quote(path)}"
                yield (key, name), f"{quoted(path)} does not exist on this host", fix
    for name, path in job.credentials.items():
        if open_to_all := _open_to_all(path):
            where = shlex.quote(str(open_to_all))
            message = f"{quoted(str(open_to_all))} can be read by everybody on this host"
            yield ("credentials", name), message, f"chmod go-rwx {where}"


def _is_there(path: str) -> bool:
    try:
        return bool(Path(path).stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # we may not look


def _open_to_all(path: str) -> Path | None:
    """Return the file that everybody can read, or the first such in a folder of credentials."""
    try:
        place = Path(path).resolve()
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in place.parents):
            return None
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        can_enter = not place.is_dir() or place.stat().st_mode & stat.S_IXOTH
        return next((f for f in files if can_enter and f.stat().st_mode & stat.S_IROTH), None)
    except OSError:
        return None


def _secrets(job: Job) -> Iterator[Finding]:
    for variable, value in job.environment.items():
        if why := secret_in(variable, value):
            name = credential_name(variable)
            message = f"looks like a secret ({why}), and everybody on the host can read it"
            fix = (
                f"put it into a file for root alone, and write credentials: {{{name}: FILE}}; "
                f"the program reads $CREDENTIALS_DIRECTORY/{name}"
            )
            yield ("environment", variable), message, fix


_CHECKS = (_users, _program, _files, _credentials)
