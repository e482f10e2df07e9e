# SPDX-License-Identifier: Apache-2.0
"""Noting how a run ended, where `end` could not: the file that dependents and readers look at."""

from __future__ import annotations

from collections.abc import Mapping

from debvisor_timers.history.fields import format_fields, read_fields
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host


def note_result(host: Host, job_id: str, fields: Mapping[str, str]) -> None:
    """Write `fields` as the last run and the newest end of the job, in the manner of `end`.

    The newest success is carried over. The note of the run while it was under way goes.
    Raises SystemdError naming the file that could not be written.
    """
    note_last(host, job_id, fields)
    durable.write_bytes(host.layout.ended / job_id, format_fields(fields), mode=0o644)
    # In this order: a note in `running` alone is that of a lost run.
    for folder in host.layout.running, host.layout.runs:
        noted = read_fields(folder / job_id).get("DEBVISOR_RUN_ID")
        if noted == fields["DEBVISOR_RUN_ID"]:
            durable.remove(folder / job_id)


def note_last(host: Host, job_id: str, fields: Mapping[str, str]) -> None:
    """Write `fields` as the last run of the job; the newest success is carried over."""
    last = {**fields, **_success(read_fields(host.layout.last / job_id))}
    durable.write_bytes(host.layout.last / job_id, format_fields(last), mode=0o644)


def note_reason(host: Host, job_id: str, run_id: str, reason: str) -> None:
    """Add to the last run why it failed, where `end` could not see it; nothing if it is another.

    $EXIT_STATUS is that of the program alone, not of a step before it (systemd 257).
    """
    path = host.layout.last / job_id
    fields = read_fields(path)
    if fields.get("DEBVISOR_RUN_ID") == run_id:
        durable.write_bytes(path, format_fields({**fields, "DEBVISOR_REASON": reason}), mode=0o644)


def _success(before: Mapping[str, str]) -> Mapping[str, str]:
    """Return the end and the id of the newest success before; none of a file without them."""
    kept = {name: before[name] for name in before if name.startswith("DEBVISOR_SUCCESS_")}
    is_one = before.get("DEBVISOR_RESULT") == "success" and "DEBVISOR_STOPPED" not in before
    if not kept and is_one:  # noted by a version that did not tell it apart
        return {
            "DEBVISOR_SUCCESS_USEC": before.get("DEBVISOR_END_USEC", ""),
            "DEBVISOR_SUCCESS_RUN": before.get("DEBVISOR_RUN_ID", ""),
        }
    return kept
