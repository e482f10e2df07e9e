# SPDX-License-Identifier: Apache-2.0
"""cost_analysis and scaling_advice on a real libvirt, whose machines are known to do what they do.

One has two processors and keeps one of them busy by its boot sector, one does nothing, one is off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import Host

MIB = 1024**2

BUSY = r"""
import pathlib
loop = b"\xfa\xeb\xfe"  # cli; jmp to itself
sector = loop.ljust(510, b"\0") + b"\x55\xaa"
path = pathlib.Path("/srv/busy.img")
path.write_bytes(sector + bytes(512) + b"x" * 9 * 2**20)
with path.open("r+b") as file:
    file.truncate(10 * 2**20)
"""

JOBS = """
jobs:
  costs:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    task:
      type: cost_analysis
      config:
        prices: {vcpu: 10, memory_gib: 16, disk_gib: 1, machine: 1}
        exclude: [none-*]
        interval: 3s
        window: 0
  sizes:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    task:
      type: scaling_advice
      config: {samples: 3, interval: 1.5s, window: 0, thresholds: {cpu_low: 30, idle: 20}}
  over-days:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    task: {type: scaling_advice, config: {samples: 2, interval: 1s, exclude: [busy, away]}}
  nothing:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    task: {type: scaling_advice, config: {vm_id: vm-unknown, interval: 1s}}
  nowhere:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    task: {type: scaling_advice, config: {uri: "qemu+unix:///system?socket=/run/nobody"}}
"""


def machine(name: str, vcpus: int, image: str, kind: str) -> str:
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>{vcpus}</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='custom'><model>qemu64</model></cpu>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{kind}'/>
      <source file='{image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
  </devices>
</domain>
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(LIBVIRT), hostname="box") as box:
        host = Host(box)
        box.write("/root/busy.py", BUSY)
        box.run("python3 /root/busy.py")
        box.run("qemu-img create -q -f qcow2 /srv/quiet.qcow2 1G")
        box.run("qemu-img create -q -f qcow2 /srv/away.qcow2 2G")
        box.write("/root/busy.xml", machine("busy", 2, "/srv/busy.img", "raw"))
        box.write("/root/quiet.xml", machine("quiet", 1, "/srv/quiet.qcow2", "qcow2"))
        box.write("/root/away.xml", machine("away", 4, "/srv/away.qcow2", "qcow2"))
        box.run("for name in busy quiet away; do virsh -q define /root/$name.xml; done")
        box.run("virsh -q start quiet && virsh -q start busy")
        for name in ("quiet", "busy"):
            read = f"virsh domblkstat {name} vda | grep -q 'rd_req [1-9]'"
            box.wait_until(read, 20, f"{name} has read its boot sector")
        host.apply(JOBS)
        yield host


def printed(host: Host, job: str) -> tuple[dict[str, Any], str]:
    """Return the result of the newest run of a job, and all that it printed."""
    note = work.start(host, job)
    text = host.box.journal("--output=cat", f"SYSLOG_IDENTIFIER={job}")
    assert note["RESULT"] == "success", text
    (result,) = (json.loads(line) for line in text.splitlines() if line.startswith("{"))
    return result, text


def test_what_machines_cost_and_how_much_of_it_is_unused(host: Host) -> None:
    result, text = printed(host, "costs")

    busy, quiet, away = (result["machines"][name] for name in ("busy", "quiet", "away"))
    parts = {"machine": 1, "vcpu": 20, "memory": 1, "disk": 0.01, "traffic": 0}
    assert busy["cost_per_month"] == parts | {"total": 22.01}
    assert quiet["cost_per_month"]["total"] == 13
    assert away["cost_per_month"]["total"] == 3
    # Of two processors at 10 each; how much is used depends on what else this machine has to do.
    unused = busy["unused_per_month"]["vcpu"]
    assert unused == pytest.approx(max(20 - 10 * busy["cpu_vcpus"], 0), abs=0.1)
    assert unused < 18
    assert quiet["cpu_vcpus"] < busy["cpu_vcpus"]
    assert 6 < quiet["unused_per_month"]["vcpu"] <= 10
    assert "memory" not in busy["unused_per_month"]
    assert (busy["unused_is_wholly_known"], away["unused_is_wholly_known"]) == (False, True)
    assert result["cost_per_month"] == 38.01
    assert "away     off         -       -  2.0 GiB       3.00   2.00\n" in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("{"))


def test_who_has_too_much_and_what_is_not_known(host: Host) -> None:
    result, text = printed(host, "sizes")

    advice = {
        name: [one["kind"] for one in about["advice"]] for name, about in result["machines"].items()
    }
    assert advice["away"] == ["off"]
    assert advice["quiet"] == ["idle"]
    assert "disk_full" in advice["busy"]  # 9 of 10 MiB are written
    assert "cpu_less" not in advice["busy"]
    busy = result["machines"]["busy"]
    # One of two processors is busy, and what emulates it; of the quiet one hardly any is.
    assert 0.2 < busy["cpu_vcpus"] < 1.9
    assert result["machines"]["quiet"]["cpu_vcpus"] < busy["cpu_vcpus"]
    assert 85 < busy["disks"][0]["filled_percent"] < 95
    assert busy["memory_used_bytes"] is None
    assert busy["resident_bytes"] > MIB
    (storage,) = result["host"]["storage"]
    # 3 GiB and a rest of the raw image
    assert (storage["place"], round(storage["growth"] / 2**30, 1)) == ("/srv", 3.0)
    assert (result["host"]["vcpus"], result["host"]["machines_memory_bytes"]) == (3, 128 * MIB)
    assert "busy, quiet: memory: its guest does not tell what it uses" in text


def test_what_was_used_between_runs_counts_also_after_a_new_start_and_name(host: Host) -> None:
    def seconds(name: str) -> float:
        host.box.run("journalctl --sync; journalctl --rotate; journalctl --vacuum-time=1s")
        result, text = printed(host, "over-days")
        assert " of the last 7 d" in " ".join(text.split())
        assert result["window_seconds"] == 7 * 86400
        return float(result["machines"][name]["measured_seconds"])

    first = seconds("quiet")
    moment = int(host.box.run("date +%s").stdout) + 4
    host.box.wait_until(f"[ $(date +%s) -ge {moment} ]", 10, "seconds in which nothing measures")
    second = seconds("quiet")
    assert second > first + 4  # a second of this run, and those before it
    host.box.run("virsh -q destroy quiet && virsh -q domrename quiet calm && virsh -q start calm")
    third = seconds("calm")
    assert second + 0.9 < third < second + 10
    host.box.run("ls /var/lib/debvisor-timers/usage/$(virsh domuuid calm).json")


@pytest.mark.parametrize("job", ["nothing", "nowhere"])
def test_no_machine_and_no_libvirt_are_failures(host: Host, job: str) -> None:
    assert work.start(host, job)["RESULT"] == "exit-code"
