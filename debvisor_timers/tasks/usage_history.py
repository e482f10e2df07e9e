# SPDX-License-Identifier: Apache-2.0
"""What machines used in the last weeks: kept by the hour, a file a machine, by its UUID.

The counters of the last reading are kept besides: so also what comes between two runs counts. What
a machine used on another host, or before a start that nobody saw, is not known here. Bounded: an
hour has one entry, however many runs there are.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.operations import durable
from debvisor_timers.tasks.usage import GuestMemory, Reading, Stretch, Usage, most, stretches_of

FOLDER: Final = Path("/var/lib/debvisor-timers/usage")
KEPT: Final = timedelta(days=35)
_HOUR: Final = 3600.0
_FORM: Final = 1
"""Of the files; one of another form is begun anew."""


def keep(
    folder: Path, readings: Mapping[str, Sequence[Reading]], *, now: float
) -> Mapping[str, list[Stretch]]:
    """Keep what `readings` tell of machines, by UUID; return all that is known of each.

    Jobs that measure at one time count nothing twice. Raises DebvisorTimersError, OSError.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _alone(folder):
        for path in folder.glob("*.json"):
            if path.stat().st_mtime < time.time() - KEPT.total_seconds():
                durable.remove(path)  # of a machine that is here no more
        return {
            uuid: _kept(folder / f"{uuid}.json", several, now) for uuid, several in readings.items()
        }


def within(stretches: Sequence[Stretch], window: timedelta, *, now: float) -> list[Stretch]:
    """Return those that lie in the window, for the greater part at least."""
    begin = now - window.total_seconds()
    return [each for each in stretches if each.at - each.seconds / 2 >= begin]


def joined(one: Stretch, two: Stretch) -> Stretch:
    """Return two stretches as one."""
    waited = [each.waited for each in (one, two) if each.waited is not None]
    return Stretch(
        at=max(one.at, two.at),
        seconds=one.seconds + two.seconds,
        cpu=one.cpu + two.cpu,
        peak=max(one.peak, two.peak),
        waited=sum(waited) if waited else None,
        disk=one.disk + two.disk,
        net=one.net + two.net,
        memory=most(one.memory, two.memory),
        is_swapping=one.is_swapping or two.is_swapping,
    )


def coverage(usages: Sequence[Usage], window: timedelta) -> str:
    """Return for how long machines were measured: `for 2 d 3 h of the last 7 d`, and who for less.

    Empty where none was.
    """
    longest = max((usage.seconds for usage in usages), default=0.0)
    if not longest:
        return ""
    short = [each for each in usages if not each.is_off and each.seconds < longest / 2]
    less = ", ".join(f"{each.name} {span(each.seconds)}" for each in short)
    of = f" of the last {span(window.total_seconds())}" if window else ""
    return f"for {span(longest)}{of}{f' ({less})' if less else ''}"


def span(seconds: float) -> str:
    """Return a time for people, in its two largest units: `3 s`, `2 d 3 h`."""
    left = round(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, parts[:2])) or "0 s"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _kept(path: Path, readings: Sequence[Reading], now: float) -> list[Stretch]:
    last, hours = _read(path)
    news = [
        each for each in readings if last is None or last.boot != each.boot or each.up > last.up
    ]
    for stretch in stretches_of([*([last] if last else []), *news]):
        hour = int(stretch.at // _HOUR)
        hours[hour] = joined(hours[hour], stretch) if hour in hours else stretch
    oldest = now - KEPT.total_seconds()
    kept = [each for _, each in sorted(hours.items()) if oldest < each.at < now + _HOUR]
    newest = news[-1] if news else last
    value = {
        "form": _FORM,
        "last": None if newest is None else _plain(newest),
        "hours": [astuple(each) for each in kept],
    }
    durable.write_json(path, value, mode=0o644)
    return kept


def _read(path: Path) -> tuple[Reading | None, dict[int, Stretch]]:
    """Return the last reading and the hours; nothing of a file that is damaged."""
    try:
        found: Any = durable.read_json(path)
        if not isinstance(found, dict) or found.get("form") != _FORM:
            return None, {}
        names = Stretch.__slots__
        hours = [Stretch(**dict(zip(names, row, strict=True))) for row in found["hours"]]
        last = found["last"] and _reading(found["last"])
        return last, {int(each.at // _HOUR): each for each in hours}
    except (DebvisorTimersError, ValueError, TypeError, LookupError):
        return None, {}


_COUNTERS = ("seconds", "boot", "up", "id", "vcpus", "cpu", "delay", "disk_bytes", "net_bytes")


def _plain(reading: Reading) -> dict[str, object]:
    swapped = reading.guest.swapped if reading.guest else None
    return {name: getattr(reading, name) for name in _COUNTERS} | {"swapped": swapped}


def _reading(plain: Mapping[str, Any]) -> Reading:
    """Return a reading of which the counters are known alone."""
    old = GuestMemory(total=0, free=0, has_caches=False, told=0, swapped=plain["swapped"] or 0)
    return Reading(
        **{name: plain[name] for name in _COUNTERS},
        state="",
        memory=0,
        resident=None,
        guest=None if plain["swapped"] is None else old,
        disks=(),
    )
