# SPDX-License-Identifier: Apache-2.0
"""The journal records that PID 1 writes about services, as systemd 257 words them."""

from __future__ import annotations

from collections.abc import Mapping

from debvisor_timers.history.outcome import Exit
from debvisor_timers.history.records import JournalRecord
from debvisor_timers.systemd.memory.state import Loaded, Outcome, State

STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
DONE = "39f53479d3a045ac8e11786248231fbf"
FAILED = "be02cf6855d2428ba40df7e9d022f03d"
STOPPED = "9d1aaa27d60140bd96365438aad20286"
EXITED = "98e322203f7a4ed290d09fe03c09fe15"
RESULT = "d9b373ed55a64feb8242e02dbe79a49c"
DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"

_SIGNALS = {"signal": "15", "timeout": "15"}


def append(state: State, fields: Mapping[str, str]) -> None:
    """Append a record with `fields`, those that journald adds included."""
    number = state.count()
    trusted = {"_BOOT_ID": state.boot_id, "_UID": "0", "_GID": "0", "_TRANSPORT": "journal"}
    state.records.append(
        JournalRecord(
            cursor=f"s=0;i={number:x};b={state.boot_id}",
            realtime=state.now,
            boot_id=state.boot_id,
            fields={name: (value,) for name, value in {**trusted, **fields}.items()},
        )
    )


def log_start(state: State, unit: Loaded) -> None:
    """Write what is written when a service is about to run."""
    _log(state, unit, f"Starting {unit.name}...", STARTING, JOB_TYPE="start", **_job(unit))


def log_end(state: State, unit: Loaded) -> None:
    """Write what is written when a service has run, by its result."""
    if unit.result == "success":
        _log(state, unit, f"{unit.name}: Deactivated successfully.", DEACTIVATED)
        _log_job(state, unit, f"Finished {unit.name}.", DONE, "done")
        return
    log_failure(state, unit)
    _log_job(state, unit, f"Failed to start {unit.name}.", FAILED, "failed")


def log_failure(state: State, unit: Loaded) -> None:
    """Write how the program ended, and that this is a failure."""
    _log(
        state,
        unit,
        f"{unit.name}: Main process exited",
        EXITED,
        EXIT_CODE=unit.exit.code,
        EXIT_STATUS=unit.exit.status,
        COMMAND="ExecStart",
    )
    message = f"{unit.name}: Failed with result '{unit.result}'."
    _log(state, unit, message, RESULT, UNIT_RESULT=unit.result)


def exit_of(outcome: Outcome) -> Exit:
    """Return how the program of a service with this outcome ends."""
    if signal := _SIGNALS.get(outcome.result):
        return Exit(code="killed", status=signal)
    return Exit(code="exited", status=str(outcome.exit_status))


def log_refusal(state: State, unit: Loaded) -> None:
    """Write that a start limit was hit; with the invocation of the run before."""
    message = f"{unit.name}: Failed with result '{unit.result}'."
    _log(state, unit, message, RESULT, UNIT_RESULT=unit.result)
    _log_job(state, unit, f"Failed to start {unit.name}.", FAILED, "failed")


def log_stop(state: State, unit: Loaded) -> None:
    """Write what is written when a running service was stopped."""
    log_failure(state, unit)
    log_stopped(state, unit)


def log_stopped(state: State, unit: Loaded) -> None:
    """Write that a stop job is done, which is all where no process ran."""
    message = f"Stopped {unit.name}."
    _log(state, unit, message, STOPPED, JOB_TYPE="stop", JOB_RESULT="done", **_job(unit))


def log_skip(state: State, unit: Loaded) -> None:
    """Write the only record of a run whose condition is not met: it has no invocation."""
    _log_job(state, unit, f"{unit.name} skipped, unmet condition check", DONE, "done")


def log_dependency(state: State, unit: Loaded) -> None:
    """Write that `unit` did not run because what it requires failed."""
    _log_job(state, unit, f"Dependency failed for {unit.name}.", FAILED, "dependency")


def _log_job(state: State, unit: Loaded, message: str, message_id: str, result: str) -> None:
    _log(state, unit, message, message_id, JOB_TYPE="start", JOB_RESULT=result, **_job(unit))


def _job(unit: Loaded) -> dict[str, str]:
    return {"JOB_ID": str(unit.job_id)}


def _log(state: State, unit: Loaded, message: str, message_id: str, **fields: str) -> None:
    extra = unit.text.words("Service", "LogExtraFields")
    append(
        state,
        {
            "_PID": "1",
            "_COMM": "systemd",
            "_SYSTEMD_UNIT": "init.scope",
            "SYSLOG_IDENTIFIER": "systemd",
            "PRIORITY": "6",
            "UNIT": unit.name,
            "INVOCATION_ID": unit.invocation_id,
            "MESSAGE": message,
            "MESSAGE_ID": message_id,
            **dict(field.split("=", 1) for field in extra if "=" in field),
            **fields,
        },
    )
