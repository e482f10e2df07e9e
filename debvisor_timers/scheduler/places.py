# SPDX-License-Identifier: Apache-2.0
"""Whose jobs a scheduler works on: those of this host, of a user, or of another root folder."""

from __future__ import annotations

import os
from pathlib import Path

from debvisor_timers.errors import RefusedError, UsageError
from debvisor_timers.layout import Layout

USER_VARIABLE = "DEBVISOR_TIMERS_USER"
"""Set to 1 in the environment, it makes the command line work on the jobs of its user."""


def layout_for(root: str | os.PathLike[str] | None = None, *, user: bool = False) -> Layout:
    """Return the folders of this host, of its user who asks, or of the system below `root`.

    Raises UsageError and RefusedError where that makes no sense.
    """
    if root is not None and user:
        raise UsageError(
            "a scheduler has either another root folder or a user's manager, not both",
            fix="leave out root= or user=",
        )
    if user:
        return _of_this_user()
    if root is None:
        return Layout()
    folder = Path(root).absolute()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", fix="name the / of the other system")
    return Layout() if folder == Path("/") else Layout().below(folder)


def wants_user() -> bool:
    """Return True where the environment says that a user's own jobs are meant."""
    return os.environ.get(USER_VARIABLE) == "1"


def asks_agent(layout: Layout) -> bool:
    """Return True where this user is not root, and may ask the agent."""
    is_host = layout.runs_here and not layout.user
    return is_host and os.geteuid() != 0 and os.access(layout.agent, os.R_OK | os.W_OK)


def _of_this_user() -> Layout:
    import pwd

    uid = os.geteuid()
    if uid == 0:
        raise RefusedError(
            "jobs of root are jobs of the system",
            fix="leave out user=True (or --user), or ask as the user whose jobs are meant",
        )
    try:
        home = Path(pwd.getpwuid(uid).pw_dir)
    except KeyError as error:
        raise RefusedError(
            f"user {uid} is in no passwd database, and so has no home",
            fix="ask as a user who has one",
        ) from error
    for name, default in ("XDG_CONFIG_HOME", ".config"), ("XDG_STATE_HOME", ".local/state"):
        value = os.environ.get(name, "")
        if value and Path(value) != home / default:
            raise RefusedError(
                f"{name} is {value}: the programs of a run look in {home / default}",
                fix=f"unset {name}, or link {home / default} to that folder",
            )
    return Layout.of_user(home, Path(f"/run/user/{uid}"))
