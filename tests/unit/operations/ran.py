# SPDX-License-Identifier: Apache-2.0
"""Runs of the past, as systemd and our programs have told them to the journal of a world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from debvisor_timers.history.records import JournalRecord, MessageId
from tests.unit.operations.world import World

OTHER_BOOT = "f" * 32
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run. took: None for one that is under way. result: systemd's word.

    attempts: how many; all but the last failed. skipped: why its program was not started.
    """

    start: datetime
    took: timedelta | None = timedelta(minutes=1)
    result: str = "success"
    status: int = 0
    attempts: int = 1
    skipped: str = ""
    trigger: str = "timer"
    scheduled: datetime | None = None
    boot: str = ""


def ran(world: World, job: str, *runs: Ran) -> None:
    """Append what the journal has of `runs` of the job, in the order of their times."""
    found = [record for run in runs for record in _records(world, job, run)]
    state = world.systemd.state
    state.records[:] = sorted([*state.records, *found], key=lambda each: each.realtime)


def days(
    world: World, job: str, *results: str, start: datetime, took: timedelta = timedelta(minutes=1)
) -> None:
    """Let the job have run once a day from `start` on; results: systemd's word on each, or ``."""
    runs = [
        Ran(
            start=start + timedelta(days=number),
            took=took,
            result=result,
            status=int(result == "exit-code"),
        )
        for number, result in enumerate(results)
        if result
    ]
    ran(world, job, *runs)


def swallowed(world: World, job: str, *, first: datetime, last: datetime, number: int) -> None:
    """Append that `number` elapses came while a run of the job was under way."""
    fields = {
        "MESSAGE_ID": str(MessageId.RUN_SKIPPED),
        "DEBVISOR_JOB": job,
        "DEBVISOR_REASON": "still running",
        "DEBVISOR_COUNT": str(number),
        "DEBVISOR_SCHEDULED_USEC": _usec(first),
        "DEBVISOR_LAST_USEC": _usec(last),
        "DEBVISOR_OVERLAPPED": "some-run",
    }
    state = world.systemd.state
    record = _record(world, last + timedelta(seconds=1), "", fields)
    state.records[:] = sorted([*state.records, record], key=lambda each: each.realtime)


def _records(world: World, job: str, run: Ran) -> list[JournalRecord]:
    number = next(_numbers)
    length = (run.took or timedelta()) / run.attempts
    found = []
    for attempt in range(1, run.attempts + 1):
        begin = run.start + (attempt - 1) * length
        one = _Attempt(job=job, run=run, number=number, attempt=attempt)
        found += [_record(world, begin, run.boot, fields) for fields in one.begin()]
        if run.took is not None:
            found += [_record(world, begin + length, run.boot, each) for each in one.end(length)]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    job: str
    run: Ran
    number: int
    attempt: int

    @property
    def is_last(self) -> bool:
        return self.attempt == self.run.attempts

    @property
    def of_systemd(self) -> dict[str, str]:
        """Return what each record of PID 1 has."""
        invocation = f"{self.number:028x}{self.attempt:04x}"
        unit = f"debvisor-job-{self.job}.service"
        return {"_PID": "1", "UNIT": unit, "INVOCATION_ID": invocation}

    @property
    def ours(self) -> dict[str, str]:
        """Return what each record of ours has."""
        return {
            "DEBVISOR_JOB": self.job,
            "DEBVISOR_RUN_ID": f"{self.run.start:%Y%m%dT%H%M%SZ}-{self.number:06x}",
            "DEBVISOR_START_USEC": _usec(self.run.start),
            "DEBVISOR_TRIGGER": self.run.trigger,
            "DEBVISOR_MAX_ATTEMPTS": str(max(self.run.attempts, 1)),
            "DEBVISOR_ATTEMPT": str(self.attempt),
            "DEBVISOR_INVOCATION_ID": self.of_systemd["INVOCATION_ID"],
            **({"DEBVISOR_SKIPPED": self.run.skipped} if self.run.skipped else {}),
            **(
                {"DEBVISOR_SCHEDULED_USEC": _usec(self.run.scheduled)} if self.run.scheduled else {}
            ),
        }

    def begin(self) -> list[dict[str, str]]:
        starting = {"MESSAGE_ID": str(MessageId.STARTING), "JOB_ID": str(self.number)}
        return [
            self.of_systemd | starting,
            self.ours | {"MESSAGE_ID": str(MessageId.RUN_BEGIN)},
        ]

    def end(self, length: timedelta) -> list[dict[str, str]]:
        at = _usec(self.run.start + self.attempt * length)
        result = self.run.result if self.is_last else "exit-code"
        ended = {
            "MESSAGE_ID": str(MessageId.RUN_END),
            "DEBVISOR_RESULT": result,
            "DEBVISOR_EXIT_CODE": "exited",
            "DEBVISOR_EXIT_STATUS": str(self.run.status if self.is_last else 1),
            "DEBVISOR_END_USEC": at,
            **({"DEBVISOR_FINAL": "1"} if self.is_last else {"DEBVISOR_RETRY_USEC": at}),
        }
        return [self.ours | ended, *self._end_of_systemd(result)]

    def _end_of_systemd(self, result: str) -> list[dict[str, str]]:
        failed = {"MESSAGE_ID": str(MessageId.FAILED), "UNIT_RESULT": result}
        restart = {"MESSAGE_ID": str(MessageId.RESTART)}
        done = {"MESSAGE_ID": str(MessageId.DONE), "JOB_RESULT": "done"}
        not_done = {"MESSAGE_ID": str(MessageId.NOT_STARTED), "JOB_RESULT": "failed"}
        if not self.is_last:
            found = [failed, restart]
        else:
            found = [done] if result == "success" else [failed, not_done]
        return [self.of_systemd | fields for fields in found]


def _record(world: World, at: datetime, boot: str, fields: dict[str, str]) -> JournalRecord:
    boot = boot or world.systemd.state.boot_id
    trusted = {"_BOOT_ID": boot, "_UID": "0", "_PID": "1000"}
    return JournalRecord(
        cursor=f"s=0;i={next(_numbers):x};b={boot}",
        realtime=at,
        boot_id=boot,
        fields={name: (str(value),) for name, value in {**trusted, **fields}.items()},
    )


def _usec(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1_000_000))
