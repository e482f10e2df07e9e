# SPDX-License-Identifier: Apache-2.0
"""What every shipped task needs: failures with an exit status, tools, credentials, the run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

FAILED: Final = 1
"""It did not work; another attempt may."""

WRONG: Final = 65
"""What was asked for cannot be done, whenever it is tried (EX_DATAERR of sysexits.h)."""

UNAVAILABLE: Final = 69
"""A program or a service is not there, or does not answer (EX_UNAVAILABLE)."""

BUSY: Final = 75
"""Somebody else holds what is needed; another attempt will do (EX_TEMPFAIL)."""

NOT_INSTALLED: Final = 78
"""A library is not there, which no other attempt will bring (EX_CONFIG of sysexits.h)."""

_RUN_ID = re.compile(r"([0-9]{8}T[0-9]{6}Z)-[0-9a-f]+")


class TaskFailed(Exception):  # noqa: N818 - it says what happened, as the journal does
    """A task could not do what it is for.

    The program `task` prints the message, without a traceback, records `result`, and ends with
    `exit_status`.
    """

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        exit_status: int = FAILED,
        result: Mapping[str, object] | None = None,
    ) -> None:
        """Fail with what went wrong, and how to mend it."""
        super().__init__(f"{message}\n  fix: {fix}" if fix else message)
        self.exit_status = exit_status
        self.result = dict(result) if result is not None else None


def run_tool(
    command: Sequence[str],
    *,
    package: str,
    input: str | None = None,  # noqa: A002 - the word of subprocess
    timeout: timedelta | None = None,
) -> str:
    """Return what `command` prints.

    package: the Debian package that holds its program, for the error where it is missing.
    timeout: after which it is killed; else the job's own time-out holds.
    Raises TaskFailed with what it says on standard error, if it does not end with 0.
    """
    done = try_tool(command, package=package, input=input, timeout=timeout)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip() or "it says nothing"
        raise TaskFailed(f"{command[0]} ended with exit status {done.returncode}: {said}")
    return done.stdout


def try_tool(
    command: Sequence[str],
    *,
    package: str,
    input: str | None = None,  # noqa: A002 - the word of subprocess
    timeout: timedelta | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `command` in the C locale, and return how it ended, whatever its exit status.

    Raises TaskFailed where its program is missing, or its time is over.
    """
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            timeout=timeout.total_seconds() if timeout else None,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise TaskFailed(
            f"there is no program {command[0]}",
            fix=f"apt install {package}",
            exit_status=NOT_INSTALLED,
        ) from error
    except (OSError, ValueError) as error:
        raise TaskFailed(f"cannot execute {command[0]}: {error}", exit_status=WRONG) from error
    except subprocess.TimeoutExpired as error:
        raise TaskFailed(f"{command[0]} did not end within {error.timeout:g} s") from error


def credential(name: str) -> str:
    """Return the secret that the job has by the name `name`, without the end of its last line.

    Raises TaskFailed for a job without it.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    try:
        return (Path(folder or "/nowhere") / name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise TaskFailed(
            f"the job has no credential {name!r}",
            fix=f"add to the job: credentials: {{{name}: /etc/credstore/{name}}}",
            exit_status=WRONG,
        ) from error


def job_id() -> str:
    """Return the id of the job that runs, "task" outside of jobs."""
    return os.environ.get("DEBVISOR_JOB", "") or "task"


def run_id() -> str:
    """Return the id of the run, the same in each of its attempts; one of now outside of runs."""
    return os.environ.get("DEBVISOR_RUN_ID", "") or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{0:06x}"


def run_time() -> datetime:
    """Return when the run began, in UTC, in whole seconds; the same in each of its attempts."""
    found = _RUN_ID.fullmatch(run_id())
    if found is None:
        return datetime.now(UTC).replace(microsecond=0)
    return datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
