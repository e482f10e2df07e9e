# SPDX-License-Identifier: Apache-2.0
"""A booted Debian: run commands in it, reboot it, cut its power, wait for it, throw it away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from tests.box import overlay
from tests.box.container import Bind, Container, dying_with_us
from tests.box.errors import BoxError
from tests.box.guest import ENVIRONMENT, Command, Guest, argv_of, as_user
from tests.box.identity import identify
from tests.box.layers import Layer, make
from tests.box.leftovers import Place
from tests.box.process import Ended, forget, run_to_end


class Box(Guest):
    """A Debian 13 in systemd-nspawn. Its commands work while it is off, too, in its bare root.

    path: its root folder on the host; /run, /tmp and /proc of the running box are not seen there.
    """

    # Deadlines are written for a machine at rest; with three boxes at work on two processors all
    # takes several times as long. Who waits for a condition that comes never waits for that.
    patience: ClassVar[float] = 4

    def __init__(
        self,
        layer: Layer,
        *,
        hostname: str = "box",
        machine_id: str = "",
        timezone: str = "Etc/UTC",
        binds: Sequence[Bind] = (),
        empty: Sequence[str] = (),
    ) -> None:
        """Prepare a box upon `layer` without booting it.

        machine_id: 32 hex digits, else random. binds: files of the host to be seen in it.
        empty: folders of the box that an empty one in memory is to hide.
        """
        make(layer)
        self._spawned: list[subprocess.Popen[str]] = []
        self._place = Place()
        self.name = self._place.name
        self.path = overlay.mount(layer.stack, self._place.path)
        identify(self.path, hostname=hostname, machine_id=machine_id, timezone=timezone)
        self._container = Container(
            name=self.name,
            root=self.path,
            options=[
                f"--hostname={hostname}",
                *(bind.option for bind in binds),
                *(f"--tmpfs={folder}:mode=0755" for folder in empty),
            ],
            place=self._place.path,
        )

    @classmethod
    def boot(
        cls,
        layer: Layer,
        *,
        hostname: str = "box",
        machine_id: str = "",
        timezone: str = "Etc/UTC",
        binds: Sequence[Bind] = (),
    ) -> Self:
        """Return a new box upon `layer`, booted."""
        box = cls(layer, hostname=hostname, machine_id=machine_id, timezone=timezone, binds=binds)
        return box.started()

    # --- power -------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Return whether the box is booted."""
        return self._container.is_running

    @property
    def leader(self) -> int:
        """Return the PID, as the host sees it, of the box's PID 1; 0 while it is off."""
        return self._container.leader

    @property
    def console(self) -> str:
        """Return what every boot so far has written on the console."""
        return self._container.console

    def start(self, *, deadline_seconds: float = 120) -> None:
        """Boot, and return when systemd says that its start-up has finished."""
        if self.is_on:
            raise BoxError(f"{self.name} is on already")
        self._container.start(deadline_seconds=deadline_seconds)

    def shutdown(self, *, deadline_seconds: float = 120) -> None:
        """Shut down cleanly, as `systemctl poweroff` does; what was written stays."""
        self._container.power_off(deadline_seconds=deadline_seconds, nudge=self._wake_spawned)

    def reboot(self, *, deadline_seconds: float = 120) -> None:
        """Shut down cleanly and boot again."""
        self.shutdown(deadline_seconds=deadline_seconds)
        self.start(deadline_seconds=deadline_seconds)

    def power_cut(self) -> None:
        """Kill everything at once, in the middle of whatever it does; start() boots again.

        What was written stays, synced or not: it is the kernel of the host that holds it.
        """
        self._container.kill()

    def close(self) -> None:
        """Cut the power and remove the box; a second call does nothing."""
        self._container.kill()
        for process in self._spawned:
            forget(process)
        self._place.close()

    def _wake_spawned(self) -> None:
        """Wake every nsenter: systemd-shutdown stops all processes before it kills them.

        nsenter stops with its child, reaps it no longer, and the box could never be off.
        """
        for process in self._spawned:
            process.send_signal(signal.SIGCONT)

    # --- commands ----------------------------------------------------------------------------

    def _run_to_end(
        self,
        argv: Sequence[str],
        content: str | bytes | None,
        environment: Mapping[str, str],
        timeout: float,
    ) -> Ended:
        return run_to_end(self._inside(argv), content, environment, timeout)

    def spawn(
        self, command: Command, *, env: Mapping[str, str] | None = None, user: str = ""
    ) -> subprocess.Popen[str]:
        """Start `command` as run() does and return at once; its output comes through pipes."""
        process = subprocess.Popen(
            self._inside(as_user(user, argv_of(command))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | dict(env or {}),
            text=True,
        )
        self._spawned.append(process)
        return process

    def shell(self, command: Command = ("/bin/bash", "-l")) -> int:
        """Run `command` on our own terminal or pipes, and return its exit status."""
        environment = ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")}
        argv = self._inside(argv_of(command))
        return subprocess.run(argv, env=environment, check=False).returncode

    # --- inside ------------------------------------------------------------------------------

    def _inside(self, argv: Sequence[str]) -> list[str]:
        if not self.is_on:
            return [_program("chroot"), str(self.path), *argv]
        enter = [_program("nsenter"), f"--target={self.leader}", "--all", "--"]
        enter = dying_with_us(enter, signal.SIGKILL)
        # The command dies with its nsenter; otherwise one that is timed out would go on.
        return [*enter, "setpriv", "--pdeathsig=KILL", *argv]


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise BoxError(f"{name} is not installed; run: make setup")
    return found
