# SPDX-License-Identifier: Apache-2.0
"""Who may edit jobs: told before anybody is asked, or types a file anew."""

from __future__ import annotations

import os

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.layout import Layout


def require_rights(layout: Layout) -> None:
    """Raise PermissionRefusedError unless the job files and what was applied may be written."""
    for folder in (layout.state, layout.jobs):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise PermissionRefusedError(
                f"only root may change jobs (cannot write to {folder})",
                fix="run the command with sudo",
            )
