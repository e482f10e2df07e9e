# SPDX-License-Identifier: Apache-2.0
"""A virtual machine: boot it, run commands in it, reboot it, cut its power, throw it away."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.box import BoxError, BoxTimeoutError, Guest, Layer, make, overlay
from tests.box.identity import identify
from tests.box.leftovers import Place
from tests.box.places import timed
from tests.box.process import Ended
from tests.vm.agent import Agent
from tests.vm.qemu import Qemu, accelerator
from tests.vm.recipes import KERNEL

_BOOT_SECONDS = 240
_DISK = "1500M"
"""Of which the files take 300: the rest is a hole until it is written."""


class VM(Guest):
    """A Debian 13 with a kernel of its own, upon a disk that a power cut leaves as it is.

    Commands need it to be on.
    """

    # Emulated, a program of ours takes five seconds to start.
    patience: ClassVar[float] = 1 if accelerator() == "kvm" else 6

    def __init__(self, layer: Layer, *, hostname: str = "vm") -> None:
        """Prepare a machine upon `layer`, which has KERNEL below it, without booting it."""
        make(layer)
        self._place = Place()
        self.name = self._place.name
        self._agent: Agent | None = None
        try:
            with timed("making a disk"):
                disk = _make_disk(layer, self._place.path, hostname)
        except BaseException:
            self._place.close()
            raise
        self._qemu = Qemu(
            name=self.name, place=self._place.path, disk=disk, boot=KERNEL.path / "boot"
        )

    # --- power -------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Return whether the machine has power."""
        return self._qemu.is_running

    @property
    def console(self) -> str:
        """Return what every boot so far has written on the console."""
        return self._qemu.console

    def start(self) -> None:
        """Boot, and return when systemd says that its start-up has finished."""
        if self.is_on:
            raise BoxError(f"{self.name} is on already")
        with timed(f"booting by {accelerator()}"):
            self._qemu.start()
            self._qemu.await_socket()
            self._agent = Agent(self._qemu.agent_socket)
            self._await_boot()

    def shutdown(self) -> None:
        """Shut down cleanly, as `systemctl poweroff` does; what was written stays."""
        self._on_agent().start(["systemctl", "poweroff"])
        self._qemu.await_exit(90 * self.patience)
        self._hang_up()

    def reboot(self) -> None:
        """Shut down cleanly and boot again, without switching the machine off."""
        before = self._boot_id()
        with timed("rebooting"):
            self._on_agent().start(["systemctl", "reboot"])
            self.wait_until(lambda: self._boot_id() not in {"", before}, 90, "another boot")
            self._await_boot()

    def power_cut(self) -> None:
        """Take the power away, in the middle of whatever the machine does; start() boots again.

        What its kernel has not brought to the disk by then is lost.
        """
        self._qemu.kill()
        self._hang_up()

    def close(self) -> None:
        """Cut the power and remove the machine; a second call does nothing."""
        self.power_cut()
        self._place.close()

    def evidence(self, name: str) -> list[tuple[str, str]]:
        """Return what helps to understand a test that failed: the console, the journal."""
        console = "\n".join(self.console.splitlines()[-150:])
        found = [(f"console of {name}", console)]
        try:
            return [*found, *super().evidence(name)] if self.is_on else found
        except BoxError as error:
            return [*found, (f"no journal of {name}", str(error))]

    # --- inside ------------------------------------------------------------------------------

    def _run_to_end(
        self,
        argv: Sequence[str],
        content: str | bytes | None,
        environment: Mapping[str, str],
        timeout: float,
    ) -> Ended:
        return self._on_agent().run_to_end(argv, content, environment, timeout)

    def _on_agent(self) -> Agent:
        if not self._agent:
            raise BoxError(f"{self.name} is off")
        return self._agent

    def _await_boot(self) -> None:
        try:
            self._on_agent().await_answer(_BOOT_SECONDS)
            state = self.run(["systemctl", "is-system-running", "--wait"], check=False).stdout
        except BoxError as error:
            words = f"{self.name} did not boot: {error}\n{self._qemu.last_words()}"
            raise BoxTimeoutError(words) from None
        if state.strip() not in {"running", "degraded"}:
            raise BoxError(f"{self.name} did not boot: {state}\n{self._qemu.last_words()}")

    def _boot_id(self) -> str:
        """Return the name of this boot, nothing while the machine is between two."""
        try:
            self._on_agent().await_answer(5)
            return self.read("/proc/sys/kernel/random/boot_id")
        except BoxError:  # also of an agent that knows nothing of what the one before it began
            return ""

    def _hang_up(self) -> None:
        if self._agent:
            self._agent.close()
        self._agent = None


def _make_disk(layer: Layer, place: Path, hostname: str) -> Path:
    disk = place / "disk"
    tree = place / "tree"
    tree.mkdir()
    with overlay.mounted(layer.stack, tree) as root:
        identify(root, hostname=hostname)
        argv = ["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0", "-d", str(root)]
        done = subprocess.run(
            [*argv, str(disk), _DISK], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise BoxError(f"mke2fs: {done.stderr.strip()}")
    return disk
