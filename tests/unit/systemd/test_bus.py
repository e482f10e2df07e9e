# SPDX-License-Identifier: Apache-2.0
"""What of the bus needs no bus; the rest is in tests/contract/test_real.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from debvisor_timers.systemd.bus import unit_path


# Taken from `busctl tree org.freedesktop.systemd1`.
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dbus.service", "dbus_2eservice"),
        ("debvisor-job-a1.timer", "debvisor_2djob_2da1_2etimer"),
        ("getty@tty1.service", "getty_40tty1_2eservice"),
        (r"dev-a\x20b.device", "dev_2da_5cx20b_2edevice"),
        ("0a.service", "_30a_2eservice"),
    ],
)
def test_the_path_of_a_unit(name: str, path: str) -> None:
    assert unit_path(name) == f"/org/freedesktop/systemd1/unit/{path}".encode()


def test_importing_the_adapters_imports_neither_pystemd_nor_systemd() -> None:
    code = (
        "import sys, debvisor_timers.systemd.manager, debvisor_timers.systemd.journal\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('pystemd', 'systemd')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
