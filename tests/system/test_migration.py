# SPDX-License-Identifier: Apache-2.0
"""Jobs of a virtual machine that moves between two hosts by live migration, with real libvirt.

The hosts are two boxes that see one folder of this machine: libvirt's sockets stand in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
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
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/srv/shared/vm-1.img'/>
      <target dev='vda' bus='virtio'/>
      <readonly/>
    </disk>
  </devices>
</domain>
"""
PROGRAM = bytes.fromhex("fa fc b80010 8ec0 31ff b90080 43 89d8 f3ab 8cc0 050010 3d0090 72ea ebe5")
"""A boot sector that writes half a megabyte of memory anew, for ever: at one megabyte a second a
live migration of it does not come to an end."""
WHERE = "where: {vm_active: vm-1}"
TRIGGER = "triggers: [{path_changed: /srv/nothing}]"
WAITS = (
    '[/bin/sh, -c, "while [ -e /srv/shared/wait ]; do sleep 0.1; done; ! [ -e /srv/shared/bad ]"]'
)
JOBS = {
    "snapshot": f'{WHERE}, schedule: "0 2 * * *"',
    "verify": f"{WHERE}, depends_on: [snapshot]",
    "dump": f"{WHERE}, {TRIGGER}, command: {WAITS}",
    "first": f"{WHERE}, {TRIGGER}",
    "second": f"{WHERE}, {TRIGGER}",
    "both": f"{WHERE}, triggers: [{{success_of: [first, second]}}]",
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
        source.box.run(migration(name), timeout=60)
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
            image = PROGRAM.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20)
            (pair.folder / "vm-1.img").write_bytes(image)
            one.write("/root/vm-1.xml", MACHINE)
            two.write("/root/vm-1.xml", MACHINE)
            one.run("virsh define /root/vm-1.xml && virsh start vm-1")
            yield pair


@pytest.fixture
def slow(pair: Pair) -> Iterator[Callable[[], None]]:
    """A migration from node1 to node2 that lasts until this is called."""
    if "vm-1" not in pair.node1.box.run("virsh list --name").stdout:
        pair.migrate(pair.node2, pair.node1)
    host, target = pair.node1.box, pair.node2.box
    # Where the guest is short of time itself, what it has changed goes through in libvirt's 300 ms.
    host.run("virsh migrate-setmaxdowntime vm-1 1")
    start = "systemd-run --quiet --unit=migration --property=Type=oneshot --no-block"
    host.run(f"{start} {migration('node2', '--bandwidth 1')}")
    target.wait_until("virsh domstate --reason vm-1 | grep -q migrating", 20, "it arrives")

    def finish() -> None:
        host.run("virsh migrate-setspeed vm-1 10000 && virsh migrate-setmaxdowntime vm-1 2000")

    yield finish
    host.run("virsh migrate-setspeed vm-1 10000 || :")
    target.wait_until("virsh domstate vm-1 | grep -q running", 20, "it has arrived")


def migration(target: str, *options: str) -> str:
    """Return the command that moves the machine."""
    return " ".join(
        (
            "virsh migrate --live --persistent --undefinesource vm-1",
            f"'qemu+unix:///system?socket={SHARED}/{target}.sock'",
            f"--migrateuri unix://{SHARED}/to-{target}.sock",
            *options,
        )
    )


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


def test_successes_on_two_hosts_start_a_job_where_the_machine_is(pair: Pair) -> None:
    first = succeeds(pair.node1, "first")["RUN_ID"]
    pair.migrate(pair.node1, pair.node2)
    second = succeeds(pair.node2, "second")["RUN_ID"]

    (run,) = pair.node2.await_run("both", "succeeded")
    assert run["trigger"] == "chain"
    note = work.ended(pair.node2, "both")
    assert note["TRIGGER_RUNS"].split() == [f"first:{first}", f"second:{second}"]
    assert not pair.node1.json("history", "both")

    pair.migrate(pair.node2, pair.node1)


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


def test_what_is_due_during_a_migration_runs_on_one_host_when_it_is_over(
    pair: Pair, slow: Callable[[], None]
) -> None:
    for host in (pair.node1, pair.node2):
        work.begin(host, "dump")
    for host in (pair.node1, pair.node2):
        told = "grep -qx 'DEBVISOR_WAITING=for vm-1 (it is being migrated)'"
        host.box.wait_until(f"{told} /run/debvisor-timers/runs/dump", 20, "dump waits")
    before = len(pair.node2.json("history", "dump"))

    slow()

    gone = "virtual machine vm-1 does not run on this host"
    assert pair.node1.await_run("dump", "skipped")[0]["reason"] == gone
    pair.node2.await_run("dump", "succeeded", 2)
    assert len(pair.node2.json("history", "dump")) == before
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
