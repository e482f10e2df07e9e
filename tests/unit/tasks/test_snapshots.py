# SPDX-License-Identifier: Apache-2.0
"""Snapshots: whose they are, which are outdated, and which may be removed without loss."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.snapshots import (
    Disk,
    Retention,
    Snapshot,
    description_of,
    disks_in,
    document,
    has_agent,
    obstacle,
    outdated,
    snapshot_in,
)
from debvisor_timers.tasks.vm_snapshot import Wanted

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RUN = "20261123T020000Z-4f2a9c"
NAME = "debvisor-nightly-20261123T020000Z-4f2a9c"
EXTERNAL = f"""\
<domainsnapshot>
  <name>{NAME}</name>
  <description>debvisor-timers job=nightly run={RUN} quiesced=yes</description>
  <state>disk-snapshot</state>
  <parent><name>before</name></parent>
  <creationTime>1795399200</creationTime>
  <memory snapshot='no'/>
  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/><source file='/vms/on.e2'/>
    </disk>
    <disk name='sda' snapshot='no'/>
  </disks>
  <domain type='qemu'>
    <devices>
      <disk type='file' device='disk'><source file='/vms/on.e1'/><target dev='vda'/></disk>
      <disk type='file' device='cdrom'><target dev='sda'/></disk>
    </devices>
  </domain>
</domainsnapshot>"""
MACHINE = """\
<domain>
  <devices>
    <disk type='file' device='disk'><source file='/vms/a.qcow2'/><target dev='vda'/></disk>
    <disk type='block' device='lun'><source dev='/dev/vg/b'/><target dev='vdb'/></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='p/c'/><target dev='vdc'/></disk>
    <disk type='file' device='disk' snapshot='no'><source file='/x'/><target dev='vdd'/></disk>
    <disk type='file' device='disk'><source file='/ro'/><target dev='vde'/><readonly/></disk>
    <disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda'/></disk>
    <disk type='file' device='disk'><target dev='sdb'/></disk>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
  </devices>
</domain>"""


def taken(name: str, days: float = 0, job: str = "nightly") -> Snapshot:
    return Snapshot(name=name, made=NOW - timedelta(days=days), job=job)


def test_a_snapshot_of_ours_is_known_by_its_note() -> None:
    assert snapshot_in(EXTERNAL) == Snapshot(
        name=NAME,
        made=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
        parent="before",
        job="nightly",
        run=RUN,
        is_quiesced=True,
        overlays={"vda": "/vms/on.e2"},
        bases={"vda": "/vms/on.e1"},
    )


@pytest.mark.parametrize(
    "text",
    [
        EXTERNAL.replace("debvisor-timers job", "job"),
        EXTERNAL.replace(f"<name>{NAME}", "<name>mine"),
        EXTERNAL.replace("<description>", "<description>Copied: "),
    ],
)
def test_a_snapshot_of_somebody_else_is_not_ours(text: str) -> None:
    assert snapshot_in(text).job == ""


def test_what_is_made_is_known_again() -> None:
    made = document(NAME, description_of("nightly", RUN, quiesced=False), {"vda": "/o/a&b"})
    assert made == (
        f"<domainsnapshot><name>{NAME}</name><description>debvisor-timers job=nightly run={RUN} "
        'quiesced=no</description><disks><disk name="vda" snapshot="external"><source '
        'file="/o/a&amp;b" /></disk></disks></domainsnapshot>'
    )
    assert (snapshot_in(made).job, snapshot_in(made).overlays) == ("nightly", {"vda": "/o/a&b"})
    assert "<disks" not in document("a", "b")


@pytest.mark.parametrize(
    ("retention", "gone"),
    [
        (Retention(), []),
        (Retention(keep=2), ["old", "week"]),
        (Retention(keep=9), []),
        (Retention(days=7), ["old"]),
        (Retention(days=0.5), ["old", "week", "day"]),
        (Retention(keep=3, days=0.5), ["old"]),
        (Retention(keep=1, days=7), ["old"]),
    ],
)
def test_only_outdated_snapshots_of_the_job_go(retention: Retention, gone: list[str]) -> None:
    mine = [taken("new"), taken("old", 8), taken("day", 1), taken("week", 7)]
    others = [taken("x", 99, job=""), taken("y", 99, job="hourly")]

    found = outdated([*others, *mine], job="nightly", now=NOW, retention=retention)

    assert [snapshot.name for snapshot in found] == gone


def test_the_newest_is_kept_however_old_it_is() -> None:
    old = [taken("older", 40), taken("newest", 30)]
    found = outdated(old, job="nightly", now=NOW, retention=Retention(days=7))
    assert [snapshot.name for snapshot in found] == ["older"]


def test_snapshots_are_made_of_disks_that_are_written() -> None:
    assert disks_in(MACHINE) == [
        Disk(target="vda", kind="file", source="/vms/a.qcow2"),
        Disk(target="vdb", kind="block", source="/dev/vg/b"),
        Disk(target="vdc", kind="network", source="p/c"),
    ]


def test_the_agent_is_asked_where_it_holds_its_end() -> None:
    assert has_agent(MACHINE)
    assert not has_agent(MACHINE.replace("'connected'", "'disconnected'"))
    assert not has_agent("<domain><devices/></domain>")


def overlay(name: str, parent: str, base: str) -> Snapshot:
    return Snapshot(
        name=name,
        made=NOW,
        parent=parent,
        overlays={"vda": f"/{name}"},
        bases={"vda": f"/{base}"},
    )


def writes(*paths: str) -> list[Disk]:
    return [
        Disk(target=target, kind="file", source=path)
        for target, path in zip(("vda", "vdb"), paths, strict=False)
    ]


def test_a_chain_that_ends_where_the_machine_writes_can_be_merged() -> None:
    chain = [overlay("b", "a", "a"), overlay("a", "", "base"), overlay("c", "b", "b")]
    assert obstacle(chain, writes("/c", "/other")) == ""
    assert obstacle([], writes("/base")) == ""


def test_what_libvirt_would_lose_or_crash_upon_is_an_obstacle() -> None:
    a, b = overlay("a", "", "base"), overlay("b", "a", "a")
    internal = Snapshot(name="i", made=NOW, parent="b", internal=("vda",))

    assert obstacle([a, b, internal], writes("/b")) == (
        "the machine has the internal snapshot i as well"
    )
    branched = "a revert has made branches of its snapshots"
    assert obstacle([a, b, overlay("c", "a", "a")], writes("/c")) == branched
    assert obstacle([b], writes("/b")) == branched
    assert obstacle([a, overlay("b", "a", "x")], writes("/b")) == (
        "its snapshots are no chain at b (disk vda)"
    )
    assert obstacle([a, b], writes("/123")) == ("its disk vda is /123, not /b as snapshots have it")
    assert obstacle([a, b], []) == "its disk vda is gone, not /b as snapshots have it"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"quiesce": "always"}, "quiesce: always is of no use to internal snapshots"),
        ({"directory": "/o"}, "directory is of no use to internal snapshots"),
    ],
)
def test_what_does_not_go_together_is_refused(config: Mapping[str, object], message: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        Wanted.of({"vm_id": "a", **config})
    assert str(failed.value) == f"{message}\n  fix: mode: external"
    assert failed.value.exit_status == 65
