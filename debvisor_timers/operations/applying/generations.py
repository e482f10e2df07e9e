# SPDX-License-Identifier: Apache-2.0
"""What was applied, and when: a folder of numbered generations, each the YAML and the units."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from debvisor_timers.disk import sync_file_system, sync_folder
from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry

_UNITS = "units.json.gz"


@dataclass(frozen=True, slots=True)
class Generations:
    """The folder `generations/`; generation 1 is the first apply of this host."""

    folder: Path

    def latest(self) -> int:
        """Return the number of the newest generation, 0 when nothing was ever applied."""
        return max(self.numbers(), default=0)

    def numbers(self) -> list[int]:
        """Return the numbers of the generations that are kept, ascending."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SystemdError(f"cannot read {self.folder}: {error.strerror}") from error
        return sorted(int(name) for name in names if name.isdecimal())

    def applied(self, number: int) -> datetime | None:
        """Return when generation `number` was applied, None where it does not say."""
        meta = durable.read_json(self.folder / str(number) / "generation.json")
        text = meta.get("applied") if isinstance(meta, dict) else None
        return datetime.fromisoformat(text) if isinstance(text, str) else None

    def units(self, number: int) -> Mapping[str, Entry]:
        """Return the units and links of generation `number`, by their path in the unit folder.

        Raises NotFoundError for one that is not kept, SystemdError when it cannot be read.
        """
        path = self.folder / str(number) / _UNITS
        try:
            plain = json.loads(gzip.decompress(path.read_bytes()))
            return {name: _entry(**entry) for name, entry in plain.items()}
        except FileNotFoundError as error:
            raise NotFoundError(
                f"generation {number} is not kept", fix="see: debvisor-timers generations"
            ) from error
        except (OSError, EOFError, ValueError, TypeError, AttributeError) as error:
            raise durable.cannot("read", path, error) from error

    def exists(self, number: int) -> bool:
        """Return True when generation `number` was committed."""
        return (self.folder / str(number)).is_dir()

    def applied_by(self, number: int) -> datetime | None:
        """Return when generation `number` was applied, at the latest.

        Of one that is kept no longer, when the oldest that is was; None when nobody can tell.
        """
        kept = self.numbers()
        if not kept or number > kept[-1]:
            return None
        return self.applied(max(number, kept[0]))

    def write(
        self,
        number: int,
        *,
        config: Path,
        sources: Mapping[Path, str],
        units: Mapping[str, Entry],
        at: datetime,
    ) -> None:
        """Keep copies of the files `sources` below `config` and of `units` as generation `number`.

        sources: each file with the SHA-256 of what was applied. The generation appears with one
        rename, whole; that rename is the commit of an apply. Raises SystemdError when a file
        cannot be copied, or is no longer what was applied.
        """
        staged = self.folder / f".{number}.new"
        try:
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir(parents=True, mode=0o700)
            for source, applied in sources.items():
                _copy(source, staged / source.relative_to(config), applied)
            _write(staged / _UNITS, _packed(units))
            meta = {"generation": number, "applied": at.isoformat()}
            _write(staged / "generation.json", json.dumps(meta).encode())
            sync_file_system(staged)
            staged.rename(self.folder / str(number))
            sync_folder(self.folder)
        except OSError as error:
            raise SystemdError(
                f"cannot keep generation {number} in {self.folder}: {error.strerror}"
            ) from error

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep` generations, and what an interrupted write left."""
        for number in self.numbers()[:-keep]:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)
        for staged in self.folder.glob(".*.new"):
            shutil.rmtree(staged, ignore_errors=True)


def _copy(source: Path, copy: Path, applied: str) -> None:
    text = source.read_bytes()
    if hashlib.sha256(text).hexdigest() != applied:
        raise SystemdError(f"{source} was changed while it was being applied", fix="apply again")
    copy.parent.mkdir(parents=True, exist_ok=True)
    _write(copy, text)


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _entry(*, file: str | None = None, link: str | None = None) -> Entry:
    return LinkEntry(str(link)) if file is None else FileEntry(file)


def _packed(units: Mapping[str, Entry]) -> bytes:
    plain = {
        name: {"file": entry.text} if isinstance(entry, FileEntry) else {"link": entry.target}
        for name, entry in sorted(units.items())
    }
    return gzip.compress(json.dumps(plain).encode(), compresslevel=1, mtime=0)
