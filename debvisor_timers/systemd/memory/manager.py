# SPDX-License-Identifier: Apache-2.0
"""The twin's Manager."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.memory.engine import Engine
from debvisor_timers.systemd.memory.loading import collect, is_outdated, load
from debvisor_timers.systemd.memory.state import State
from debvisor_timers.systemd.ports import (
    ActiveState,
    FileEntry,
    JobResult,
    ServiceState,
    TimerState,
    UnitState,
)


class MemoryManager:
    """A Manager over a State; waiting for a job lets the twin's time pass."""

    def __init__(self, state: State, engine: Engine) -> None:
        """Share `state` with the other parts of the twin."""
        self._state = state
        self._engine = engine

    def version(self) -> int:
        """Return the major version that the twin plays."""
        self._state.steps.look("manager.version")
        return self._state.version

    def booted(self) -> datetime:
        """Return when the twin was booted."""
        self._state.steps.look("manager.booted")
        return self._state.booted

    def reload(self) -> None:
        """Reload all unit files (daemon-reload)."""
        self._state.steps.take("manager.reload")
        self._engine.reload()

    def units(self, *patterns: str) -> list[UnitState]:
        """Return the loaded units that match one of the shell patterns, in order of their names."""
        self._state.steps.look("manager.units")
        return [
            UnitState(
                name=name,
                load_state=unit.load_state,
                active_state=unit.active,
                sub_state=unit.sub,
                job=unit.job,
            )
            for name, unit in sorted(self._state.loaded.items())
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        ]

    def start(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a start job for each of `units`; with `wait`, until all have ended."""
        return self._run_jobs("start", self._engine.start, units, wait=wait, timeout=timeout)

    def stop(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a stop job for each of `units` that is loaded; like `start` otherwise."""
        loaded = [name for name in units if name in self._state.loaded]
        return self._run_jobs("stop", self._engine.stop, loaded, wait=wait, timeout=timeout)

    def start_once(self, service: str, *, after: timedelta, description: str) -> None:
        """Let a transient timer start `service` once, `after` from now."""
        timer = service.removesuffix(".service") + ".timer"
        self._state.steps.take("manager.start_once", service)
        is_loaded = load(self._state, service).load_state == "loaded"
        is_taken = load(self._state, timer).load_state != "not-found"
        collect(self._state)
        if not is_loaded or is_taken:
            error = "UnitExists" if is_loaded else "NoSuchUnit"
            raise SystemdError(f"systemd: {timer}", dbus_name=f"org.freedesktop.systemd1.{error}")
        since_boot = (self._state.now + after - self._state.booted) // timedelta(microseconds=1)
        self._state.transient[timer] = (
            f"[Unit]\nDescription={description}\n"
            f"[Timer]\nOnStartupSec={since_boot}us\nRemainAfterElapse=no\n"
        )
        self._engine.start([timer])

    def timer(self, name: str) -> TimerState:
        """Return when the timer unit `name` last triggered and when it will next."""
        return self.timers([name])[name]

    def timers(self, names: Iterable[str]) -> dict[str, TimerState]:
        """Return the same for each of `names`."""
        self._state.steps.look("manager.timers")
        found = {name: load(self._state, name) for name in names}
        states = {
            name: TimerState(last_trigger=unit.last_trigger, next_elapse=unit.next_elapse)
            for name, unit in found.items()
        }
        collect(self._state)
        return states

    def next_elapses(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return when each of the timers `names` elapses next by its OnCalendar= lines."""
        found = {name: state.next_elapse for name, state in self.timers(names).items()}
        return {name: moment for name, moment in found.items() if moment is not None}

    def active_since(self, name: str) -> datetime | None:
        """Return since when the unit `name` is active; None for one that is not."""
        self._state.steps.look("manager.active_since")
        unit = self._state.loaded.get(name)
        return unit.activated if unit and unit.active is ActiveState.ACTIVE else None

    def service(self, name: str) -> ServiceState:
        """Return the state of the service unit `name`."""
        self._state.steps.look("manager.service")
        unit = load(self._state, name)
        collect(self._state)
        return ServiceState(
            active_state=unit.active,
            sub_state=unit.sub,
            result=unit.result,
            invocation_id=unit.invocation_id,
            need_daemon_reload=is_outdated(self._state, unit),
            exit=unit.exit,
            restarts=unit.restarts,
            start_limit=unit.start_limit,
        )

    def stale(self, names: Iterable[str]) -> list[str]:
        """Return those of the loaded units `names` whose files changed since they were loaded."""
        self._state.steps.look("manager.stale")
        return [name for name in names if is_outdated(self._state, load(self._state, name))]

    def drop_ins(self, name: str) -> tuple[Path, ...]:
        """Return nothing: the twin knows no drop-ins."""
        self._state.steps.look(f"manager.drop_ins {name}")
        return ()

    def drop_in_files(self, folders: Sequence[str]) -> dict[Path, str]:
        """Return all drop-ins on the disk in folders with these patterns, and what is in each."""
        return {
            path: text
            for path, text in self._state.drop_ins.items()
            if any(fnmatchcase(path.parent.name, pattern) for pattern in folders)
        }

    def sources(self, name: str) -> list[tuple[Path, str]]:
        """Return the file of the unit `name` with its text; the twin knows no drop-ins."""
        self._state.steps.look("manager.sources")
        entry = self._state.disk.get(name)
        text = entry.text if isinstance(entry, FileEntry) else self._state.shipped.get(name)
        return [] if text is None else [(Path("/etc/systemd/system") / name, text)]

    def reset_failed(self, name: str) -> None:
        """Forget that the unit failed and how often it was started; nothing if it is not loaded."""
        self._state.steps.take("manager.reset_failed", name)
        self._engine.reset_failed(name)

    def exists(self, path: str) -> bool:
        """Return whether PathExists= of `path` holds now."""
        self._state.steps.look("manager.exists")
        return path in self._state.paths

    def touch_stamp(self, timer: str) -> None:
        """Let the Persistent= timer believe that it was triggered now: it misses nothing."""
        self._state.steps.take("manager.touch_stamp", timer)
        # A stamp of this very moment counts as one of the past, as it does by the time that PID 1
        # reads a real one.
        self._state.stamps[timer] = self._state.now - timedelta(microseconds=1)

    def remove_stamp(self, timer: str) -> None:
        """Remove what systemd remembers on disk of a timer that is gone."""
        self._state.steps.take("manager.remove_stamp", timer)
        self._state.stamps.pop(timer, None)

    def _run_jobs(
        self,
        verb: str,
        queue: Callable[[Sequence[str]], dict[str, int]],
        units: Sequence[str],
        *,
        wait: bool,
        timeout: timedelta | None,
    ) -> dict[str, JobResult]:
        names = list(dict.fromkeys(units))
        if not names:
            return {}
        self._state.steps.take(f"manager.{verb}", *names)
        deadline = None if timeout is None else self._state.now + timeout
        jobs = queue(names)
        if not wait:
            return {}
        self._wait(set(jobs.values()), deadline)
        return {name: self._state.results[job] for name, job in jobs.items()}

    def _wait(self, jobs: set[int], deadline: datetime | None) -> None:
        while jobs - self._state.results.keys():
            event = self._engine.next_event()
            if event is None or (deadline is not None and event > deadline):
                self._engine.advance_to(deadline or self._state.now)
                raise SystemdError("systemd did not finish in time")
            self._engine.advance_to(event)
