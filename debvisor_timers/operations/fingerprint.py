# SPDX-License-Identifier: Apache-2.0
"""How apply knows in a moment that nothing has changed: digests of all that it reads and writes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from debvisor_timers import __version__
from debvisor_timers.errors import SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.operations.generations import Generations
from debvisor_timers.operations.host import Host
from debvisor_timers.render.location import find_templates
from debvisor_timers.systemd.ports import FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that decides the outcome of an apply (inputs), and its outcome (outputs).

    Both are hexadecimal SHA-256; generation and jobs are what a matching apply reports.
    """

    inputs: str
    outputs: str
    generation: int = 0
    jobs: int = 0

    @classmethod
    def take(cls, host: Host) -> Fingerprint:
        """Return the fingerprint of `host` as it is now; reads every file once, parses none."""
        return cls(
            inputs=_inputs(host),
            outputs=_outputs(host),
            generation=Generations(host.layout.state / "generations").latest(),
        )

    def matches(self, other: Fingerprint) -> bool:
        """Return True when an apply that left `self` would find nothing to do at `other`."""
        return (self.inputs, self.outputs) == (other.inputs, other.outputs)

    def after(self, host: Host, *, jobs: int) -> Fingerprint:
        """Return the fingerprint of an apply that read the inputs of `self` and found `jobs` jobs.

        Not the inputs of now: a file that came meanwhile was not applied.
        """
        return replace(Fingerprint.take(host), inputs=self.inputs, jobs=jobs)


@dataclass(frozen=True, slots=True)
class FingerprintFile:
    """Where the fingerprint of the last apply is kept; losing it costs time, nothing else."""

    path: Path

    def read(self) -> Fingerprint | None:
        """Return the fingerprint, None when there is none or it cannot be understood."""
        try:
            plain = durable.read_json(self.path)
            return Fingerprint(**plain) if isinstance(plain, dict) else None
        except (SystemdError, TypeError):
            return None

    def write(self, fingerprint: Fingerprint) -> None:
        """Keep `fingerprint` for the next apply."""
        durable.write_json(self.path, asdict(fingerprint))


def _inputs(host: Host) -> str:
    digest = hashlib.sha256()
    for part in (__version__, host.layout, host.clock.zone(), host.manager.version()):
        digest.update(f"{part}\0".encode())
    config = host.layout.config
    for folder in (config, host.layout.jobs, config / "templates", find_templates()):
        for path in (folder, *_entries(folder)):
            digest.update(os.fsencode(path) + _owner(path))
            if path.is_file():
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _owner(path: Path) -> bytes:
    """Return whose `path` is: what others than root can change is refused."""
    try:
        status = path.stat()
    except OSError:
        return b"\0"
    return f"\0{status.st_uid}\0{status.st_gid}\0{status.st_mode:o}\0".encode()


def _entries(folder: Path) -> list[Path]:
    """Return what is in `folder`; also names that are no job files, since some are errors."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _outputs(host: Host) -> str:
    digest = hashlib.sha256()
    for name, entry in sorted({**host.units.read(), **host.scripts.read()}.items()):
        text = entry.text if isinstance(entry, FileEntry) else f"-> {entry.target}"
        digest.update(f"{name}\0{text}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()
