# SPDX-License-Identifier: Apache-2.0
"""What doctor asks of the machine: systemd, its journal, the clock, room on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from debvisor_timers.operations.host import Host
from debvisor_timers.operations.safety.examined import Examined, ok, problem, unknown, warning
from debvisor_timers.systemd.ports import ActiveState

_OLDEST_SYSTEMD = 257
_BUS = "dbus.socket"
_CLOCKS = ("systemd-timesyncd.service", "chrony.service", "ntpsec.service", "openntpd.service")
# Source: systemd 257, timedatectl: what makes NTPSynchronized= yes.
_SYNCED = timedelta(seconds=16)
_JOURNALS = Path("/var/log/journal")
_FEW_DAYS = 14
_LOW, _EMPTY = 0.10, 0.03
_LITTLE_BYTES = 200 * 2**20
_FEWEST_LINES = 1000
_MEGABYTE, _GIGABYTE = 2**20, 2**30
_SHARE, _MOST = 0.10, 4 * _GIGABYTE
"""Of its file system, and at most: journald's SystemMaxUse=; source: journald.conf(5)."""
_SUFFIXES = {"K": 2**10, "M": _MEGABYTE, "G": _GIGABYTE, "T": 2**40}


def systemd(host: Host) -> Iterator[Examined]:
    """Is it new enough, and does it answer?"""
    version = host.manager.version()
    if version < _OLDEST_SYSTEMD:
        yield problem(
            f"systemd is {version}; jobs need {_OLDEST_SYSTEMD} or later",
            "apt-get install -t stable systemd",
        )
    else:
        yield ok(f"version {version} answers")


def dbus(host: Host) -> Iterator[Examined]:
    """Is there a bus? root gets at systemd without it, others do not."""
    if any(unit.active_state is ActiveState.ACTIVE for unit in host.manager.units(_BUS)):
        yield ok("the system bus is there")
    else:
        yield problem(
            "there is no system bus: only root can talk to systemd",
            f"systemctl start {_BUS}",
        )


def journal(host: Host) -> Iterator[Examined]:
    """Is history still there after a reboot?"""
    storage = host.machine.journald().get("Storage", "auto")
    if storage in {"none", "volatile"}:
        yield problem(
            f"Storage={storage} in journald.conf: the output and the history of jobs are lost",
            _setting("Storage", "persistent"),
        )
    elif storage == "auto" and host.machine.status(_JOURNALS) is None:
        yield problem(
            f"there is no {_JOURNALS}: the output and the history of jobs are lost at each reboot",
            f"mkdir -p {_JOURNALS} && systemd-tmpfiles --create --prefix {_JOURNALS}"
            " && journalctl --flush",
        )
    else:
        yield ok(f"it is kept in {_JOURNALS}")


def journal_size(host: Host) -> Iterator[Examined]:
    """Does the journal hold some weeks of what jobs print?"""
    used, most = host.machine.journal_bytes(), _most_of_journal(host)
    first = next(iter(host.journal.records([{"_PID": "1"}])), None)
    if first is None:
        yield unknown("there is no record in it yet that tells how far it reaches")
        return
    days = (host.clock.now() - first.realtime).days
    room = f"{used / _MEGABYTE:.0f} MB of at most {most / _MEGABYTE:.0f} MB"
    # One that has room left has forgotten nothing.
    if used > most * 0.8 and days < _FEW_DAYS:
        yield warning(
            f"{room}: it holds only {days} days of what jobs and others print",
            _setting("SystemMaxUse", f"{max(4 * most // _GIGABYTE, 1)}G"),
        )
    else:
        yield ok(f"{room}; it reaches back {days} days")


def journal_rate(host: Host) -> Iterator[Examined]:
    """Does journald drop what a job prints fast? Its own limit, 10000 lines in 30 s, is well."""
    settings = host.machine.journald()
    burst, interval = settings.get("RateLimitBurst", ""), settings.get("RateLimitIntervalSec", "")
    if burst.isdecimal() and 0 < int(burst) < _FEWEST_LINES and interval != "0":
        yield warning(
            f"RateLimitBurst={burst} in journald.conf: lines of jobs that print more are dropped",
            _setting("RateLimitBurst", "10000"),
        )
    else:
        yield ok("journald drops nothing before 1000 lines at once")


def clock(host: Host) -> Iterator[Examined]:
    """Is it the time that the clock says?"""
    error = host.machine.clock_error()
    if error < _SYNCED:
        yield ok(f"it is synchronized, within {error.total_seconds():.3f} s")
        return
    active = [
        unit.name
        for unit in host.manager.units(*_CLOCKS)
        if unit.active_state is ActiveState.ACTIVE
    ]
    if active:
        yield warning(
            f"it is not synchronized yet, though {active[0]} runs", f"systemctl restart {active[0]}"
        )
    else:
        yield warning(
            "nothing synchronizes it: jobs start when a clock says so that may be wrong",
            "apt-get install systemd-timesyncd",
        )


def disk(host: Host) -> Iterator[Examined]:
    """Is there room for what runs and applies write?"""
    seen: list[str] = []
    for path in dict.fromkeys((host.layout.state, host.layout.units, Path("/var/log"))):
        space = host.machine.space(path)
        if space is None:
            continue
        fix = f"du -xh --max-depth=2 {path} | sort -h | tail"
        said = f"{path} has {space.free_bytes / _GIGABYTE:.1f} GB free"
        if space.bytes < _EMPTY or (space.bytes < _LOW and space.free_bytes < _LITTLE_BYTES):
            yield problem(f"{said}: soon neither runs nor applies can be noted", fix)
        elif space.inodes < _EMPTY:
            yield problem(f"{path} has no room for more files (df -i {path})", fix)
        elif space.bytes < _LOW:
            yield warning(said, fix)
        else:
            seen.append(said)
    if seen:
        yield ok("; ".join(seen))


def _most_of_journal(host: Host) -> int:
    text = host.machine.journald().get("SystemMaxUse", "")
    number, unit = text.rstrip("KMGT"), text[-1:]
    if number.isdecimal():
        return int(number) * _SUFFIXES.get(unit, 1)
    space = host.machine.space(Path("/var/log"))
    whole = space.free_bytes / space.bytes if space and space.bytes else 0
    return min(int(whole * _SHARE), _MOST) or _MOST


def _setting(name: str, value: str) -> str:
    folder = "/etc/systemd/journald.conf.d"
    return (
        f"mkdir -p {folder} && printf '[Journal]\\n{name}={value}\\n'"
        f" >{folder}/90-debvisor-timers-{name.lower()}.conf && systemctl restart systemd-journald"
    )
