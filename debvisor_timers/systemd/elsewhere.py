# SPDX-License-Identifier: Apache-2.0
"""A reload in another process: for programs whose other threads, or event loop, must go on."""

from __future__ import annotations

import os
import subprocess

from debvisor_timers.errors import SystemdError

PROGRAM = "systemctl"


def reload_elsewhere(*, user: bool, timeout: str) -> None:
    """Let systemctl ask for a reload, and return when it is done.

    user: of the manager of the user who asks. timeout: as SYSTEMD_BUS_TIMEOUT= has it.
    Raises SystemdError.
    """
    environment = {**os.environ, "SYSTEMD_BUS_TIMEOUT": timeout, "LC_ALL": "C"}
    if user:
        environment["XDG_RUNTIME_DIR"] = f"/run/user/{os.geteuid()}"
    try:
        done = subprocess.run(
            [PROGRAM, "--user" if user else "--system", "daemon-reload"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise SystemdError(f"cannot run {PROGRAM}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise SystemdError(f"systemd: Reload(): {said}")
