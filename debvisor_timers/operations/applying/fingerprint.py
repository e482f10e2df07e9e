# SPDX-License-Identifier: Apache-2.0
"""How apply knows in a moment that nothing has changed: digests of all that it reads and writes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from debvisor_timers import __version__
from debvisor_timers.errors import SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.host import Host
from debvisor_timers.render.location import find_templates
from debvisor_timers.systemd.ports import FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that decides the outcome of an apply (inputs), and its outcome (outputs).

    Both are hexadecimal SHA-256; generation and jobs are what a matching apply reports.
    others: that of the inputs elsewhere, `files`, which only an apply that reads the YAML finds:
    time zones and calendars.
    """

    inputs: str
    outputs: str
    others: str = ""
    files: tuple[str, ...] = ()
    generation: int = 0
    jobs: int = 0

    @classmethod
    def take(cls, host: Host, files: Iterable[str] = ()) -> Fingerprint:
        """Return the fingerprint of `host` as it is now; reads every file once, parses none."""
        return cls(
            inputs=_inputs(host),
            outputs=_outputs(host),
            others=_digest_of(map(Path, files)),
            files=tuple(files),
            generation=Generations(host.layout.state / "generations").latest(),
        )

    def matches(self, other: Fingerprint) -> bool:
        """Return True when an apply that left `self` would find nothing to do at `other`."""
        return (self.inputs, self.outputs, self.others) == (
            other.inputs,
            other.outputs,
            other.others,
        )

    def with_files(self, files: Iterable[Path]) -> Fingerprint:
        """Return the same, with the inputs elsewhere that the YAML names."""
        names = tuple(map(str, files))
        return replace(self, others=_digest_of(map(Path, names)), files=names)

    def after(self, host: Host, *, jobs: int) -> Fingerprint:
        """Return the fingerprint of an apply that read the inputs of `self` and found `jobs` jobs.

        Not the inputs of now: a file that came meanwhile was not applied.
        """
        now = Fingerprint.take(host)
        return replace(self, outputs=now.outputs, generation=now.generation, jobs=jobs)


@dataclass(frozen=True, slots=True)
class FingerprintFile:
    """Where the fingerprint of the last apply is kept; losing it costs time, nothing else."""

    path: Path

    def read(self) -> Fingerprint | None:
        """Return the fingerprint, None when there is none or it cannot be understood."""
        try:
            plain = durable.read_json(self.path)
            if not isinstance(plain, dict):
                return None
            return Fingerprint(**{**plain, "files": tuple(plain.get("files", ()))})
        except (SystemdError, TypeError):
            return None

    def forget(self) -> None:
        """Let the next apply look at everything."""
        durable.remove(self.path)

    def write(self, fingerprint: Fingerprint) -> None:
        """Keep `fingerprint` for the next apply."""
        durable.write_json(self.path, asdict(fingerprint))


def _inputs(host: Host) -> str:
    digest = hashlib.sha256()
    for part in (__version__, host.layout, host.clock.zone(), host.manager.version()):
        digest.update(f"{part}\0".encode())
    config = host.layout.config
    folders = (config, host.layout.jobs, config / "templates", host.layout.tasks, find_templates())
    paths = (path for folder in folders for path in (folder, *_entries(folder)))
    digest.update(_digest_of(paths).encode())
    return digest.hexdigest()


def _digest_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
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
