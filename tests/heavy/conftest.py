# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests that want a kernel of their own: one virtual machine for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import cast

import pytest

from tests.box import Box
from tests.system.host import Host
from tests.vm import VM, bootable_layer


@pytest.fixture(scope="session")
def vm() -> Iterator[VM]:
    """The virtual machine with this checkout's package; each test applies jobs of its own."""
    if os.geteuid() != 0:
        pytest.skip("the layers of a virtual machine need root")
    with VM(bootable_layer()).started() as new:
        yield new


@pytest.fixture
def host(vm: VM) -> Host:
    """The virtual machine, booted: a test that failed may have left it without power."""
    if not vm.is_on:
        vm.start()
    # Host asks nothing of a box that a machine does not have; some of those who hold one do.
    return Host(cast("Box", vm))
