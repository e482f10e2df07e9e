# SPDX-License-Identifier: Apache-2.0
"""A run that is due and does not begin, on a real systemd; the looks are taken by hand."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from tests.box import Box
from tests.system import work
from tests.system.host import STATE, Host

CONFIG = "channels:\n  ops: {exec: [/bin/sh, -c, 'cat >>/root/told']}\n"
JOBS = """\
jobs:
  due:
    command: [/bin/true]
    schedule: {on_calendar: "*-*-* *:*:0/3"}
    notify: {missed: [ops], missed_after: 1s}
"""
WATCH = "debvisor-timers-watch"
SEEN = f"{STATE}/watch/seen.json"


def test_a_run_that_is_due_and_does_not_begin_is_told_once(box: Box) -> None:
    host = Host(box)
    box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    host.apply(JOBS)
    box.run(f"systemctl stop {WATCH}.timer debvisor-job-due.timer")
    work.await_ends(host, "due")
    # As a look has it that came before the timer was stopped; all runs have ended long before.
    due = datetime.fromtimestamp(time.time() // 3 * 3 + 6, UTC)
    box.run(["mkdir", "-p", f"{STATE}/watch"])
    box.write(SEEN, json.dumps({"due": {"next": due.isoformat()}}))
    box.wait_until(f"test $(date +%s) -ge {due.timestamp() + 2:.0f}", 20, "it was due")

    for _ in range(2):
        box.run(["systemctl", "start", f"{WATCH}.service"])

    (document,) = (json.loads(line) for line in box.read("/root/told").splitlines())
    assert (document["event"], document["job"]) == ("missed", "due")
    assert datetime.fromisoformat(document["scheduled_for"]) == due
    assert " and no run has begun." in document["text"]
