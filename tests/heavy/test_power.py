# SPDX-License-Identifier: Apache-2.0
"""The power fails, or the machine reboots, in the middle of a run."""

from __future__ import annotations

import json

from tests.heavy.runs import STARTED, begin, newest, run, told, with_channel
from tests.system.host import STATE, UNITS, Host
from tests.vm import VM

LONG = f"""\
jobs:
  long:
    script: |
      touch {STARTED}
      [ -e /run/be-quick ] || sleep 3600
    notify: {{failure: [ops]}}
"""
TWO = """\
jobs:
  hourly:
    schedule: "0 * * * *"
    script: echo hello
  nightly:
    schedule: "0 3 * * *"
    script: echo goodnight
"""


def test_a_power_cut_loses_the_run_and_nothing_else(vm: VM, host: Host) -> None:
    with_channel(host)
    host.apply(LONG)
    begin(host, "long")
    vm.power_cut()
    vm.start()

    host.box.wait_until(f"test -e {STATE}/notified/long", 60, "the lost run is told")
    lost = newest(host, "long")
    assert (lost["outcome"], lost["status"], lost["end"]) == ("lost", "failed", None)
    assert (lost["exit_status"], lost["signal"]) == (None, None)
    host.box.write("/run/be-quick", "")
    assert run(host, "long")["outcome"] == "succeeded"
    assert [found["outcome"] for found in host.json("history", "long")] == ["succeeded", "lost"]
    assert host.plan_is_empty()
    assert [json.loads(line)["run"] for line in told(host)] == [lost["run"]]


def test_what_apply_has_written_survives_a_power_cut_right_after(vm: VM, host: Host) -> None:
    host.apply(TWO)
    vm.power_cut()
    vm.start()

    assert host.plan_is_empty()
    timers = ["debvisor-job-hourly.timer", "debvisor-job-nightly.timer"]
    assert host.running_timers() == timers
    empty = f"find {UNITS} /var/lib/debvisor-timers -type f -empty -not -name .lock"
    assert host.box.run(empty).stdout == ""
    assert run(host, "nightly")["outcome"] == "succeeded"


def test_a_reboot_stops_the_run_and_is_no_failure(vm: VM, host: Host) -> None:
    with_channel(host)
    host.apply(LONG)
    begin(host, "long")
    vm.reboot()

    stopped = newest(host, "long")
    assert stopped["outcome"] == "stopped"
    assert stopped["end"] is not None
    assert told(host) == []
    assert host.plan_is_empty()
