# SPDX-License-Identifier: Apache-2.0
"""Who may edit jobs: told before anybody is asked, or types a file anew."""

from __future__ import annotations

import os

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.layout import Layout


def require_rights(layout: Layout) -> None:
    """Raise PermissionRefusedError unless the job files and what was applied may be written.

    SystemdError where not even root may, since they are on a file system that is read-only.
    """
    for folder in (layout.state, layout.jobs):
        if folder.exists() and not os.access(folder, os.W_OK):
            if os.statvfs(folder).f_flag & os.ST_RDONLY:
                raise SystemdError(
                    f"nothing was changed: {folder} is on a file system that is read-only",
                    fix="mount it read-write, then try again",
                )
            raise PermissionRefusedError(
                f"only root may change jobs (cannot write to {folder})",
                fix="run the command with sudo, or as a member of the group debvisor-timers",
            )
