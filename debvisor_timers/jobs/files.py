# SPDX-License-Identifier: Apache-2.0
"""Job files on disk: which there are, and their text; an obstacle is a problem, never raised."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from debvisor_timers.jobs.trust import doubt_on
from debvisor_timers.source import Problem, Span

LARGEST_FILE = 8 * 1024 * 1024
"""The largest file that is read, in bytes: about 20,000 jobs."""

# What ends a line for libyaml, so that line numbers agree with its marks.
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# YAML 1.2.2, 5.1: the characters that may not stand in a file as they are.
_NOT_PRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """The text of a file, and the digest of its bytes (sha256, hex)."""

    path: Path
    text: str
    digest: str


def list_job_files(folder: Path) -> tuple[list[Path], list[Problem]]:
    """Return the job files of `folder` sorted by name, and what is wrong with the others.

    Hidden files and editors' backups (`*~`) are passed over; a missing folder has no files.
    """
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - iterdir() makes a Path of each name twice
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [_unreadable(folder, error)]
    paths = [folder / name for name in names if not name.startswith(".") and not name.endswith("~")]
    files = [path for path in paths if path.suffix == ".yaml"]
    return files, [_other_suffix(path) for path in paths if path.suffix == ".yml"]


def check_owners(paths: Iterable[Path]) -> list[Problem]:
    """Return an error for each of `paths` that others than root can change, when root asks.

    Who can change a job file, or the folder that it is in, can run anything as root. A user who
    checks files of their own is told nothing.
    """
    if os.geteuid() != 0:
        return []
    doubts = (doubt_on(path, below_shared=True) for path in paths)
    return [
        Problem(
            span=Span(file=doubt.path),
            message="can be changed by others than root, who could run anything as root by it",
            fix=doubt.fix,
        )
        for doubt in dict.fromkeys(doubts)
        if doubt is not None
    ]


def _other_suffix(path: Path) -> Problem:
    return Problem(
        span=Span(file=path),
        message="would not be read: job files end in .yaml",
        fix=f"mv {path.name} {path.stem}.yaml",
    )


def read_source(path: Path) -> SourceFile | Problem:
    """Return the text of `path`, or why there is none."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return _whole(path, "is not a regular file", "remove it, or write a file")
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return _unreadable(path, error)
    if len(data) > LARGEST_FILE:
        return _whole(path, "is larger than 8 MiB", "split it into several files")
    text = decode(path, data)
    if isinstance(text, Problem):
        return text
    return SourceFile(path=path, text=text, digest=sha256(data).hexdigest())


def _open_without_waiting(path: str, flags: int) -> int:
    # A named pipe would wait for a writer for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def decode(path: Path, data: bytes) -> str | Problem:
    """Return the text of a file's bytes, or what keeps them from being the text of a YAML file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _whole(path, "is UTF-16, not UTF-8", "save it as UTF-8")
    if data.startswith(b"\xef\xbb\xbf"):
        return _whole(
            path,
            "begins with a byte order mark",
            "save it as UTF-8 without one: sed -i '1s/^\\xEF\\xBB\\xBF//' " + path.name,
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(path, data, error)
    wrong = _NOT_PRINTABLE.search(text)
    return _control_character(path, text, wrong.start()) if wrong else text


def _not_utf8(path: Path, data: bytes, error: UnicodeDecodeError) -> Problem:
    before = data[: error.start].decode()
    message = f"byte {error.start + 1} of the file (0x{data[error.start]:02X}) is not UTF-8"
    line = data[error.start :].split(b"\n", 1)[0].decode(errors="replace")
    return _at(path, before + line, len(before), message, "save the file as UTF-8")


def _control_character(path: Path, text: str, place: int) -> Problem:
    message = f"holds the control character U+{ord(text[place]):04X}"
    fix = f'remove it, or write it in double quotes as "\\x{ord(text[place]):02x}"'
    return _at(path, text, place, message, fix)


def _at(path: Path, text: str, place: int, message: str, fix: str) -> Problem:
    lines = LINE_BREAK.split(text[:place])
    line = lines[-1] + LINE_BREAK.split(text[place : place + 200])[0]
    span = Span(file=path, line=len(lines), column=len(lines[-1]) + 1)
    return Problem(span=span, message=message, fix=fix, source_line=printable(line, span))


def printable(line: str, span: Span) -> str:
    """Return a line of a file as it can be shown under a problem: printable, not too long.

    Empty where the place is so far to the right that no caret could be seen.
    """
    if span.column > 400:
        return ""
    shown = line[: max(span.column + 100, 200)]
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}"
        for char in shown
    )


def _whole(path: Path, message: str, fix: str) -> Problem:
    return Problem(span=Span(file=path), message=message, fix=fix)


def _unreadable(path: Path, error: OSError) -> Problem:
    if error.errno == errno.ENOENT and path.is_symlink():
        target = os.readlink(path)  # noqa: PTH115 - the text of the link, not a Path of it
        return _whole(
            path, f"is a link to {target}, which does not exist", "remove or mend the link"
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _whole(path, "cannot be read: permission denied", _permission(path))
    if error.errno == errno.ENXIO:
        return _whole(path, "is not a regular file", "remove it, or write a file")
    if error.errno == errno.EISDIR:
        return _whole(path, "is a directory, not a file", "job files lie side by side; rename it")
    if error.errno == errno.ENOENT:
        return _whole(path, "does not exist", "check the name")
    reason = (error.strerror or str(error)).lower()
    return _whole(path, f"cannot be read: {reason}", "check the file and its folder")


def _permission(path: Path) -> str:
    if not os.access(path.parent, os.X_OK, effective_ids=True) or path.is_dir():
        return "run this as root, or as a member of the group debvisor-timers"
    name = shlex.quote(str(path))
    # Who may look into the folder is a member; a file that was moved in has kept another group.
    return f"run this as root; for the group: chgrp debvisor-timers {name}; chmod g+r {name}"
