# SPDX-License-Identifier: Apache-2.0
"""systemd-nspawn: one command in a root, or one boot of it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from tests.box import cgroup
from tests.box.errors import BoxError, BoxTimeoutError, section
from tests.box.wait import wait_until

_POWER_OFF = signal.SIGRTMIN + 4  # systemd(1): PID 1 starts poweroff.target
_NSPAWN = (
    "systemd-nspawn",
    "--quiet",
    "--kill-signal=SIGKILL",
    "--register=no",
    "--keep-unit",
    "--resolv-conf=off",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of the host that is seen in the box, read-only unless said otherwise."""

    source: Path
    target: str
    writable: bool = False

    @property
    def option(self) -> str:
        """Return the option of systemd-nspawn for it."""
        kind = "--bind" if self.writable else "--bind-ro"
        return f"{kind}={_escaped(str(self.source))}:{_escaped(self.target)}"


def new_name() -> str:
    """Return a name that no other box on this machine has."""
    return f"debvisor-box-{secrets.token_hex(4)}"


def run_once(
    name: str,
    root: Path,
    argv: Sequence[str],
    *,
    binds: Mapping[str, Path] | None = None,
    environment: Mapping[str, str] | None = None,
    network: bool = False,
) -> None:
    """Run `argv` in `root`, as the container `name`, without booting it.

    binds: place in the root -> file of the host.
    Raises BoxError, with the last of what was said, if it ends other than with 0.
    """
    command = [*_NSPAWN, "--as-pid2", "--pipe", f"--directory={root}", f"--machine={name}"]
    command += [Bind(source=source, target=at).option for at, source in (binds or {}).items()]
    command += [f"--setenv={key}={value}" for key, value in (environment or {}).items()]
    command += [] if network else ["--private-network"]
    with TemporaryFile() as said:
        try:
            done = subprocess.run(
                cgroup.enter(name, dying_with_us([*command, *argv], signal.SIGTERM)),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                check=False,
            )
        finally:
            forget(name)
        if done.returncode:
            said.seek(0)
            words = "".join(said.read().decode(errors="replace").splitlines(keepends=True)[-60:])
            raise BoxError(f"exit status {done.returncode}: {' '.join(argv)}\n{words}")


def forget(name: str) -> None:
    """Kill what is left of the container `name` and remove what nspawn leaves behind."""
    cgroup.remove(name)
    for folder in ("propagate", "unix-export"):
        # nspawn refuses to clear these where /run is not in memory.
        with suppress(OSError):
            Path("/run/systemd/nspawn", folder, name).rmdir()


class Container:
    """One boot of a root by systemd-nspawn, from power on to power off."""

    def __init__(self, *, name: str, root: Path, options: Sequence[str], place: Path) -> None:
        """Keep what to boot; `place` is where the console's log and a socket go."""
        self._name = name
        self._root = root
        self._options = list(options)
        self._socket_path = place / "notify"
        self._console = place / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    @property
    def is_running(self) -> bool:
        """Return whether the box's PID 1 is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def console(self) -> str:
        """Return what the boot has written on its console."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def start(self, *, deadline_seconds: float) -> None:
        """Boot, and return when systemd says that its start-up has finished."""
        self._socket_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(self._socket_path))
            notify.settimeout(deadline_seconds)
            self._process = self._spawn()
            watcher = threading.Thread(
                target=_wake_at_exit, args=(self._process, notify.getsockname())
            )
            watcher.daemon = True
            watcher.start()
            self._await_ready(notify)

    def power_off(self, *, deadline_seconds: float, nudge: Callable[[], None]) -> None:
        """Shut down cleanly, as `systemctl poweroff` does; calls `nudge` every now and then."""
        self._signal(_POWER_OFF)
        self._await_exit(deadline_seconds, nudge)

    def kill(self) -> None:
        """Kill every process at once: what a power cut does to a machine."""
        if self.leader:
            self._signal(signal.SIGKILL)
        if self._process:
            with suppress(BoxTimeoutError):
                self._await_exit(2, lambda: None)
            self._process.kill()
            self._process.wait()
        forget(self._name)

    def _spawn(self) -> subprocess.Popen[bytes]:
        argv = [*_NSPAWN, "--boot", f"--directory={self._root}", f"--machine={self._name}"]
        argv += ["--private-network", "--notify-ready=yes", "--link-journal=no", "--timezone=off"]
        environment = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": str(self._socket_path),
            # Without it a hybrid host gives the box no CPU accounting.
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
        }
        with self._console.open("ab") as console:
            return subprocess.Popen(
                cgroup.enter(self._name, dying_with_us([*argv, *self._options], signal.SIGTERM)),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def _await_ready(self, notify: socket.socket) -> None:
        """Read nspawn's notifications: first the PID of the box's PID 1, then that it is ready."""
        while True:
            try:
                lines = notify.recv(4096).decode().splitlines()
            except TimeoutError:
                raise BoxTimeoutError(f"{self._name} did not boot in time{self._words()}") from None
            for line in lines:
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self.leader = int(line.partition("=")[2])
            if "READY=1" in lines:
                return
            if _exited(self._process) in lines:
                raise BoxError(f"{self._name} did not boot{self._words()}")

    def _words(self) -> str:
        return "\n" + section("console", "\n".join(self.console.splitlines()[-40:]))

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.leader, number)

    def _await_exit(self, deadline_seconds: float, nudge: Callable[[], None]) -> None:
        def is_off() -> bool:
            nudge()
            return not self.is_running

        try:
            wait_until(is_off, deadline_seconds=deadline_seconds, what=f"{self._name} is off")
        except BoxTimeoutError as error:
            raise BoxTimeoutError(f"{error}{self._words()}") from None
        self.leader = 0


def _exited(process: subprocess.Popen[bytes] | None) -> str:
    """Return the word of the end of this boot: that of the boot before can come late."""
    return f"EXITED={process.pid if process else 0}"


def _wake_at_exit(process: subprocess.Popen[bytes], address: str) -> None:
    process.wait()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, suppress(OSError):
        notify.sendto(_exited(process).encode(), address)


def dying_with_us(argv: Sequence[str], last: signal.Signals) -> list[str]:
    """Return the command that runs `argv` and sends it the signal `last` when we are gone.

    For systemd-nspawn that is SIGTERM, upon which it ends the box; SIGKILL would leave it alone.
    """
    # The kernel sends the signal when the *thread* that started the process ends.
    if threading.current_thread() is not threading.main_thread():
        return list(argv)
    return ["setpriv", f"--pdeathsig={last.name.removeprefix('SIG')}", *argv]


def _escaped(path: str) -> str:
    return path.replace("\\", r"\\").replace(":", r"\:")
