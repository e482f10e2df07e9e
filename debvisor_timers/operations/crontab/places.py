# SPDX-License-Identifier: Apache-2.0
"""Where cron keeps what it runs, and which of it cron passes over."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from debvisor_timers.errors import NotFoundError, PermissionRefusedError, UsageError
from debvisor_timers.jobs.crontab.folders import Script
from debvisor_timers.jobs.crontab.translate import Home
from debvisor_timers.source import Problem, Severity, Span

LARGEST = 1024 * 1024
"""The largest file that is read, in bytes."""

_HEAD = 64 * 1024
"""How much of a script is looked at, in bytes: it may be a program of any size."""

_SPOOL = Path("/var/spool/cron/crontabs")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def home_of(user: str) -> Home | None:
    """Return the home of a user of this host; None for one that does not exist."""
    try:
        folder = pwd.getpwnam(user).pw_dir
    except (KeyError, ValueError):  # ValueError: a name with a NUL in it
        return None
    try:
        return Home(path=folder, exists=stat.S_ISDIR(Path(folder).stat().st_mode))
    except PermissionError:
        return Home(path=folder)
    except OSError:
        return Home(path=folder, exists=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronPlaces:
    """The files of cron below `root`, and the users who may have jobs."""

    root: Path = Path("/")
    home: Callable[[str], Home | None] = field(default=home_of)

    @property
    def spool(self) -> Path:
        """Return the folder with the crontabs of users."""
        return _SPOOL

    def at(self, path: Path) -> Path:
        """Return where `path` of the host really is."""
        return self.root / path.relative_to("/") if path.is_absolute() else path

    def lacks(self, folder: str) -> bool:
        """Return True where `folder` is known not to be there."""
        try:
            self.at(Path(folder)).stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def has_anacron(self) -> bool:
        """Return True where anacron runs cron.daily and its like."""
        return os.access(self.at(Path("/usr/sbin/anacron")), os.X_OK)

    def has_debians_cron(self) -> bool:
        """Return True where the package cron is installed, which does not know CRON_TZ."""
        info = self.at(Path("/var/lib/dpkg/info"))
        return (info / "cron.list").exists()

    def package_of(self, path: Path) -> str:
        """Return the package whose conffile `path` is, empty for none."""
        try:
            lists = sorted(self.at(Path("/var/lib/dpkg/info")).glob("*.conffiles"))
        except OSError:
            return ""
        for one in lists:
            try:
                if str(path) in one.read_text(encoding="utf-8", errors="replace").splitlines():
                    return one.name.removesuffix(".conffiles").partition(":")[0]
            except OSError:
                continue
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronFile:
    """A crontab: its text, and whose it is (empty: it has a column with users).

    stem: what ids and the job file are named after. is_own: this host's cron runs it.
    """

    path: Path
    text: str
    stem: str
    target: str
    owner: str = ""
    is_own: bool = True


def system_crontabs(places: CronPlaces) -> tuple[list[CronFile], list[Problem]]:
    """Return /etc/crontab and the files of /etc/cron.d, and which of them cron passes over."""
    files: list[CronFile] = []
    problems: list[Problem] = []
    main = Path("/etc/crontab")
    if places.at(main).exists():
        _add(places, main, CronNames("crontab", "crontab"), files, problems)
    folder = Path("/etc/cron.d")
    for name in _names(places.at(folder)):
        path = folder / name
        if not _NAME.fullmatch(name):
            said = "cron passes over a name with other characters than letters, digits, _ and -"
            problems.append(_whole(path, said, "rename it if it is to count"))
            continue
        _add(places, path, CronNames(name, f"cron.d-{name}"), files, problems)
    return files, problems


def user_crontabs(places: CronPlaces, user: str = "") -> tuple[list[CronFile], list[Problem]]:
    """Return the crontab of a user, or those of all, and which of them cron passes over.

    Raises NotFoundError where the user has none.
    """
    names = [user] if user else _names(places.at(places.spool))
    files: list[CronFile] = []
    problems: list[Problem] = []
    is_strict = places.has_debians_cron()
    for name in names:
        if "/" in name or not name:
            raise UsageError(f"{name!r} is no name of a user", fix="write a name such as alice")
        path = places.spool / name
        if user and not _exists(places.at(path)):
            raise NotFoundError(f"{user} has no crontab ({path})", fix="crontab -l -u shows them")
        if is_strict and (why := _user_passed_over(places.at(path))):
            problems.append(_whole(path, f"cron passes over it: {why[0]}", why[1]))
            continue
        text = read_text(places.at(path))
        target = f"crontab-{name}"
        files.append(CronFile(path=path, text=text, stem=name, target=target, owner=name))
    return files, problems


def one_file(places: CronPlaces, file: Path, user: str) -> CronFile:
    """Return the crontab that `file` names; it is that of `user`, or a system crontab."""
    path = file if file.is_absolute() else Path.cwd() / file
    path = Path(os.path.normpath(path))
    text = read_text(places.at(path))
    if path.parent == places.spool and not user:
        user = path.name
    stem = user or path.name
    if path.parent == Path("/etc/cron.d"):
        target = f"cron.d-{path.name}"
    elif path == Path("/etc/crontab"):
        target = "crontab"
    else:
        target = f"crontab-{re.sub(r'[^A-Za-z0-9_.-]+', '-', stem).strip('.-') or 'file'}"
    own = is_read_by_cron(path)
    return CronFile(path=path, text=text, stem=stem, target=target, owner=user, is_own=own)


def is_read_by_cron(path: Path) -> bool:
    """Return True for a file in one of the places of the crontabs of this host."""
    return path.is_relative_to("/etc") or path.parent == _SPOOL


def scripts(places: CronPlaces, folder: Path, taken: Callable[[Path], bool]) -> Iterator[Script]:
    """Yield the files of a folder such as /etc/cron.daily in the order of run-parts."""
    for name in _names(places.at(folder)):
        path = folder / name
        real = places.at(path)
        try:
            if not stat.S_ISREG(real.stat().st_mode):
                continue
        except OSError:
            continue
        executable = os.access(real, os.X_OK)
        gone = not executable and taken(path)
        text = read_text(real, _HEAD)
        yield Script(path=path, text=text, is_executable=executable, was_taken=gone)


def read_text(path: Path, most: int = LARGEST) -> str:
    """Return the text of a file; bytes that are no UTF-8 come as surrogate escapes."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            # A pipe was opened without waiting for a writer; what comes through it is waited for.
            os.set_blocking(file.fileno(), True)
            data = file.read(most + 1)
    except PermissionError as error:
        raise PermissionRefusedError(
            f"cannot read {path}: permission denied", fix="run the command with sudo"
        ) from error
    except OSError as error:
        raise NotFoundError(
            f"cannot read {path}: {error.strerror}", fix="name a crontab"
        ) from error
    if len(data) > most and most == LARGEST:
        raise UsageError(f"{path} is larger than 1 MiB: no crontab", fix="name a crontab")
    return data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class CronNames:
    """What ids and the job file of a crontab are named after."""

    stem: str
    target: str


