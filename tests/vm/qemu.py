# SPDX-License-Identifier: Apache-2.0
"""QEMU: one process of it, from power on to power off."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.box import BoxError, BoxTimeoutError, cgroup
from tests.box.container import dying_with_us
from tests.box.errors import section
from tests.box.wait import wait_until

_KERNEL_OPTIONS = "quiet mitigations=off systemd.show_status=yes TERM=dumb"
_KVM = Path("/dev/kvm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """How a machine is called by Debian and by QEMU; `package` is Debian's that has `program`.

    processor: to be emulated, a plain one; a kernel loads drivers for whatever it finds.
    """

    debian: str
    program: str
    package: str
    machine: str
    processor: str
    console: str


_ARCHITECTURES = {
    "x86_64": Architecture(
        debian="amd64",
        program="qemu-system-x86_64",
        package="qemu-system-x86",
        machine="q35,sata=off,smbus=off",
        processor="qemu64,-svm",
        console="ttyS0",
    ),
    "aarch64": Architecture(
        debian="arm64",
        program="qemu-system-aarch64",
        package="qemu-system-arm",
        machine="virt",
        processor="max",
        console="ttyAMA0",
    ),
}


def architecture() -> Architecture:
    """Return the architecture of this machine; BoxError for one that tests.vm does not know."""
    found = _ARCHITECTURES.get(platform.machine())
    if not found:
        known = ", ".join(_ARCHITECTURES)
        raise BoxError(f"virtual machines for tests run on {known}, not on {platform.machine()}")
    return found


def accelerator() -> str:
    """Return `kvm` where the processor itself can hold a guest, else `tcg`, which emulates one."""
    # A host that is a guest without nested virtualization can have a /dev/kvm all the same, by
    # software. There QEMU 7.2 ends at once or its guest hangs: an instruction not emulated.
    flags = Path("/proc/cpuinfo").read_text().split()
    is_able = platform.machine() == "aarch64" or not {"vmx", "svm"}.isdisjoint(flags)
    return "kvm" if is_able and os.access(_KVM, os.R_OK | os.W_OK) else "tcg"


class Qemu:
    """A machine with two processors, a disk, a console and no network."""

    def __init__(self, *, name: str, place: Path, disk: Path, boot: Path) -> None:
        """Keep what to boot: the kernel and the initrd in the folder `boot`, from `disk`.

        name: of the control group. place: where the console's log and the agent's socket go.
        """
        self._name = name
        self._disk = disk
        self._boot = boot
        self._console = place / "console.log"
        self.agent_socket = place / "agent"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Return whether the machine has power."""
        return self._process is not None and self._process.poll() is None

    @property
    def console(self) -> str:
        """Return what every boot so far has written on the console."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def start(self) -> None:
        """Switch the machine on and return at once."""
        self.agent_socket.unlink(missing_ok=True)
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                cgroup.enter(self._name, dying_with_us(self._argv(), signal.SIGKILL)),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """Take the power away."""
        if self._process:
            self._process.kill()
        cgroup.remove(self._name)
        if self._process:
            self._process.wait()

    def await_exit(self, deadline_seconds: float) -> None:
        """Return when the machine has switched itself off."""
        with suppress(subprocess.TimeoutExpired):
            if self._process:
                self._process.wait(deadline_seconds)
        if self.is_running:
            raise BoxTimeoutError(f"{self._name} is not off in time\n{self.last_words()}")
        cgroup.remove(self._name)

    def await_socket(self) -> None:
        """Return when the agent's socket is there; BoxError when QEMU ends instead."""
        what = f"the socket of {self._name}"
        wait_until(
            lambda: self.agent_socket.exists() or not self.is_running,
            deadline_seconds=20,
            what=what,
        )
        if not self.is_running:
            raise BoxError(f"QEMU did not start\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of the console, under a heading."""
        return section("console", "\n".join(self.console.splitlines()[-60:]))

    def _argv(self) -> list[str]:
        here = architecture()
        if not shutil.which(here.program):
            raise BoxError(f"{here.program} is not installed; run: apt-get install {here.package}")
        accelerated = accelerator()
        processor = "host" if accelerated == "kvm" else here.processor
        append = f"root=/dev/vda rw console={here.console} {_KERNEL_OPTIONS}"
        return [
            *(here.program, "-accel", accelerated, "-machine", here.machine, "-cpu", processor),
            *("-smp", "2", "-m", "768", "-no-user-config", "-nodefaults", "-nic", "none"),
            *("-display", "none", "-serial", "stdio", "-rtc", "base=utc"),
            *("-kernel", str(self._only("vmlinuz-*")), "-initrd", str(self._only("initrd.img-*"))),
            *("-append", append),
            *("-drive", f"file={self._disk},if=none,id=disk,format=raw,cache=writeback"),
            *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"),
            *("-chardev", f"socket,id=agent,path={self.agent_socket},server=on,wait=off"),
            *("-device", "virtio-serial-pci"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        ]

    def _only(self, pattern: str) -> Path:
        return max(self._boot.glob(pattern))
