# SPDX-License-Identifier: Apache-2.0
"""What PID 1 does, in memory: jobs, timers that fire, services that run, reload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.outcome import Exit
from debvisor_timers.systemd.memory import records
from debvisor_timers.systemd.memory.loading import collect, load, refresh
from debvisor_timers.systemd.memory.paths import arm_path, is_over_limit, note_change
from debvisor_timers.systemd.memory.state import Execution, Loaded, Outcome, State
from debvisor_timers.systemd.memory.timers import arm, is_persistent
from debvisor_timers.systemd.ports import ActiveState, JobResult

_REFUSALS = {
    "not-found": ("NoSuchUnit", "Unit {} not found."),
    "masked": ("UnitMasked", "Unit {} is masked."),
    "bad-setting": ("BadUnitSetting", "Unit {} has a bad unit file setting."),
}


_ARM = {"timer": arm, "path": arm_path}
_TRIGGERS = _ARM.keys()


class Engine:
    """PID 1 over a State."""

    def __init__(self, state: State) -> None:
        """Work on `state`, which others look at as well."""
        self._state = state

    def start(self, names: Sequence[str]) -> dict[str, int]:
        """Queue a start job for each of `names`, return their numbers. Raises SystemdError."""
        jobs = {}
        try:
            for name in names:
                unit = load(self._state, name)
                self._refuse(unit, set())
                jobs[name] = self._start(unit, trigger="")
        finally:
            self._fire_due()
            collect(self._state)
        return jobs

    def stop(self, names: Sequence[str]) -> dict[str, int]:
        """Queue a stop job for each of `names` and return their numbers."""
        jobs = {name: self._stop(load(self._state, name)) for name in names}
        collect(self._state)
        return jobs

    def reload(self) -> None:
        """Read all loaded units again; a timer whose schedule changed may be due at once."""
        for unit in list(self._state.loaded.values()):
            refresh(self._state, unit)
            for other in sorted(unit.references):
                load(self._state, other)
        for unit in list(self._state.loaded.values()):
            if unit.kind in _TRIGGERS and unit.is_up:
                self._settle(unit)
        self._fire_due()
        collect(self._state)

    def reset_failed(self, name: str) -> None:
        """Let `name` be inactive, where it failed; its starts count no more."""
        unit = self._state.loaded.get(name)
        if unit is None:
            return
        unit.starts.clear()
        if unit.active is ActiveState.FAILED:
            unit.active, unit.sub, unit.result = ActiveState.INACTIVE, "dead", "success"
            collect(self._state)

    def change(self, path: str) -> None:
        """Let path units see that something happened to `path`."""
        note_change(self._state, path)
        self._fire_due()
        collect(self._state)

    def advance_to(self, when: datetime) -> None:
        """Let time pass until `when`: timers fire and services end on their way."""
        while (event := self.next_event()) is not None and event <= when:
            self._state.now = max(self._state.now, event)
            for unit in self._ended():
                self._finish(unit)
            self._fire_due()
        self._state.now = max(self._state.now, when)
        collect(self._state)

    def next_event(self) -> datetime | None:
        """Return when something happens next, None when nothing ever does."""
        elapses = (timer.next_elapse for timer in self._waiting())
        ends = (unit.ends_at for unit in self._state.loaded.values())
        return min((at for at in (*elapses, *ends) if at is not None), default=None)

    def boot(self) -> None:
        """Forget everything that is in memory, and start what is enabled."""
        self._state.loaded.clear()
        self._state.transient.clear()
        self._state.results.clear()
        self._state.booted = self._state.now
        self._state.boot_id = f"{self._state.count():032x}"
        for name in sorted(self._state.enabled):
            self._start(load(self._state, name), trigger="")
        self._fire_due()
        collect(self._state)

    def _refuse(self, unit: Loaded, seen: set[str]) -> None:
        if unit.load_state in _REFUSALS:
            error, message = _REFUSALS[unit.load_state]
            raise SystemdError(
                f"systemd: StartUnit({unit.name}, replace): {message.format(unit.name)}",
                dbus_name=f"org.freedesktop.systemd1.{error}",
            )
        seen.add(unit.name)
        for name in unit.text.words("Unit", "Requires"):
            if name not in seen:
                self._refuse(load(self._state, name), seen)

    def _start(self, unit: Loaded, *, trigger: str) -> int:
        if unit.job:
            return unit.job_id
        unit.job_id = self._state.count()
        # Set now, so that units that need each other do not start each other without end.
        unit.job = "start"
        failed = [name for name in unit.text.words("Unit", "Requires") if not self._meet(name)]
        if failed:
            records.log_dependency(self._state, unit)
            return self._end_job(unit, JobResult.DEPENDENCY)
        job = self._activate(unit, trigger)
        for name in sorted(unit.wants):
            wanted = load(self._state, name)
            if wanted.load_state == "loaded" and not wanted.is_up:
                self._start(wanted, trigger="")
        return job

    def _meet(self, name: str) -> bool:
        unit = load(self._state, name)
        if unit.is_up:
            return True
        job = self._start(unit, trigger="")
        return self._state.results.get(job, JobResult.DONE) is JobResult.DONE

    def _activate(self, unit: Loaded, trigger: str) -> int:
        if unit.kind == "timer":
            return self._end_job(unit, self._start_timer(unit))
        if unit.kind == "path":
            return self._end_job(unit, self._start_path(unit))
        if unit.kind == "service" and unit.text.last("Service", "Type") == "oneshot":
            return self._run(unit, trigger)
        self._set_up(unit, "running" if unit.kind == "service" else "active")
        return self._end_job(unit, JobResult.DONE)

    def _start_timer(self, timer: Loaded) -> JobResult:
        if timer.is_up:
            return JobResult.DONE
        if load(self._state, timer.triggers).load_state != "loaded":
            return JobResult.FAILED
        timer.spent = {line for line in timer.spent if not line.startswith("OnActiveSec=")}
        if is_persistent(timer):
            stamp = self._state.stamps.setdefault(timer.name, self._state.now)
            if stamp < self._state.now:
                timer.last_trigger = stamp
        timer.result = "success"
        arm(self._state, timer)
        self._set_up(timer, timer.sub)
        return JobResult.DONE

    def _start_path(self, unit: Loaded) -> JobResult:
        if unit.is_up:
            return JobResult.DONE
        if load(self._state, unit.triggers).load_state != "loaded":
            return JobResult.FAILED
        unit.result = "success"
        arm_path(self._state, unit)
        self._set_up(unit, unit.sub)
        return JobResult.DONE

    def _set_up(self, unit: Loaded, sub: str) -> None:
        if not unit.is_up:
            unit.activated = self._state.now
        unit.active, unit.sub = ActiveState.ACTIVE, sub

    def _run(self, unit: Loaded, trigger: str) -> int:
        state = self._state
        unit.outcome = state.outcomes.get(unit.name, Outcome())
        if unit.outcome.skipped:
            unit.invocation_id = ""
            records.log_skip(state, unit)
            return self._end_job(unit, JobResult.DONE)
        if self._is_started_too_often(unit):
            return self._refuse_start(unit)
        unit.invocation_id = f"{state.count():032x}"
        unit.exit = Exit()
        unit.active, unit.sub, unit.result = ActiveState.ACTIVATING, "start", "success"
        unit.activated, unit.ends_at = state.now, state.now + unit.outcome.duration
        state.executions.append(Execution(unit=unit.name, trigger=trigger, at=state.now))
        records.log_start(state, unit)
        if not unit.outcome.duration:
            self._finish(unit)
        return unit.job_id

    def _is_started_too_often(self, unit: Loaded) -> bool:
        """Note a start, and return whether it is one too many."""
        limit, now = unit.start_limit, self._state.now
        # systemd counts from the first start on, and anew after the interval.
        if not unit.starts or now - unit.starts[0] >= limit:
            unit.starts = []
        unit.starts.append(now)
        return bool(limit) and len(unit.starts) > unit.start_burst

    def _refuse_start(self, unit: Loaded) -> int:
        if unit.result == "success":
            unit.result = "start-limit-hit"
        records.log_refusal(self._state, unit)
        self._set_down(unit)
        return self._end_job(unit, JobResult.FAILED)

    def _finish(self, unit: Loaded) -> None:
        unit.result, unit.exit = unit.outcome.result, records.exit_of(unit.outcome)
        records.log_end(self._state, unit)
        succeeded = unit.result == "success"
        self._set_down(unit)
        self._end_job(unit, JobResult.DONE if succeeded else JobResult.FAILED)

    def _set_down(self, unit: Loaded) -> None:
        failed = unit.result != "success"
        unit.active = ActiveState.FAILED if failed else ActiveState.INACTIVE
        unit.sub = "failed" if failed else "dead"
        unit.ends_at = unit.next_elapse = None
        unit.deactivated = self._state.now

    def _end_job(self, unit: Loaded, result: JobResult) -> int:
        self._state.results[unit.job_id] = result
        unit.job = ""
        if unit.kind == "service":
            for other in self._state.loaded.values():
                is_waiting = other.sub == "running" and other.kind in _TRIGGERS
                if is_waiting and other.triggers == unit.name:
                    _ARM[other.kind](self._state, other)
                if other.sub == "elapsed" and other.text.last("Timer", "RemainAfterElapse") == "no":
                    self._set_down(other)
        return unit.job_id

    def _stop(self, unit: Loaded) -> int:
        was_up = unit.is_up
        if unit.job:
            self._end_job(unit, JobResult.CANCELED)
        unit.job_id = self._state.count()
        if unit.active is ActiveState.ACTIVATING and "auto-restart" in unit.sub:
            records.log_stopped(self._state, unit)
            unit.result = "success"  # what failed before counts no more
        elif unit.active is ActiveState.ACTIVATING:
            unit.result, unit.exit = "signal", Exit(code="killed", status="15")
            records.log_stop(self._state, unit)
        if was_up:
            self._set_down(unit)
        job = self._end_job(unit, JobResult.DONE)
        for other in list(self._state.loaded.values()):
            if unit.name in other.stopped_with and other.is_up:
                self._stop(other)
        return job

    def _settle(self, timer: Loaded) -> None:
        """Do what systemd does with a timer or path unit that is up when units are read again."""
        if timer.load_state == "not-found":
            timer.result = "resources"
            self._set_down(timer)
        elif timer.sub == "waiting":
            timer.spent.clear()
            _ARM[timer.kind](self._state, timer)

    def _waiting(self) -> Iterator[Loaded]:
        for unit in self._state.loaded.values():
            is_active = unit.active is ActiveState.ACTIVE
            if unit.kind in _TRIGGERS and is_active and unit.sub == "waiting":
                yield unit

    def _ended(self) -> list[Loaded]:
        now = self._state.now
        return [
            u for u in self._state.loaded.values() if u.ends_at is not None and u.ends_at <= now
        ]

    def _fire_due(self) -> None:
        now = self._state.now
        while due := [t for t in self._waiting() if t.next_elapse and t.next_elapse <= now]:
            for timer in sorted(due, key=lambda each: each.name):
                self._fire(timer)

    def _fire(self, timer: Loaded) -> None:
        service = load(self._state, timer.triggers)
        try:
            self._refuse(service, set())
        except SystemdError:
            timer.result = "resources"
            self._set_down(timer)
            return
        if timer.kind == "path" and is_over_limit(self._state, timer):
            timer.result = "trigger-limit-hit"
            self._set_down(timer)
            return
        timer.last_trigger = self._state.now
        if is_persistent(timer):
            self._state.stamps[timer.name] = self._state.now
        timer.sub, timer.next_elapse = "running", None
        self._start(service, trigger=timer.name)
