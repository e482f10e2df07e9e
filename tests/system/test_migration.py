# SPDX-License-Identifier: Apache-2.0
"""Jobs of a virtual machine that moves between two hosts by live migration, with real libvirt.

The hosts are two boxes that see one folder of this machine: libvirt's sockets stand in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.box import Box, installed_layer
from tests.box.container import Bind
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import Host

SHARED = "/srv/shared"
MACHINE = """\
<domain type='qemu'>
  <name>vm-1</name>
  <uuid>bb5398af-65a0-4766-9b2b-7750213cdcb4</uuid>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu mode='custom'><model>qemu64</model></cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
</domain>
"""
WHERE = "where: {vm_active: vm-1}"
TRIGGER = "triggers: [{path_changed: /srv/nothing}]"
WAITS = (
    '[/bin/sh, -c, "while [ -e /srv/shared/wait ]; do sleep 0.1; done; ! [ -e /srv/shared/bad ]"]'
)
JOBS = {
    "snapshot": f'{WHERE}, schedule: "0 2 * * *"',
    "verify": f"{WHERE}, depends_on: [snapshot]",
    "dump": f"{WHERE}, {TRIGGER}, command: {WAITS}",
    "ship": f"{WHERE}, depends_on: [{{job: dump, wait: 0}}]",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two hosts with the same jobs; the machine runs on one of them."""

    node1: Host
    node2: Host
    folder: Path

    def migrate(self, source: Host, target: Host) -> None:
        """Move the running machine."""
        name = "node2" if target is self.node2 else "node1"
        source.box.run(
            f"virsh migrate --live --persistent --undefinesource vm-1"
            f" 'qemu+unix:///system?socket={SHARED}/{name}.sock'"
            f" --migrateuri unix://{SHARED}/to-{name}.sock",
            timeout=60,
        )
        assert target.box.run("virsh domstate vm-1").stdout.strip() == "running"


def hypervisor(host: Host, number: int) -> None:
    """Let a box be a host of its own, which the other one reaches."""
    box = host.box
    uuid = f"26e5e8ba-280d-4063-aefe-5129e557558{number}"
    box.run(f"echo 'host_uuid = \"{uuid}\"' >>/etc/libvirt/libvirtd.conf")
    folder = "/etc/systemd/system/libvirtd.socket.d"
    box.write(f"{folder}/shared.conf", f"[Socket]\nListenStream={SHARED}/node{number}.sock\n")
    box.run("systemctl daemon-reload && systemctl stop libvirtd.service 'libvirtd*.socket'")
    box.run("systemctl start libvirtd.socket libvirtd-ro.socket && virsh uri", timeout=30)
    host.apply(work.yaml(JOBS, command="[/bin/true]"))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    layer = installed_layer(LIBVIRT)
    with tempfile.TemporaryDirectory(prefix="debvisor-pair-") as name:
        shared = [Bind(source=Path(name), target=SHARED, writable=True)]
        with (
            Box.boot(layer, hostname="node1", binds=shared) as one,
            Box.boot(layer, hostname="node2", binds=shared) as two,
        ):
            pair = Pair(Host(one), Host(two), Path(name))
            hypervisor(pair.node1, 1)
            hypervisor(pair.node2, 2)
            one.write("/root/vm-1.xml", MACHINE)
            two.write("/root/vm-1.xml", MACHINE)
            one.run("virsh define /root/vm-1.xml && virsh start vm-1")
            yield pair


def succeeds(host: Host, job: str) -> Mapping[str, str]:
    note = work.start(host, job)
    assert (note["RESULT"], note.get("SKIPPED")) == ("success", None)
    return note


def reason(host: Host, job: str) -> str:
    return work.start(host, job)["SKIPPED"]


def test_what_succeeded_before_the_migration_need_not_be_repeated_after_it(pair: Pair) -> None:
    assert reason(pair.node1, "verify") == "snapshot never ran, here or where vm-1 ran before"
    succeeds(pair.node1, "snapshot")
    succeeds(pair.node1, "dump")

    pair.migrate(pair.node1, pair.node2)

    succeeds(pair.node2, "verify")
    succeeds(pair.node2, "ship")
    gone = "virtual machine vm-1 does not run on this host"
    assert reason(pair.node1, "verify") == gone


def test_a_failure_goes_with_the_machine_too_and_says_where_it_was(pair: Pair) -> None:
    (pair.folder / "bad").touch()
    failed = work.start(pair.node2, "dump")
    (pair.folder / "bad").unlink()
    assert failed["RESULT"] == "exit-code"

    pair.migrate(pair.node2, pair.node1)

    told = f"dump failed (run {failed['RUN_ID']} on node2)"
    assert reason(pair.node1, "ship") == told
    assert pair.node1.json("history", "ship")[0]["reason"] == told
    succeeds(pair.node1, "dump")
    succeeds(pair.node1, "ship")


def test_a_run_that_the_machine_leaves_is_doubted_on_the_next_host(pair: Pair) -> None:
    (pair.folder / "wait").touch()
    work.begin(pair.node1, "dump")
    pair.node1.box.wait_until(
        "[ $(systemctl show -P SubState debvisor-job-dump.service) = start ]", 20, "dump runs"
    )
    run = work.under_way(pair.node1, "dump")["RUN_ID"]

    pair.migrate(pair.node1, pair.node2)
    (pair.folder / "wait").unlink()
    pair.node1.await_run("dump", "succeeded", 3)

    said = f"dump began on node1 (run {run}), how it ended is not known here"
    assert reason(pair.node2, "ship") == said
    pair.node1.box.run(["journalctl", "--sync"])
    assert "vm-1 does not take it: it is not on this host any more" in (
        pair.node1.box.journal("--unit", work.unit("dump"))
    )
    succeeds(pair.node2, "dump")
    succeeds(pair.node2, "ship")


def test_a_machine_that_was_defined_anew_brings_nothing_and_that_is_said(pair: Pair) -> None:
    pair.node2.box.run("virsh destroy vm-1 && virsh undefine vm-1")
    pair.node2.box.run("rm /var/lib/debvisor-timers/last/snapshot || :")
    pair.node2.box.run("virsh create /root/vm-1.xml")

    assert reason(pair.node2, "verify") == "snapshot never ran, here or where vm-1 ran before"
    succeeds(pair.node2, "snapshot")
    host = pair.node2.box
    has = host.run("virsh metadata vm-1 https://debvisor.org/timers/result/1/snapshot").stdout
    assert 'host="node2"' in has
