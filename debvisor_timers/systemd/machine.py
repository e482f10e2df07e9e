# SPDX-License-Identifier: Apache-2.0
"""The real Machine: files, room, libraries, journald's settings, the kernel's clock."""

from __future__ import annotations

import ctypes
import grp
import os
import stat
import subprocess
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.systemd.analyze import run
from debvisor_timers.systemd.bus import Bus
from debvisor_timers.systemd.ports import FileStatus, Space

_RUNTIME = Path(__file__).parents[1] / "runtime"
_NO_PROGRAM = frozenset(("__init__.py", "launch.py"))
_JOURNALS = Path("/var/log/journal")
_LOAD = "import runpy, sys; sys.path.insert(0, sys.argv[2]); runpy.run_path(sys.argv[1])"
_PATIENCE = timedelta(seconds=20)
# Source: adjtimex(2), struct timex of 64 bits; modes=0 asks, and sets nothing.
_TIMEX_BYTES, _MAXERROR = 512, slice(24, 32)


class SystemMachine:
    """The machine that we run on."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Look at this machine, but for packages: at those of the system at `root`."""
        self._dpkg = root / "var/lib/dpkg"

    def enablement(self, unit: str) -> str:
        """Return what `systemctl is-enabled` says; empty for a unit that is not there."""
        with Bus() as bus:
            try:
                return str(bus.call("GetUnitFileState", "s", unit))
            except SystemdError as error:
                if error.dbus_name.endswith((".NoSuchUnit", ".FileNotFound", ".FileNotFoundError")):
                    return ""
                raise

    def status(self, path: Path) -> FileStatus | None:
        """Return whose `path` is; None where it is not there."""
        try:
            found = path.stat()
        except PermissionError as error:
            raise PermissionRefusedError(
                f"only root may look at {path}", fix="run the command with sudo"
            ) from error
        except OSError:
            return None
        try:
            group = grp.getgrgid(found.st_gid).gr_name
        except KeyError:
            group = str(found.st_gid)
        return FileStatus(uid=found.st_uid, group=group, mode=stat.S_IMODE(found.st_mode))

    def space(self, path: Path) -> Space | None:
        """Return what is free on the file system of `path`; None where it is not there."""
        try:
            found = os.statvfs(path)
        except OSError:
            return None
        return Space(
            free_bytes=found.f_bavail * found.f_frsize,
            bytes=found.f_bavail / found.f_blocks if found.f_blocks else 1.0,
            inodes=found.f_favail / found.f_files if found.f_files else 1.0,
        )

    def has_group(self, name: str) -> bool:
        """Return whether there is a group of that name."""
        try:
            grp.getgrnam(name)
        except KeyError:
            return False
        return True

    def library(self, name: str) -> str | None:
        """Return the version of an installed Python distribution; None for none."""
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # 20 ms

        try:
            return version(name)
        except PackageNotFoundError:
            return None

    def missing_packages(self, names: Collection[str]) -> frozenset[str]:
        """Return those of `names` that dpkg has not installed; none where there is no dpkg."""
        shown = "--showformat=${Package} ${db:Status-Status}\\n"
        command = ["dpkg-query", f"--admindir={self._dpkg}", "--show", shown, "--", *names]
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, text=True, errors="replace"
            )
        except FileNotFoundError:
            return frozenset()
        lines = (line.split() for line in done.stdout.splitlines())
        return frozenset(names) - {line[0] for line in lines if line[1:] == ["installed"]}

    def requirements(self) -> Sequence[str]:
        """Return what our own distribution says that it needs."""
        from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415  # 20 ms

        try:
            return [each for each in requires("debvisor-timers") or () if ";" not in each]
        except PackageNotFoundError:
            return []

    def differing(self, programs: Path) -> list[str]:
        """Return the modules in `programs` that are missing or not those of this package."""
        names = (path.name for path in sorted(_RUNTIME.glob("*.py")))
        return [
            name
            for name in names
            if name not in _NO_PROGRAM and _bytes(programs / name) != _bytes(_RUNTIME / name)
        ]

    def fault_of(self, program: Path) -> str:
        """Return why the program cannot be loaded, empty where it can; it is not executed."""
        try:
            first, _, _ = program.read_text(encoding="utf-8").partition("\n")
            if not os.access(program, os.X_OK):
                return "it may not be executed"
            interpreter = first.removeprefix("#!").split()
            # Under another name than __main__ nothing happens but that all of it is read.
            argv = [*interpreter, "-c", _LOAD, f"{program}.py", str(program.parent)]
            done = subprocess.run(
                argv,
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_PATIENCE.total_seconds(),
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return str(error)
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        return lines[-1] if done.returncode else ""

    def journald(self) -> Mapping[str, str]:
        """Return the settings of journald that are not its defaults."""
        done = run("cat-config", "systemd/journald.conf")
        if done.returncode:
            return {}  # no such file: all is at its default
        lines = (line.strip() for line in done.stdout.splitlines())
        pairs = (line.split("=", 1) for line in lines if "=" in line and line[0] not in "#;")
        return {key.strip(): value.strip() for key, value in pairs}

    def journal_bytes(self) -> int:
        """Return how much room the journal takes on the disk."""
        try:
            return sum(path.stat().st_size for path in _JOURNALS.glob("*/*.journal*"))
        except OSError as error:
            raise PermissionRefusedError(
                f"only root may look into {_JOURNALS}", fix="run the command with sudo"
            ) from error

    def clock_error(self) -> timedelta:
        """Return by how much the kernel believes the clock to be wrong, at the most.

        timedatectl would have D-Bus start a service for that.
        """
        buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
        if ctypes.CDLL(None).adjtimex(buffer) < 0:
            raise SystemdError("the kernel does not tell how wrong the clock is")
        return timedelta(microseconds=int.from_bytes(buffer.raw[_MAXERROR], "little", signed=True))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
