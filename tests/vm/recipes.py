# SPDX-License-Identifier: Apache-2.0
"""What a virtual machine needs besides what a box has: a kernel, and an agent for commands."""

from __future__ import annotations

from tests.box import BASE, Layer, build_deb, layer_of_deb, make
from tests.vm.qemu import architecture

# A list, not all drivers: emulated, a kernel unpacks 60 MB in ten seconds.
_INITRD = """
cat >/etc/initramfs-tools/conf.d/vm <<EOF
MODULES=list
COMPRESS=lz4
FSTYPE=ext4
EOF
printf '%s\\n' ext4 virtio_blk virtio_console virtio_pci >>/etc/initramfs-tools/modules
update-initramfs -u >/dev/null 2>&1
systemctl mask --quiet getty@.service serial-getty@.service
# Else the agent tells the journal of every question whether a command has ended.
mkdir -p /etc/systemd/system/qemu-guest-agent.service.d
cat >/etc/systemd/system/qemu-guest-agent.service.d/quiet.conf <<EOF
[Service]
LogFilterPatterns=~guest-exec
EOF
"""

KERNEL = Layer(
    name="kernel",
    parent=BASE,
    packages=(
        "e2fsprogs",  # the boot after a power cut checks the disk
        "initramfs-tools",
        "lz4",
        f"linux-image-cloud-{architecture().debian}",
        "qemu-guest-agent",
    ),
    script=_INITRD,
)


def bootable_layer() -> Layer:
    """Return the layer with a kernel and this checkout's package, making what is missing."""
    return make(layer_of_deb(build_deb(), parent=KERNEL))
