# SPDX-License-Identifier: Apache-2.0
"""Jobs that want the same processor in the same moment: who has more of it."""

from __future__ import annotations

from tests.system.host import Host

PRIORITIES = ("critical", "high", "normal", "low")
UNITS = [f"debvisor-job-{priority}.service" for priority in PRIORITIES]
JOB = """\
  {priority}:
    priority: {priority}
    script: |
      touch /run/spins-{priority}
      exec taskset --cpu-list 0 sh -c 'while :; do :; done'
"""
SHOWN = "systemctl show --property=CPUUsageNSec --value"
WINDOW = 5e9
"""How long the first of them has to be on the processor, in nanoseconds, until they are judged."""


def used(host: Host) -> list[int]:
    """Return the CPU time of each job until now, in nanoseconds."""
    return [int(line) for line in host.box.run(f"{SHOWN} {' '.join(UNITS)}").stdout.split()]


def test_the_processor_is_shared_by_priority(host: Host) -> None:
    host.apply("jobs:\n" + "".join(JOB.format(priority=priority) for priority in PRIORITIES))
    host.box.run(["systemctl", "start", "--no-block", *UNITS])
    host.box.wait_until(" && ".join(f"test -e /run/spins-{name}" for name in PRIORITIES), 20)

    before = used(host)
    host.box.wait_until(lambda: used(host)[0] - before[0] > WINDOW, 20, "the first had its share")
    shares = [after - earlier for after, earlier in zip(used(host), before, strict=True)]

    host.box.run(["systemctl", "stop", *UNITS])
    # By the weights 1000 : 300 : 100 : 20.
    assert shares[0] > 2 * shares[1], shares
    assert shares[1] > 1.5 * shares[2], shares
    assert shares[2] > 1.5 * shares[3], shares
    assert shares[3] > 0, shares
