# SPDX-License-Identifier: Apache-2.0
"""Jobs that are started, and what is known of their runs."""

from __future__ import annotations

from typing import Any

from tests.system.host import STATE, Host

CONFIG = "/etc/debvisor/timers/config.yaml"
CHANNEL = "channels: {ops: {exec: [/usr/local/bin/tell]}}\n"
TOLD = "/var/tmp/told"
TELL = f"#!/bin/sh\ncat >>{TOLD}\necho >>{TOLD}\n"
STARTED = "/run/started"
BEGUN = "f1c63ac425f94a3b9894b31bb73a2710"
"""The message that `begin` sends for each attempt."""


def with_channel(host: Host) -> None:
    """Give `host` the channel `ops`, which writes down what it is told."""
    _wait_until_told(host)  # what the test before has left is not told to this one
    host.box.write("/usr/local/bin/tell", TELL, 0o755)
    host.box.write(CONFIG, CHANNEL)
    host.box.write(TOLD, "")


def told(host: Host) -> list[str]:
    """Return what the channel was told, a line each, once nobody is telling any more."""
    _wait_until_told(host)
    return [line for line in host.box.read(TOLD).splitlines() if line]


def _wait_until_told(host: Host) -> None:
    idle = "! systemctl list-units --plain --no-legend 'debvisor-timers-notify@*' | grep activating"
    host.box.wait_until(idle, 20, "all notifications are sent")


def run(host: Host, job: str) -> dict[str, Any]:
    """Run `job` to its end, whatever it is, and return what history has of it."""
    # By systemctl: emulated, each command of ours takes seconds.
    host.box.run(["systemctl", "start", f"debvisor-job-{job}.service"], check=False)
    return newest(host, job)


def begin(host: Host, job: str) -> None:
    """Start `job`, which touches STARTED, and return while it runs."""
    host.box.run(["rm", "-f", STARTED])
    host.box.run(["systemctl", "start", "--no-block", f"debvisor-job-{job}.service"])
    host.box.wait_until(["test", "-e", STARTED], 10, f"{job} runs")


def newest(host: Host, job: str) -> dict[str, Any]:
    """Return the newest run of `job` that history has."""
    found: dict[str, Any] = host.json("history", job)[0]
    return found


def begun(host: Host, run_id: str) -> list[dict[str, Any]]:
    """Return what `begin` has told the journal of the run, a record for each attempt."""
    return host.records(f"MESSAGE_ID={BEGUN}", f"DEBVISOR_RUN_ID={run_id}")


def noted(host: Host, job: str) -> dict[str, str]:
    """Return what `end` has noted of the last run of `job`; empty where there is no note."""
    text = host.box.run(["cat", f"{STATE}/last/{job}"], check=False).stdout
    return dict(line.split("=", 1) for line in text.splitlines())
