# SPDX-License-Identifier: Apache-2.0
"""systemd-analyze as a program: with any number of arguments, several at once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from debvisor_timers.errors import SystemdError

PROGRAM = "systemd-analyze"
HOST_ZONE = "/etc/localtime"
"""The zone of PID 1, whatever the TZ of the caller is."""

# Well below the kernel's 2 MiB for arguments and environment together.
_ARGUMENT_BYTES = 512 * 1024
_POINTER_BYTES = 8

T = TypeVar("T")
R = TypeVar("R")


def run(
    verb: str, *arguments: str, zone: str = HOST_ZONE, user: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `systemd-analyze verb` in the time zone `zone`: a name, or the path of its file.

    user: about the manager of the user who asks.
    Whatever its exit status is; raises SystemdError when it cannot be run at all.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": f":{zone}"}
    if user:
        folder = f"/run/user/{os.geteuid()}"
        environment |= {"HOME": str(Path.home()), "XDG_RUNTIME_DIR": folder}
    try:
        return subprocess.run(
            [PROGRAM, *(["--user"] if user else []), verb, *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise SystemdError(
            f"{PROGRAM} is not installed", fix="install the package systemd"
        ) from error
    except (OSError, ValueError) as error:
        raise SystemdError(f"cannot run {PROGRAM} {verb}: {error}") from error


def parts(arguments: Sequence[str], *, most: int = 2**31) -> Iterator[list[str]]:
    """Yield `arguments` in parts of at most `most`, each short enough for one command line."""
    part: list[str] = []
    size = 0
    for argument in arguments:
        length = len(os.fsencode(argument)) + 1 + _POINTER_BYTES
        if len(part) == most or (part and size + length > _ARGUMENT_BYTES):
            yield part
            part, size = [], 0
        part.append(argument)
        size += length
    if part:
        yield part


def processors() -> int:
    """Return how many processes can run at once."""
    return len(os.sched_getaffinity(0))


def at_once(call: Callable[[T], R], cases: Sequence[T]) -> Iterable[R]:
    """Make a call for each of `cases`, one for each processor at a time; their answers in order."""
    if len(cases) <= 1:
        return map(call, cases)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # of 10 ms, for large plans

    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(call, cases))
