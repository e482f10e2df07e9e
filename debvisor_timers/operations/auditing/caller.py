# SPDX-License-Identifier: Apache-2.0
"""Who calls this process, as the kernel has it, and sudo."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from debvisor_timers.history.caller import Caller, Door

_UNSET = 0xFFFFFFFF


def this_caller(door: Door, environment: Mapping[str, str] = os.environ) -> Caller:
    """Return who runs this process.

    What sudo leaves in the `environment` is believed where the process is root's: root could do
    all the same without it, and nobody else can claim to be somebody.
    """
    uid, login_uid = os.geteuid(), login_of("self")
    by_sudo = environment if uid == 0 else {}
    sudo_uid = by_sudo.get("SUDO_UID", "")
    return Caller(
        uid=uid,
        user=user_name(uid) or str(uid),
        login_uid=login_uid,
        login_user="" if login_uid is None else user_name(login_uid),
        sudo_uid=int(sudo_uid) if sudo_uid.isascii() and sudo_uid.isdecimal() else None,
        sudo_user=by_sudo.get("SUDO_USER", ""),
        door=door,
    )


def user_name(uid: int) -> str:
    """Return the name of a user, empty where there is none of that number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return ""


def login_of(process: int | str) -> int | None:
    """Return who logged in whom a process belongs to, also behind sudo; None where nobody knows.

    process: its id, or `self`.
    """
    try:
        uid = int(Path(f"/proc/{process}/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _UNSET else uid
