# SPDX-License-Identifier: Apache-2.0
"""vm_snapshot with a guest agent that answers: file systems are whole in the snapshot.

A guest that has a kernel, the agent and a file system, and nothing else, emulated within a box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.box import Box, Layer, installed_layer
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import Host
from tests.vm.qemu import architecture

_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
insmod /virtio_blk.ko
mount /dev/vda /data
while :; do date >>/data/log; sleep 1; done &
qemu-ga --method virtio-serial --path /dev/vport*p1 --statedir /run
exec sleep 9999
"""
_MAKE = f"""
kernel=$(ls /lib/modules)
mkdir -p /tmp/guest && cd /tmp/guest
mkdir -p bin data dev proc run sys
cp /bin/busybox bin/
xz -dc /lib/modules/$kernel/kernel/drivers/block/virtio_blk.ko.xz >virtio_blk.ko
for file in /usr/sbin/qemu-ga $(ldd /usr/sbin/qemu-ga | grep -o '/lib[^ ]*'); do
    mkdir -p ./$(dirname $file) && cp -L $file ./$file
done
ln -s /usr/sbin/qemu-ga bin/qemu-ga
cat >init <<'END'
{_INIT}END
chmod 755 init
find . | cpio --quiet -o -H newc >/srv/initrd
cp /boot/vmlinuz-$kernel /srv/vmlinuz
rm -r /tmp/guest
"""

GUEST = Layer(
    name="guest",
    parent=LIBVIRT,
    packages=(
        "busybox-static",
        "cpio",
        "e2fsprogs",
        f"linux-image-cloud-{architecture().debian}",
        "qemu-guest-agent",
        "xz-utils",
    ),
    script=_MAKE,
)

MACHINE = """\
<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>/srv/vmlinuz</kernel>
    <initrd>/srv/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=-1</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/srv/guest.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'><source path='/srv/console'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>
"""
PING = """virsh qemu-agent-command guest '{"execute": "guest-ping"}' --timeout 2 2>/dev/null"""
_CONFIG = "vm_id: guest, mode: external"
JOBS = {
    mode: "retries: {max: 0}, "
    f"task: {{type: vm_snapshot, config: {{{_CONFIG}, quiesce: {mode}}}}}"
    for mode in ("never", "auto", "always")
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(GUEST), hostname="box") as box:
        host = Host(box)
        box.run("mkfs.ext4 -q /srv/guest.img 64M")
        box.write("/root/guest.xml", MACHINE)
        box.run("virsh -q define /root/guest.xml && virsh -q start guest")
        host.apply(work.yaml(JOBS))
        box.wait_until(PING, 120, "the agent of the guest answers")
        yield host


def needs_recovery(host: Host, image: str) -> bool:
    """Return whether the file system in an image was being written to, by its journal."""
    host.box.run(f"qemu-img convert -U -O raw {image} /srv/copy.img")
    return "needs_recovery" in host.box.run("dumpe2fs -h /srv/copy.img 2>/dev/null").stdout


def test_file_systems_are_frozen_for_the_moment_of_a_snapshot(host: Host) -> None:
    image = "/srv/guest.img"
    for mode, is_frozen in (("never", False), ("auto", True), ("always", True)):
        note = work.start(host, mode)
        assert note["RESULT"] == "success"
        assert needs_recovery(host, image) != is_frozen
        name = f"debvisor-{mode}-{note['RUN_ID']}"
        described = host.box.run(f"virsh snapshot-dumpxml guest {name}").stdout
        assert f"quiesced={'yes' if is_frozen else 'no'}" in described
        image = f"/srv/guest.{name}"
        await_writes(host, image)


def await_writes(host: Host, image: str) -> None:
    """Wait until the guest has written to an image: its file systems are thawed."""
    shown = f"stat -c %y.%b {image}"
    before = host.box.run(shown).stdout
    host.box.wait_until(lambda: host.box.run(shown).stdout != before, 60, "the guest writes")


def test_an_agent_that_hangs_keeps_no_snapshot_from_being_made(host: Host) -> None:
    stop = '{"path": "/bin/busybox", "arg": ["killall", "-STOP", "qemu-ga"]}'
    command = f'{{"execute": "guest-exec", "arguments": {stop}}}'
    argv = ["virsh", "qemu-agent-command", "guest", command, "--timeout", "1"]
    host.box.run(argv, check=False)
    host.box.wait_until(f"! timeout 20 {PING}", 60, "the agent hangs")

    assert work.start(host, "auto")["RESULT"] == "success"

    said = host.box.journal(f"--unit={work.unit('auto')}", "--output=cat").splitlines()
    (reason,) = [line for line in said if line.startswith("guest: not frozen: ")]
    assert "Guest agent is not responding" in reason
    result = json.loads([line for line in said if line.startswith('{"machines"')][-1])
    assert result["machines"]["guest"]["quiesced"] is False
    before = host.box.run("virsh snapshot-list guest --name").stdout
    work.start(host, "always")
    assert host.json("history", "always")[0]["exit_status"] == 1
    assert host.box.run("virsh snapshot-list guest --name").stdout == before
