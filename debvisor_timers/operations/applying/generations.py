# SPDX-License-Identifier: Apache-2.0
"""What was applied, and when: a folder of numbered generations, each the YAML and the units."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from debvisor_timers.disk import sync_file_system, sync_folder
from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry

_UNITS = "units.json.gz"
_ABOUT = "generation.json"
NOT_YAML = frozenset({_UNITS, _ABOUT})
"""What lies in the folder of a generation besides the files of the administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What has made a generation.

    by: who asked for it, in the words of the audit. how: the verb of that.
    restores: the older generation that it is again.
    """

    by: str = ""
    how: str = "apply"
    restores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many jobs a generation has created, updated and removed."""

    created: int = 0
    updated: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A generation that is kept. deed, counts: None where an older version has noted none."""

    number: int
    applied: datetime | None
    deed: Deed | None = None
    counts: Counts | None = None


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
            raise durable.cannot("read", self.folder, error) from error
        return sorted(int(name) for name in names if name.isdecimal())

    def applied(self, number: int) -> datetime | None:
        """Return when generation `number` was applied, None where it does not say."""
        return self.about(number).applied

    def about(self, number: int) -> Kept:
        """Return what is noted of generation `number`, which is kept or not.

        Raises SystemdError where the note cannot be read, PermissionRefusedError without root.
        """
        plain = durable.read_json(self.folder / str(number) / _ABOUT)
        meta = plain if isinstance(plain, dict) else {}
        text = meta.get("applied")
        return Kept(
            number=number,
            applied=datetime.fromisoformat(text) if isinstance(text, str) else None,
            deed=_deed(meta) if "how" in meta else None,
            counts=_counts(meta) if "how" in meta else None,
        )

    def files(self, number: int) -> dict[str, bytes]:
        """Return the administrator's files of generation `number`, by their path in their folder.

        Raises NotFoundError for one that is not kept, SystemdError when it cannot be read.
        """
        self.require(number)
        folder = self.folder / str(number)
        try:
            names = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
            return {
                name: path.read_bytes()
                for name, path in sorted(names.items())
                if name not in NOT_YAML and path.is_file()
            }
        except OSError as error:
            raise durable.cannot("read", folder, error) from error

    def require(self, number: int) -> None:
        """Raise NotFoundError where generation `number` is not kept."""
        if not self.exists(number):
            raise _not_kept(number)

    def units(self, number: int) -> Mapping[str, Entry]:
        """Return the units and links of generation `number`, by their path in the unit folder.

        Raises NotFoundError for one that is not kept, SystemdError when it cannot be read.
        """
        path = self.folder / str(number) / _UNITS
        try:
            plain = json.loads(gzip.decompress(path.read_bytes()))
            return {name: _entry(**entry) for name, entry in plain.items()}
        except FileNotFoundError as error:
            raise _not_kept(number) from error
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
        about: Kept,
        *,
        config: Path,
        sources: Mapping[Path, str],
        units: Mapping[str, Entry],
    ) -> None:
        """Keep copies of the files `sources` below `config` and of `units` as a generation.

        sources: each file with the SHA-256 of what was applied. The generation appears with one
        rename, whole; that rename is the commit of an apply. Raises SystemdError when a file
        cannot be copied, or is no longer what was applied.
        """
        number = about.number
        staged = self.folder / f".{number}.new"
        try:
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir(parents=True, mode=0o700)
            for source, applied in sources.items():
                _copy(source, staged / source.relative_to(config), applied)
            _write(staged / _UNITS, _packed(units))
            _write(staged / _ABOUT, _noted(about))
            sync_file_system(staged)
            staged.rename(self.folder / str(number))
            sync_folder(self.folder)
        except OSError as error:
            raise SystemdError(
                f"cannot keep generation {number} in {self.folder}: {error.strerror}"
            ) from error

    def prune(self, keep: int, *, spare: int | None = None) -> None:
        """Remove all but the newest `keep` generations, and what an interrupted write left.

        spare: is kept in any case.
        """
        for number in self.numbers()[:-keep]:
            if number == spare:
                continue
            shutil.rmtree(self.folder / str(number), ignore_errors=True)
        for staged in self.folder.glob(".*.new"):
            shutil.rmtree(staged, ignore_errors=True)


def _not_kept(number: int) -> NotFoundError:
    return NotFoundError(f"generation {number} is not kept", fix="see: debvisor-timers generations")


def _noted(about: Kept) -> bytes:
    meta = {
        "generation": about.number,
        "applied": about.applied.isoformat() if about.applied else None,
        **asdict(about.deed or Deed()),
        **asdict(about.counts or Counts()),
    }
    return json.dumps(meta).encode("utf-8", "surrogateescape")


def _deed(meta: Mapping[str, object]) -> Deed:
    restores = meta.get("restores")
    return Deed(
        by=str(meta.get("by", "")),
        how=str(meta["how"]),
        restores=restores if isinstance(restores, int) else None,
    )


def _counts(meta: Mapping[str, object]) -> Counts:
    found = {name: meta.get(name) for name in ("created", "updated", "removed")}
    return Counts(**{name: n for name, n in found.items() if isinstance(n, int)})


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
