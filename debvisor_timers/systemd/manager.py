# SPDX-License-Identifier: Apache-2.0
"""The real Manager: PID 1 over D-Bus, and the stamps of persistent timers on disk."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.outcome import Exit
from debvisor_timers.systemd.bus import TIMEOUT, Bus
from debvisor_timers.systemd.drop_ins import UNIT_PATH, drop_in_files, user_unit_path
from debvisor_timers.systemd.elsewhere import reload_elsewhere
from debvisor_timers.systemd.loaded_files import changed_since
from debvisor_timers.systemd.ports import (
    ActiveState,
    JobResult,
    ServiceState,
    TimerState,
    UnitState,
)

# What systemd says for "never": 0 for the past, the largest number for the future.
_NEVER = (0, 2**64 - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
_EXIT_CODES = {1: "exited", 2: "killed", 3: "dumped"}
_SLICE = timedelta(milliseconds=200)
_QUIET = timedelta(seconds=1)
_ACTIVE_STATE, _JOB_PATH = 3, 9
_FEW = 20
_SPECIAL = re.compile(r"[][*?\\]")


class SystemdManager:
    """The real Manager; opens its connection at the first call."""

    def __init__(self, *, stamps: Path, user: bool = False) -> None:
        """Keep the folder of the stamps of Persistent= timers (Layout.stamps).

        user: it is the manager of the user who asks, not PID 1.
        """
        self._bus = Bus(user=user)
        self._user = user
        self._stamps = stamps

    def close(self) -> None:
        """Close the connection; the next call opens another.

        For those who live long: on PID 1's private socket every client gets all signals, and one
        that does not read them keeps systemd 257 from sending any, and from unloading units.
        """
        self._bus.close()

    def version(self) -> int:
        """Return systemd's major version, 257 for `257.13-1~deb13u1`."""
        text = str(self._bus.manager_property("Version", "s"))
        digits = "".join(c if c.isdigit() else " " for c in text).split()
        if not digits:
            raise SystemdError(f"systemd says that its version is {text!r}")
        return int(digits[0])

    def booted(self) -> datetime:
        """Return when PID 1 began to start units."""
        usec = int(self._bus.manager_property("UserspaceTimestamp", "t"))
        return _EPOCH + timedelta(microseconds=usec)

    def reload(self) -> None:
        """Reload all unit files (daemon-reload); returns when it is done."""
        may = self._user or os.geteuid() == 0
        if may and threading.active_count() > 1:
            # The longest call of all, and pystemd holds the interpreter's lock meanwhile.
            reload_elsewhere(user=self._user, timeout=TIMEOUT)
        else:
            self._bus.call("Reload")

    def units(self, *patterns: str) -> list[UnitState]:
        """Return the loaded units that match one of the shell patterns, in order of their names."""
        if not patterns:
            return []
        rows = self._bus.call("ListUnitsByPatterns", "asas", [], list(patterns))
        return sorted((_unit_state(row) for row in rows), key=lambda unit: unit.name)

    def start(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a start job for each of `units`; with `wait`, until all have ended."""
        return self._run_jobs("StartUnit", units, wait=wait, timeout=timeout)

    def stop(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a stop job for each of `units` that is loaded; like `start` otherwise."""
        loaded = self._loaded(units)
        return self._run_jobs(
            "StopUnit", [name for name in units if name in loaded], wait=wait, timeout=timeout
        )

    def start_once(self, service: str, *, after: timedelta, description: str) -> None:
        """Let a transient timer start `service` once, `after` from now."""
        state = self._bus.unit_property(service, "Unit", "LoadState", "s")
        if state != "loaded":  # the timer would be made all the same, and fail when it is started
            raise SystemdError(f"systemd: {service} is {state}", dbus_name=_NO_SUCH_UNIT)
        timer = service.removesuffix(".service") + ".timer"
        # Counted from the start of PID 1: a reload lets OnActiveSec= begin anew (systemd 257), and
        # a calendar goes by a clock that can be set back.
        begun = int(self._bus.manager_property("UserspaceTimestampMonotonic", "t"))
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._bus.start_transient(
            timer,
            [
                ("Description", "s", description),
                ("OnStartupSec", "t", now - begun + after // _MICROSECOND),
                ("AccuracyUSec", "t", 1),
                ("RemainAfterElapse", "b", False),
                ("CollectMode", "s", "inactive-or-failed"),
            ],
        )
        self.start([timer])  # it is queued: its result is that of its start

    def timer(self, name: str) -> TimerState:
        """Return when the timer unit `name` last triggered and when it will next."""
        return self.timers([name])[name]

    def timers(self, names: Iterable[str]) -> dict[str, TimerState]:
        """Return the state of each of the timers `names`: 0.2 ms each."""
        # Elapses of OnBootSec= and its kin are told on the clock that starts with the boot.
        started = datetime.now(UTC) - timedelta(seconds=time.clock_gettime(time.CLOCK_MONOTONIC))
        return {name: self._timer_state(name, started) for name in names}

    def next_elapses(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return when each of the timers `names` elapses next by its calendar: 0.1 ms each."""
        with Bus(around_bus=True, user=self._user) as bus:
            answers = {
                name: bus.unit_property(name, "Timer", "NextElapseUSecRealtime", "t")
                for name in names
            }
        found = {name: _instant(usec, _EPOCH) for name, usec in answers.items()}
        return {name: moment for name, moment in found.items() if moment is not None}

    def active_since(self, name: str) -> datetime | None:
        """Return since when the unit `name` is active; None for one that is not."""
        read = self._bus.unit_property
        if read(name, "Unit", "ActiveState", "s") != ActiveState.ACTIVE:
            return None
        # The other time-stamp is by the clock as it was set then.
        entered = read(name, "Unit", "ActiveEnterTimestampMonotonic", "t")
        started = datetime.now(UTC) - timedelta(seconds=time.clock_gettime(time.CLOCK_MONOTONIC))
        return _instant(entered, started)

    def service(self, name: str) -> ServiceState:
        """Return the state of the service unit `name`."""
        read = self._bus.unit_property
        return ServiceState(
            active_state=ActiveState(read(name, "Unit", "ActiveState", "s")),
            sub_state=read(name, "Unit", "SubState", "s"),
            result=read(name, "Service", "Result", "s"),
            invocation_id=_invocation_id(read(name, "Unit", "InvocationID", "ay")),
            need_daemon_reload=bool(read(name, "Unit", "NeedDaemonReload", "b")),
            exit=_exit(
                read(name, "Service", "ExecMainCode", "i"),
                read(name, "Service", "ExecMainStatus", "i"),
            ),
            restarts=int(read(name, "Service", "NRestarts", "u")),
            start_limit=_start_limit(read(name, "Unit", "StartLimitIntervalUSec", "t")),
        )

    def stale(self, names: Iterable[str]) -> list[str]:
        """Return those of the loaded units `names` whose files changed since they were loaded."""
        if self._user:
            read = self._bus.unit_property
            return [name for name in names if read(name, "Unit", "NeedDaemonReload", "b")]
        usec = int(self._bus.manager_property("UnitsLoadTimestamp", "t"))
        loaded = _EPOCH + timedelta(microseconds=usec) if usec else self.booted()
        with Bus(around_bus=True) as bus:
            return [
                name
                for name in changed_since(loaded, names)
                if bus.unit_property(name, "Unit", "NeedDaemonReload", "b")
            ]

    def drop_ins(self, name: str) -> tuple[Path, ...]:
        """Return the drop-ins that systemd has merged into the loaded unit `name`."""
        paths = self._bus.unit_property(name, "Unit", "DropInPaths", "as")
        return tuple(Path(path) for path in paths)

    def drop_in_files(self, folders: Sequence[str]) -> dict[Path, str]:
        """Return all drop-ins on the disk in folders with these patterns, and what is in each."""
        return drop_in_files(user_unit_path() if self._user else UNIT_PATH, folders)

    def sources(self, name: str) -> list[tuple[Path, str]]:
        """Return the file of the unit `name`, then its drop-ins, each with its text on the disk."""
        file = self._bus.unit_property(name, "Unit", "FragmentPath", "s")
        if not file:
            return []
        paths = [Path(file), *self.drop_ins(name)]
        try:
            return [
                (path, path.read_text(encoding="utf-8", errors="surrogateescape")) for path in paths
            ]
        except OSError as error:
            raise SystemdError(f"cannot read {error.filename}: {error.strerror}") from error

    def reset_failed(self, name: str) -> None:
        """Forget that the unit failed and how often it was started; nothing if it is not loaded."""
        # pystemd 0.13.2 loses 1.2 kB at each call that fails, so none is provoked.
        if self._loaded([name]):
            with _unless_collected():
                self._bus.call("ResetFailedUnit", "s", name)

    def exists(self, path: str) -> bool:
        """Return whether PathExists= of `path` holds now; False where the caller cannot look."""
        return os.access(path, os.F_OK)

    def touch_stamp(self, timer: str) -> None:
        """Let the Persistent= timer believe that it was triggered now: it misses nothing."""
        stamp = self._stamp(timer)
        try:
            stamp.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(stamp, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.utime(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SystemdError(f"cannot touch the stamp {stamp}: {error.strerror}") from error

    def remove_stamp(self, timer: str) -> None:
        """Remove what systemd remembers on disk of a timer that is gone."""
        stamp = self._stamp(timer)
        try:
            stamp.unlink(missing_ok=True)
        except OSError as error:
            raise SystemdError(f"cannot remove the stamp {stamp}: {error.strerror}") from error

    def _stamp(self, timer: str) -> Path:
        return self._stamps / f"stamp-{timer}"

    def _loaded(self, names: Sequence[str]) -> set[str]:
        """Return those of `names` that systemd holds in memory."""
        if not names:
            return set()
        # systemd tries every pattern on every unit. `?` stands for what is special in a pattern.
        few = len(names) <= _FEW
        patterns = [_SPECIAL.sub("?", name) for name in names] if few else ["*"]
        rows = self._bus.call("ListUnitsByPatterns", "asas", [], patterns)
        return {row[0] for row in rows} & set(names)

    def _timer_state(self, name: str, started: datetime) -> TimerState:
        read = self._bus.unit_properties(name, "Timer")
        realtime = _instant(read["NextElapseUSecRealtime"], _EPOCH)
        monotonic = _instant(read["NextElapseUSecMonotonic"], started)
        return TimerState(
            last_trigger=_instant(read["LastTriggerUSec"], _EPOCH),
            next_elapse=min((each for each in (realtime, monotonic) if each), default=None),
        )

    def _run_jobs(
        self, verb: str, units: Sequence[str], *, wait: bool, timeout: timedelta | None
    ) -> dict[str, JobResult]:
        names = list(dict.fromkeys(units))
        if not wait:
            for name in names:
                with _unless_collected(when=verb == "StopUnit"):
                    self._bus.call(verb, "ss", name, "replace")
            return {}
        if not names:
            return {}
        # A connection of its own: one that has subscribed gets signals until it is closed.
        with Bus(user=self._user) as bus:
            return _Watch(bus, verb).run(names, timeout)


@dataclass(slots=True)
class _Watch:
    """Queues jobs and gathers how they end, on a connection of its own."""

    bus: Bus
    verb: str
    ended: dict[str, str] = field(default_factory=dict)

    def run(self, names: list[str], timeout: timedelta | None) -> dict[str, JobResult]:
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        # Before the first job, or its end could pass unseen.
        self.bus.subscribe("JobRemoved", self._note)
        jobs = {}
        for name in names:
            with _unless_collected(when=self.verb == "StopUnit"):
                jobs[name] = str(self.bus.call(self.verb, "ss", name, "replace"))
            # Signals that nobody reads fill the connection: "No buffer space available".
            self.bus.process()
        self._wait(jobs, deadline)
        return {name: JobResult(self.ended[job]) for name, job in jobs.items()}

    def _note(self, body: Any) -> None:
        _id, job, _unit, result = body
        self.ended[job] = result

    def _wait(self, jobs: Mapping[str, str], deadline: float | None) -> None:
        heard = 0
        quiet_since = time.monotonic()
        missing: set[str] = set()
        while pending := {name: job for name, job in jobs.items() if job not in self.ended}:
            now = time.monotonic()
            if deadline is not None and now > deadline:
                raise _unfinished(list(pending))
            if len(self.ended) > heard:
                heard, quiet_since, missing = len(self.ended), now, set()
            elif now - quiet_since > _QUIET.total_seconds():
                missing = self._look_for(pending, missing)
                quiet_since = time.monotonic()
            self.bus.process(jobs=len(pending), wait=_SLICE)

    def _look_for(self, pending: Mapping[str, str], missing: set[str]) -> set[str]:
        """Return which jobs of `pending` systemd no longer has; end those `missing` before too.

        The end of a job that passes while the connection is lost is never told. One that has just
        ended is given the time until the next look: its signal may wait to be read.
        """
        units = self.bus.call("ListUnitsByNames", "as", list(pending))
        queued = {str(row[_JOB_PATH]) for row in units}
        state = {row[0]: ActiveState(row[_ACTIVE_STATE]) for row in units}
        gone = {name for name, job in pending.items() if job not in queued}
        for name in gone & missing:
            failed = self.verb == "StartUnit" and state.get(name) is ActiveState.FAILED
            self.ended[pending[name]] = JobResult.FAILED if failed else JobResult.DONE
        return gone


def _unfinished(names: Sequence[str]) -> SystemdError:
    return SystemdError(
        f"systemd did not finish in time with {', '.join(names[:5])}"
        f"{f' and {len(names) - 5} more' if len(names) > 5 else ''}",
        fix="see what it is doing: systemctl list-jobs",
    )


@contextmanager
def _unless_collected(*, when: bool = True) -> Iterator[None]:
    """Pass over a unit that systemd has unloaded since it was listed; `when` False: no.

    systemd 257 collects units that nothing refers to between any two calls: seen at boot.
    """
    try:
        yield
    except SystemdError as error:
        if not when or error.dbus_name != _NO_SUCH_UNIT:
            raise


def _unit_state(row: Sequence[Any]) -> UnitState:
    return UnitState(
        name=row[0],
        load_state=row[2],
        active_state=ActiveState(row[3]),
        sub_state=row[4],
        job=row[8],
    )


def _instant(usec: int, origin: datetime) -> datetime | None:
    if usec in _NEVER:
        return None
    try:
        return origin + timedelta(microseconds=usec)
    except OverflowError:
        return None


def _exit(code: int, status: int) -> Exit:
    """Return how a process ended, from what wait(2) told systemd; source: siginfo(7), si_code."""
    words = _EXIT_CODES.get(code, "")
    return Exit(code=words, status=str(status)) if words else Exit()


def _start_limit(usec: int) -> timedelta:
    return timedelta.max if usec in _NEVER[1:] else timedelta(microseconds=usec)


def _invocation_id(octets: Sequence[int]) -> str:
    return bytes(octets).hex() if any(octets) else ""
