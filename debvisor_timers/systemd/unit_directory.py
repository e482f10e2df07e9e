# SPDX-License-Identifier: Apache-2.0
"""The real UnitDirectory: a folder on disk, changed by stage, one sync, rename."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import translate
from pathlib import Path, PurePosixPath

from debvisor_timers.disk import sync_file_system, sync_folder
from debvisor_timers.errors import SystemdError
from debvisor_timers.layout import BOOT_TARGET, TARGET
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry

WANTS_FOLDERS = (f"{TARGET}.wants", f"{BOOT_TARGET}.wants")
"""The folders of a folder of units in which we own links."""

_STAGE_PREFIX = ".debvisor-stage-"


class DiskUnitDirectory:
    """A real folder; also the one that holds the scripts of jobs.

    One writer at a time: the caller holds the lock.
    """

    def __init__(
        self,
        path: Path,
        patterns: Sequence[str],
        *,
        folders: Sequence[str] = (),
        mode: int = 0o644,
    ) -> None:
        """Own the names that match one of `patterns` in `path` and in its subfolders `folders`.

        mode: of the files that are written.
        """
        self._path = path
        self._owned = re.compile("|".join(translate(pattern) for pattern in patterns))
        self._folders = tuple(folders)
        self._mode = mode

    def read(self) -> dict[str, Entry]:
        """Return every file and link of ours, by its path relative to the folder."""
        entries: dict[str, Entry] = {}
        for folder in ("", *self._folders):
            entries.update(self._read_folder(folder))
        return entries

    def entry(self, name: str) -> Entry | None:
        """Return the file or link of ours with this name at the top; None where there is none."""
        if "/" in name or not self._owned.match(name):
            return None
        path = self._path / name
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                return LinkEntry(os.readlink(path))  # noqa: PTH115 - as it stands
            return FileEntry(_read_text(str(path))) if stat.S_ISREG(mode) else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", path, error) from error

    def write(self, changes: Mapping[str, Entry | None]) -> None:
        """Make `changes` (None removes): stage all, sync once, then rename each.

        What a writer that was killed had staged is removed, whatever there is to change.

        Until the first rename nothing is changed. When a rename fails, those before it stand: the
        caller writes what was there before. Raises SystemdError with the path.
        """
        self._sweep()
        if not changes:
            return
        for name in changes:
            _check_relative(name)
        with self._stage() as stage:
            staged = self._stage_all(stage, changes)
            for name, source in staged.items():
                self._put(name, source)
            self._sync_folders(changes)

    def _read_folder(self, folder: str) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        try:
            with os.scandir(self._path / folder) as found:
                for item in found:
                    if self._owned.match(item.name) and (entry := _read_entry(item)) is not None:
                        entries[f"{folder}/{item.name}" if folder else item.name] = entry
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise _failed("read", self._path / folder, error) from error
        return entries

    def _sweep(self) -> None:
        """Remove what a writer that was killed left behind."""
        with suppress(FileNotFoundError):
            for left in self._path.glob(f"{_STAGE_PREFIX}*"):
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _stage(self) -> Iterator[Path]:
        # A hidden folder: systemd looks into no such name, and its renames stay in one file system.
        try:
            self._path.mkdir(mode=0o755, parents=True, exist_ok=True)
            stage = Path(tempfile.mkdtemp(prefix=_STAGE_PREFIX, dir=self._path))
        except OSError as error:
            raise _failed("write into", self._path, error) from error
        try:
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _stage_all(
        self, stage: Path, changes: Mapping[str, Entry | None]
    ) -> dict[str, Path | None]:
        staged: dict[str, Path | None] = {}
        for number, (name, entry) in enumerate(changes.items()):
            source = stage / str(number)
            try:
                if isinstance(entry, FileEntry):
                    _write_file(source, entry.text, self._mode)
                elif isinstance(entry, LinkEntry):
                    source.symlink_to(entry.target)
            except OSError as error:
                raise _failed("write", self._path / name, error) from error
            staged[name] = None if entry is None else source
        if any(source is not None for source in staged.values()):
            try:
                sync_file_system(stage)
            except OSError as error:
                raise _failed("sync", stage, error) from error
        return staged

    def _put(self, name: str, source: Path | None) -> None:
        target = self._path / name
        try:
            if source is None:
                target.unlink(missing_ok=True)
                self._remove_if_empty(target.parent)
            else:
                if target.parent != self._path:
                    target.parent.mkdir(mode=0o755, exist_ok=True)
                source.rename(target)
        except OSError as error:
            raise _failed("remove" if source is None else "write", target, error) from error

    def _remove_if_empty(self, folder: Path) -> None:
        # As `systemctl disable` does: an empty .wants folder says nothing.
        if folder != self._path:
            with suppress(OSError):
                folder.rmdir()

    def _sync_folders(self, changes: Mapping[str, Entry | None]) -> None:
        folders = {(self._path / name).parent for name in changes} | {self._path}
        for folder in folders:
            try:
                sync_folder(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _failed("sync", folder, error) from error


def _check_relative(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(f"not a path below the folder: {name!r}")


def _read_entry(item: os.DirEntry[str]) -> Entry | None:
    """Return the entry, None for folders (drop-ins are the administrator's) and what is gone."""
    try:
        if item.is_symlink():
            # Path("./a") is Path("a"): the target is wanted as it stands.
            return LinkEntry(os.readlink(item.path))  # noqa: PTH115
        if not item.is_file(follow_symlinks=False):
            return None
        return FileEntry(_read_text(item.path))
    except FileNotFoundError:
        return None


def _read_text(path: str) -> str:
    # Half the time of open().read(), which counts for the 20,000 files of 10,000 jobs.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        content = os.read(descriptor, 1 << 16)
        if len(content) == 1 << 16:
            parts = [content]
            while part := os.read(descriptor, 1 << 20):
                parts.append(part)
            content = b"".join(parts)
    finally:
        os.close(descriptor)
    return content.decode("utf-8", "surrogateescape")


def _write_file(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        # Whatever the umask of the caller is: systemd reads, and people look.
        os.fchmod(descriptor, mode)


def _failed(verb: str, path: Path, error: OSError) -> SystemdError:
    return SystemdError(f"cannot {verb} {path}: {error.strerror}")
