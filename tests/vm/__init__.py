# SPDX-License-Identifier: Apache-2.0
"""The virtual machine: for what a box cannot do, since it shares the kernel of the host.

A Debian 13 with a kernel of its own in QEMU: memory that ends, power that fails, real boots.
Layers, packages and places are those of tests.box. Standard library only.
"""

from tests.vm.machine import VM
from tests.vm.recipes import KERNEL, bootable_layer

__all__ = ["KERNEL", "VM", "bootable_layer"]
