# SPDX-License-Identifier: Apache-2.0
"""Who a guest is: what its root says of its name, its machine and its time zone."""

from __future__ import annotations

import secrets
from pathlib import Path

_MARK = "etc/debvisor-box"


def inside_a_box() -> bool:
    """Return whether this very process runs in a guest, where PID 1 is a real systemd 257."""
    return Path("/", _MARK).exists()


def identify(root: Path, *, hostname: str, machine_id: str = "", timezone: str = "Etc/UTC") -> None:
    """Write the identity of a guest into its `root`; machine_id: 32 hex digits, else random."""
    etc = root / "etc"
    (etc / "hostname").write_text(f"{hostname}\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost\n")
    (etc / "machine-id").write_text(f"{machine_id or secrets.token_hex(16)}\n")
    (etc / "localtime").unlink(missing_ok=True)
    (etc / "localtime").symlink_to(f"/usr/share/zoneinfo/{timezone}")
    (etc / "timezone").write_text(f"{timezone}\n")
    (root / _MARK).write_text("This root was made for tests and is thrown away.\n")
