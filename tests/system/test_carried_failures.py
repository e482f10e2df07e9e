# SPDX-License-Identifier: Apache-2.0
"""Runs of which `end` tells the virtual machine nothing go with it, too; with real libvirt.

The next host is the same box under another name, without what the first one has noted: what is
asked of the machine is in libvirt's metadata alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import STATE, Host

MACHINE = """\
<domain type='qemu'>
  <name>vm-1</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu mode='custom'><model>qemu64</model></cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
</domain>
"""
WHERE = "where: {vm_active: vm-1}, triggers: [{path_changed: /srv/nothing}]"
JOBS = {
    "dump": f"{WHERE}, user: dumper, script: 'while [ -e /srv/wait ]; do sleep 0.1; done'",
    "ship": f"{WHERE}, depends_on: [{{job: dump, wait: 0}}], command: [/bin/true]",
}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with a machine, and with a dump of it that has succeeded."""
    with Box.boot(installed_layer(LIBVIRT), hostname="node1") as box:
        host = Host(box)
        box.write("/root/vm-1.xml", MACHINE)
        box.run("useradd dumper; virsh define /root/vm-1.xml && virsh start vm-1")
        host.apply(work.yaml(JOBS))
        assert work.start(host, "dump")["RESULT"] == "success"
        yield host


def move(host: Host) -> None:
    """Let the machine be on the next host."""
    host.await_handlers()
    host.box.run(f"hostname node2; rm -f {STATE}/last/* /run/debvisor-timers/ended/*")


def test_a_failure_before_begin_counts_on_the_next_host(host: Host) -> None:
    host.box.run("userdel dumper")
    host.box.run(["systemctl", "start", work.unit("dump")], check=False)
    (run, *_) = host.await_run("dump", "failed")
    move(host)

    reason = work.start(host, "ship")["SKIPPED"]

    assert reason == f"dump failed (run {run['run']} on node1)"


def test_a_run_that_a_power_cut_has_ended_counts_on_the_next_host(host: Host) -> None:
    host.box.write("/srv/wait", "")
    work.begin(host, "dump")
    host.box.wait_until(f"test -e {STATE}/running/dump", 20)
    host.box.wait_until(f"systemctl is-active {work.unit('dump')} | grep -q activating", 20)
    run = work.under_way(host, "dump")["RUN_ID"]
    host.box.run("sync")
    host.box.power_cut()
    host.box.start()
    host.box.wait_until(f"test -e {STATE}/notified/dump", 60)
    host.await_handlers()
    host.box.run("virsh start vm-1")
    move(host)

    assert work.start(host, "ship")["SKIPPED"] == f"dump failed (run {run} on node1)"
