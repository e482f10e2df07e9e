# SPDX-License-Identifier: Apache-2.0
"""Which unit files may differ from what systemd has read: a question to it costs 0.1 ms a unit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.systemd.drop_ins import UNIT_PATH

_ETC = Path("/etc/systemd/system")
_TRANSIENT = Path("/run/systemd/transient")
_SLACK = timedelta(milliseconds=20)
"""The kernel's times of files lag behind the clock by a tick, 10 ms at the most."""


def changed_since(loaded: datetime, names: Iterable[str]) -> Iterator[str]:
    """Yield those of the units `names` of which something may have changed since `loaded`.

    loaded: when systemd has read all units. What was not touched since then it has read as it is.
    All of them where a drop-in was touched, or where nobody can tell because the clock was set
    back.
    """
    since = (loaded - _SLACK).timestamp()
    if datetime.now(UTC) < loaded or _drop_ins_touched(since, folders=loaded.timestamp()):
        yield from names
        return
    before = UNIT_PATH[: UNIT_PATH.index(_ETC)]
    elsewhere = {name for folder in before for name in _names(folder)}
    for name in names:
        if name in elsewhere or _touched(_ETC / name, since):
            yield name


def _drop_ins_touched(since: float, *, folders: float) -> bool:
    """Return whether a drop-in was added, changed or removed; of any unit, ours or others'.

    folders: when one that holds units has to be touched to tell of drop-ins that are gone: an apply
    touches it just before it reloads. Where units come and go all the time, it says nothing.
    """
    places = [place for place in UNIT_PATH if place.is_dir()]
    if any(_touched(place, folders) for place in places if place != _TRANSIENT):
        return True
    return any(
        _touched(path, since)
        for place in places
        for name in _names(place)
        if name.endswith(".d")
        for path in (place / name, *(place / name).glob("*"))
    )


def _touched(path: Path, since: float) -> bool:
    """Return whether it was changed in any way since then; True where it is not there."""
    try:
        return os.lstat(path).st_ctime >= since
    except OSError:
        return True


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, of 20,000 entries
    except OSError:
        return []
