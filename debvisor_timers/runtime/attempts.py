# SPDX-License-Identifier: Apache-2.0
"""Whether another attempt of a run follows, and when: by what `begin` noted of its retries.

Loaded by `end`; imports nothing of ours.
"""

import time

TIMED_OUT = "251"
"""The exit status of `run` where it has ended an attempt that took too long."""


def timed_out(state: dict[str, str], code: str, status: str) -> bool:
    """Return True when `run` ended the attempt, as it does where the unit's time-out is longer.

    The job's own program can end with the same status, but not make time pass.
    """
    if (code, status) != ("exited", TIMED_OUT) or "READY_AT" not in state:
        return False
    limits = [float(state["LIMIT"][:-1]) + float(state["READY_AT"])] if "LIMIT" in state else []
    if "TOTAL_UNTIL" in state:
        limits.append(float(state["TOTAL_UNTIL"]))
    return bool(limits) and time.monotonic() >= min(limits)


def next_delay(state: dict[str, str], fields: dict[str, str]) -> float | None:
    """Return the seconds until another attempt, None when this was the last."""
    result, delays = fields["DEBVISOR_RESULT"], state.get("DELAYS", "").split()
    attempt = int(fields.get("DEBVISOR_ATTEMPT", "1"))
    if result in {"success", "exec-condition"} or "DEBVISOR_STOPPED" in fields:
        return None
    kind = {"timeout": "timeout", "signal": "signal", "core-dump": "signal"}.get(result, "failure")
    if (
        attempt > len(delays)
        or kind not in state.get("RETRY_ON", "").split()
        or never(state, fields)
    ):
        return None
    delay = float(delays[attempt - 1][:-1])
    if "TOTAL_UNTIL" in state and time.monotonic() + delay >= float(state["TOTAL_UNTIL"]):
        return None
    return delay


def never(state: dict[str, str], fields: dict[str, str]) -> bool:
    """Return True when the exit status says that another attempt is useless: systemd makes none."""
    exits = state.get("NEVER_ON_EXIT", "").split()
    exited = fields.get("DEBVISOR_EXIT_CODE") == "exited"
    return exited and fields.get("DEBVISOR_EXIT_STATUS") in exits
