# SPDX-License-Identifier: Apache-2.0
"""An apply that changes jobs in every way at once: what it starts from, and what it shall make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.box import Box
from tests.system.host import STATE, Host

LATER = datetime.now(UTC) + timedelta(hours=6)
"""Far enough from now: no timer fires by itself while the tests run."""


def daily(hours: int, catch_up: str = "once") -> str:
    """Return the key `schedule`, for each day so many hours after LATER."""
    return (
        f'schedule: {{cron: "{LATER + timedelta(hours=hours):%M %H} * * *", catch_up: {catch_up}}}'
    )


FIRED = "command: [/usr/bin/touch, /var/fired]"
BEFORE = f"""\
jobs:
  moved: {{ {daily(0)}, {FIRED} }}
  skipper: {{ {daily(0, "skip")}, {FIRED} }}
  scripted: {{ {daily(1)}, script: "touch /var/fired" }}
  rested: {{ {daily(2)}, {FIRED} }}
  left: {{ {daily(3)}, {FIRED} }}
  same: {{ {daily(4)}, {FIRED} }}
"""
AFTER = f"""\
jobs:
  moved: {{ {daily(-7)}, {FIRED} }}
  skipper: {{ {daily(-7, "skip")}, {FIRED} }}
  scripted: {{ {daily(1)}, script: "touch /var/fired; true" }}
  rested: {{ {daily(2)}, {FIRED}, enabled: false }}
  new: {{ {daily(5)}, triggers: [{{boot: 1h}}], {FIRED} }}
  same: {{ {daily(4)}, {FIRED} }}
"""
JOBS_BEFORE = ("left", "moved", "rested", "same", "scripted", "skipper")
JOBS_AFTER = ("moved", "new", "same", "scripted", "skipper")


def prepared(box: Box) -> Host:
    """Apply BEFORE, each job triggered for the last time days ago, and write AFTER."""
    host = Host(box)
    host.apply(BEFORE)
    host.age_stamp(*JOBS_BEFORE)
    host.write(AFTER)
    return host


def timers(jobs: tuple[str, ...]) -> list[str]:
    """Return the names of the timers of `jobs`."""
    return [f"debvisor-job-{job}.timer" for job in jobs]


def assert_after(host: Host, place: str) -> None:
    """All that AFTER asks for is there, nothing is left over, nothing was started."""
    assert host.plan_is_empty(), place
    assert host.running_timers() == timers(JOBS_AFTER), place
    assert not any("left" in name for name in host.units("--all")), place
    assert host.box.run(["test", "-e", f"{STATE}/apply.json"], check=False).returncode == 1
    assert host.started() == [], place
