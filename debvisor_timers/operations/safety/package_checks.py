# SPDX-License-Identifier: Apache-2.0
"""What doctor asks of the package: libraries, programs of runs, units, whose its files are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from debvisor_timers import __version__
from debvisor_timers.layout import BOOT_TARGET, TARGET
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.safety.examined import Examined, ok, problem, warning
from debvisor_timers.systemd.ports import ActiveState, FileStatus

_GROUP = "debvisor-timers"
_AGAIN = "apt-get install --reinstall debvisor-timers"
_PROGRAMS = ("begin", "run", "end", "chain", "stamps", "task")
_TIMERS = ("debvisor-timers-maintain.timer", "debvisor-timers-renew.timer")
_ENABLED = (TARGET, BOOT_TARGET, "debvisor-timers-recover.service")
_NEEDS = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*?>=\s*(?P<least>[0-9.]+)")
_OTHERS_WRITE, _GROUP_WRITES, _OTHERS = 0o002, 0o020, 0o007


def libraries(host: Host) -> Iterator[Examined]:
    """Is each Python library there, and new enough?"""
    needed = [match for each in host.machine.requirements() if (match := _NEEDS.match(each))]
    bad = False
    for match in needed:
        name, least = match["name"], match["least"]
        found = host.machine.library(name)
        if found is None or _numbers(found) < _numbers(least):
            bad = True
            has = f"is {found}" if found else "is missing"
            yield problem(f"the library {name} {has}; {least} or later is needed", _AGAIN)
    if not bad:
        yield ok(f"debvisor-timers {__version__} has the {len(needed)} libraries that it needs")


def programs(host: Host) -> Iterator[Examined]:
    """Do the programs of each run start, and are they of this version?"""
    folder = host.layout.libexec
    bad = False
    for name in _PROGRAMS:
        if fault := host.machine.fault_of(folder / name):
            bad = True
            yield problem(f"{folder / name} cannot run, and so no job: {fault}", _AGAIN)
    if other := host.machine.differing(folder):
        bad = True
        message = f"in {folder} are not of version {__version__}: {', '.join(other)}"
        yield problem(message, _AGAIN)
    if not bad:
        yield ok(f"{', '.join(_PROGRAMS)} start, and are of version {__version__}")


def units(host: Host) -> Iterator[Examined]:
    """Does a boot start what starts the jobs, and does it run now?"""
    bad = False
    for name in _ENABLED:
        state = host.machine.enablement(name)
        if state != "enabled":
            bad = True
            what = state or "not installed"
            fix = {"": _AGAIN, "masked": f"systemctl unmask {name} && systemctl enable {name}"}
            yield problem(f"{name} is {what}", fix.get(state, f"systemctl enable {name}"))
    # The boot target is started by boots alone.
    active = {
        unit.name
        for unit in host.manager.units(TARGET, *_TIMERS)
        if unit.active_state is ActiveState.ACTIVE
    }
    for name in (TARGET, *_TIMERS):
        if name not in active:
            bad = True
            yield problem(f"{name} does not run", f"systemctl start {name}")
    if not bad:
        yield ok("the targets, recover, renew and maintain are enabled and run")


def group(host: Host) -> Iterator[Examined]:
    """May somebody but root look?"""
    if host.machine.has_group(_GROUP):
        yield ok(f"there is a group {_GROUP}; its members may look")
    else:
        yield problem(f"there is no group {_GROUP}: only root can look at jobs", "systemd-sysusers")


def permissions(host: Host) -> Iterator[Examined]:
    """Can root alone change what root's jobs are made of?"""
    layout = host.layout
    folders = (layout.config, layout.jobs, layout.state, layout.runtime)
    bad = False
    for path in folders:
        status = host.machine.status(path)
        if status is None:
            bad = True
            yield problem(f"{path} is missing", _tmpfiles())
        elif _is_open(status):
            bad = True
            name = quote(str(path))
            fix = f"chown root {name} && chmod go-w {name}"
            yield problem(f"{path} can be changed by others than root ({_words(status)})", fix)
    for path in (layout.config, layout.jobs):
        status = host.machine.status(path)
        if status and not _is_open(status) and status.mode & _OTHERS:
            bad = True
            fix = f"chgrp {_GROUP} {quote(str(path))} && chmod 2750 {quote(str(path))}"
            yield warning(f"{path} can be read by everybody ({_words(status)})", fix)
    for path in _files(layout.libexec):
        status = host.machine.status(path)
        if status and _is_open(status):
            bad = True
            yield problem(f"{path} can be changed by others than root ({_words(status)})", _AGAIN)
    if not bad:
        yield ok("the folders and programs are root's to change")


def _files(folder: Path) -> Iterator[Path]:
    yield folder
    for name in _PROGRAMS:
        yield folder / name
        yield folder / f"{name}.py"


def _is_open(status: FileStatus) -> bool:
    group_writes = status.mode & _GROUP_WRITES and status.group != "root"
    return status.uid != 0 or bool(status.mode & _OTHERS_WRITE or group_writes)


def _words(status: FileStatus) -> str:
    return f"owner {status.uid}, group {status.group}, mode {status.mode:04o}"


def _tmpfiles() -> str:
    return "systemd-tmpfiles --create /usr/lib/tmpfiles.d/debvisor-timers.conf"


def _numbers(version: str) -> tuple[int, ...]:
    """Return 2.10.1 as numbers; what follows a letter does not count."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split("[^0-9.]", version)[0]))