def _add(
    places: CronPlaces,
    path: Path,
    names: CronNames,
    files: list[CronFile],
    problems: list[Problem],
) -> None:
    why = _passed_over(places.at(path))
    if why:
        problems.append(_whole(path, f"cron passes over it: {why[0]}", why[1]))
        return
    text = read_text(places.at(path))
    files.append(CronFile(path=path, text=text, stem=names.stem, target=names.target))


def _passed_over(path: Path) -> tuple[str, str] | None:
    """Return why cron does not read a file of the system, and how to mend it."""
    try:
        status = path.stat()
    except OSError as error:
        return f"{error.strerror}", "remove or mend it"
    if not stat.S_ISREG(status.st_mode):
        return "it is no regular file", "remove it"
    if status.st_uid != 0:
        return "it does not belong to root", f"chown root {path.name}"
    if status.st_mode & 0o022:
        return "others than root may write to it", f"chmod go-w {path.name}"
    return None


def _user_passed_over(path: Path) -> tuple[str, str] | None:
    """Return why Debian's cron does not read a crontab of a user, and how to mend it."""
    try:
        status = path.lstat()
    except OSError as error:
        return f"{error.strerror}", "remove or mend it"
    if not stat.S_ISREG(status.st_mode):
        return "it is no regular file", "remove it"
    if stat.S_IMODE(status.st_mode) != 0o600:
        return f"its mode is {stat.S_IMODE(status.st_mode):04o}, not 0600", f"chmod 600 {path.name}"
    return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise PermissionRefusedError(
            f"only root may look into {folder}", fix="run the command with sudo"
        ) from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError as error:
        raise PermissionRefusedError(
            f"only root may look into {path.parent}", fix="run the command with sudo"
        ) from error


def _whole(path: Path, message: str, fix: str) -> Problem:
    return Problem(span=Span(file=path), message=message, fix=fix, severity=Severity.WARNING)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
