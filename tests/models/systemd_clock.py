# SPDX-License-Identifier: Apache-2.0
"""systemd's own calendar arithmetic, called in this process: millions of elapses, none forked."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob
from pathlib import Path

_PATTERN = "/usr/lib/*/systemd/libsystemd-shared-*.so"
_NO_MORE = -errno.ENOENT
MICROSECONDS = 1_000_000


def find_library() -> str:
    """Return the path of the library that systemd's programs share; empty when there is none."""
    return next(iter(sorted(glob(_PATTERN))), "")  # noqa: PTH207


@contextmanager
def local_zone(zone: Path) -> Iterator[None]:
    """Let the file `zone` say what local time is in this process, for C as well."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = f":{zone}"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


class Timer:
    """A timer with several OnCalendar= values: what elapses first counts, as in timer.c."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Parse `lines`. Raises ValueError for what systemd refuses."""
        self._library = ctypes.CDLL(find_library())
        self._lines = [self._parse(line) for line in lines]

    def next(self, base: int) -> int | None:
        """Return when it elapses next after `base`: seconds since 1970.

        Raises ValueError where systemd would let the timer fail.
        """
        found = (self._next(line, base * MICROSECONDS) for line in self._lines)
        return min((elapse for elapse in found if elapse is not None), default=None)

    def until(self, start: int, end: int) -> list[int]:
        """Return every elapse in (start, end), each the base of the next one."""
        found = []
        elapse = self.next(start)
        while elapse is not None and elapse < end:
            found.append(elapse)
            elapse = self.next(elapse)
        return found

    def line_by_line(self, start: int, end: int) -> list[int]:
        """Return the elapses of all lines, each line looked at alone, as systemd-analyze does."""
        found: set[int] = set()
        for line in self._lines:
            elapse = self._next(line, start * MICROSECONDS)
            while elapse is not None and elapse < end:
                found.add(elapse)
                elapse = self._next(line, elapse * MICROSECONDS)
        return sorted(found)

    def close(self) -> None:
        """Free what was parsed."""
        for line in self._lines:
            self._library.calendar_spec_free(line)
        self._lines = []

    def _parse(self, line: str) -> ctypes.c_void_p:
        spec = ctypes.c_void_p()
        code = self._library.calendar_spec_from_string(line.encode(), ctypes.byref(spec))
        if code < 0:
            raise ValueError(f"{line}: {os.strerror(-code)}")
        return spec

    def _next(self, line: ctypes.c_void_p, usec: int) -> int | None:
        elapse = ctypes.c_uint64()
        code = self._library.calendar_spec_next_usec(
            line, ctypes.c_uint64(usec), ctypes.byref(elapse)
        )
        if code == _NO_MORE:
            return None
        if code < 0:
            raise ValueError(os.strerror(-code))
        return elapse.value // MICROSECONDS
