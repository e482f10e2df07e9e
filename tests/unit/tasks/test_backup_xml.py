# SPDX-License-Identifier: Apache-2.0
"""What libvirt is asked for a backup, what it answers, and what a scratch machine is made of."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from debvisor_timers.tasks import backup_xml
from debvisor_timers.tasks.backup_xml import Checkpoint, Disk
from debvisor_timers.tasks.scratch import definition

MACHINE = """\
<domain type='kvm' id='3'>
  <name>web-1</name>
  <uuid>5a8e9e0e-8a3c-4f5e-9d53-0c6f7f3a1b11</uuid>
  <metadata><x/></metadata>
  <memory unit='KiB'>65536</memory>
  <vcpu>2</vcpu>
  <os firmware='efi'>
    <type arch='x86_64'>hvm</type>
    <nvram template='/usr/share/OVMF.fd'>/var/lib/libvirt/qemu/nvram/web-1.fd</nvram>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='/vms/top.qcow2'/>
      <backingStore type='file'><source file='/vms/base.qcow2'/></backingStore>
      <target dev='vda' bus='virtio'/>
      <boot order='1'/>
    </disk>
    <disk type='volume' device='disk'>
      <driver name='qemu' type='raw'/>
      <source pool='fast' volume='data'/>
      <backingStore/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <source file='/vms/shared.iso'/><target dev='vdc' bus='virtio'/><readonly/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='network'><source network='default'/></interface>
    <hostdev mode='subsystem' type='pci'/>
    <channel type='unix'/>
    <filesystem type='mount'/>
    <video/>
  </devices>
  <seclabel type='dynamic'/>
</domain>
"""


def test_disks_are_found_and_drives_are_not() -> None:
    assert backup_xml.disks_of(MACHINE) == [
        Disk(target="vda", kind="file", format="qcow2", source="/vms/top.qcow2", has_base=True),
        Disk(target="vdb", kind="volume", format="raw", source="data", pool="fast"),
    ]
    assert backup_xml.all_targets(MACHINE) == ["vda", "vdb", "vdc", "sda"]
    assert backup_xml.nvram_of(MACHINE) == "/var/lib/libvirt/qemu/nvram/web-1.fd"
    assert backup_xml.nvram_of("<domain><os/></domain>") == ""
    source = "<domain><os><nvram type='file'><source file='/n'/></nvram></os></domain>"
    assert backup_xml.nvram_of(source) == "/n"


def test_an_encrypted_disk_is_known() -> None:
    (inner, outer), _ = (
        [
            disk.is_encrypted
            for text in (
                f"<disk><source file='/a'>{part}</source><target dev='vda'/></disk>",
                f"<disk>{part}<source file='/a'/><target dev='vda'/></disk>",
            )
            for disk in backup_xml.disks_of(f"<domain><devices>{text}</devices></domain>")
        ]
        for part in ("<encryption format='luks'/>", "")
    )
    assert inner
    assert outer


def test_a_backup_is_asked_for() -> None:
    disks = [Disk(target="vda", kind="file", format="qcow2", source="/a&b")]
    made = backup_xml.backup_document(disks, Path("/b/<x>"), others=["sda"], since="debvisor-1")
    assert made == (
        '<domainbackup mode="push"><incremental>debvisor-1</incremental><disks>'
        '<disk name="vda" backup="yes" type="file"><driver type="qcow2" />'
        '<target file="/b/&lt;x&gt;/vda.qcow2" /></disk><disk name="sda" backup="no" />'
        "</disks></domainbackup>"
    )
    assert backup_xml.targets_in(made) == [Path("/b/<x>/vda.qcow2")]
    assert backup_xml.targets_in("") == []
    assert "incremental" not in backup_xml.backup_document(disks, Path("/b"))


def test_checkpoints_of_ours_are_known_again() -> None:
    disks = [Disk(target="vda", kind="file", format="qcow2", source="/a")]
    made = backup_xml.checkpoint_document("debvisor-1", Path("/srv/b"), disks, ["sda"])
    expected = Checkpoint(name="debvisor-1", directory="/srv/b", disks=("vda",))
    assert backup_xml.checkpoint_in(made) == expected
    other = "<domaincheckpoint><name>{}</name><description>{}</description></domaincheckpoint>"
    assert backup_xml.checkpoint_in(other.format("debvisor-1", "mine")) is None
    ours = "debvisor-timers directory=/srv/b"
    assert backup_xml.checkpoint_in(other.format("mine", ours)) is None


def test_the_size_of_what_was_written_is_read() -> None:
    disks = "<disks><disk name='vda' size='65536'/><disk name='sda'/></disks>"
    text = f"<domaincheckpoint>{disks}</domaincheckpoint>"
    assert backup_xml.sizes_in(text) == {"vda": 65536}


def test_a_scratch_machine_has_nothing_by_which_it_reaches_anybody() -> None:
    images = {"vda": Path("/s/vda.qcow2"), "vdb": Path("/s/vdb.qcow2")}
    root = ET.fromstring(definition(MACHINE, name="scratch", images=images, nvram=Path("/s/nvram")))
    assert [part.tag for part in root] == [
        *("memory", "vcpu", "os", "devices", "name", "on_poweroff", "on_reboot", "on_crash"),
    ]
    assert root.findtext("name") == "scratch"
    assert root.findtext("os/nvram") == "/s/nvram"
    devices = root.findall("devices/*")
    assert [device.tag for device in devices] == ["emulator", "disk", "disk", "video"]
    first, second = root.findall("devices/disk")
    assert [part.tag for part in first] == ["target", "boot", "driver", "source"]
    assert [disk.get("type") for disk in (first, second)] == ["file", "file"]
    sources = [disk.find("source") for disk in (first, second)]
    assert [source.get("file") for source in sources if source is not None] == [
        "/s/vda.qcow2",
        "/s/vdb.qcow2",
    ]
    assert "web-1" not in ET.tostring(root, encoding="unicode")


def test_without_kept_firmware_its_template_is_used() -> None:
    root = ET.fromstring(definition(MACHINE, name="scratch", images={}))
    nvram = root.find("os/nvram")
    assert nvram is not None
    assert (nvram.text, nvram.get("template")) == (None, "/usr/share/OVMF.fd")
