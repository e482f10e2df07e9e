# SPDX-License-Identifier: Apache-2.0
"""Time zones: the names that systemd accepts in OnCalendar= lines, and what their files say."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from pathlib import Path

from debvisor_timers.calendar.clock_changes import NO_CHANGES, ZoneChanges, changes_to_come
from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.calendar.tzfile import read_zone_file
from debvisor_timers.errors import ScheduleError

ZONEINFO = Path("/usr/share/zoneinfo")

_NAME = re.compile(r"(?:[A-Za-z0-9_+-]+/)*[A-Za-z0-9_+-]+")


def check_zone(name: str, *, zoneinfo: Path = ZONEINFO) -> str:
    """Return `name` when systemd knows that zone; ScheduleError with the nearest name otherwise.

    systemd 257: `UTC`, or the path of a time zone file below /usr/share/zoneinfo; names that
    Debian moved to the package tzdata-legacy (`CET`, `US/Eastern`) are unknown without it.
    """
    if not _is_zone(name, zoneinfo):
        raise ScheduleError(
            f"time zone {quote(name)} is not in this machine's time zone database",
            fix=_advice(name, zoneinfo),
            length=max(1, len(name)),
        )
    return name


def zone_changes(name: str, *, zoneinfo: Path = ZONEINFO) -> ZoneChanges:
    """Return the clock changes to come of the zone `name`.

    Raises ScheduleError for a zone that is not there, or whose file makes no sense.
    """
    path = zoneinfo / check_zone(name, zoneinfo=zoneinfo)
    try:
        status = path.stat()
        return _changes(path, status.st_mtime_ns, status.st_ino)
    except FileNotFoundError:  # of UTC, which systemd knows without a file
        return NO_CHANGES
    except (OSError, ValueError, OverflowError) as error:
        raise ScheduleError(
            f"the file {path} of time zone {quote(name)} cannot be used: {error}",
            fix="reinstall the package tzdata, or write dst: systemd",
            length=max(1, len(name)),
        ) from error


@lru_cache(maxsize=1024)
def _changes(path: Path, _mtime_ns: int, _inode: int) -> ZoneChanges:
    return changes_to_come(read_zone_file(path.read_bytes()))


@lru_cache(maxsize=2048)
def _is_zone(name: str, zoneinfo: Path) -> bool:
    if name == "UTC":
        return True
    path = zoneinfo / name
    if _NAME.fullmatch(name) is None or len(name) > 255 or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"TZif"


@lru_cache(maxsize=2048)
def _advice(name: str, zoneinfo: Path) -> str:
    wanted = name.lower().replace(" ", "_")
    known = {zone.lower(): zone for zone in _known_zones() if _is_zone(zone, zoneinfo)}
    cities = {lower.rpartition("/")[2]: zone for lower, zone in sorted(known.items(), reverse=True)}
    candidates = cities | known
    near = difflib.get_close_matches(wanted, candidates, n=1, cutoff=0.8)
    if near:
        return f"write {candidates[near[0]]}"
    return "use a name that `timedatectl list-timezones` prints, such as Europe/Amsterdam or UTC"


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    import zoneinfo  # noqa: PLC0415 - only an error needs it, and the command line starts lazily

    return frozenset(zoneinfo.available_timezones())
