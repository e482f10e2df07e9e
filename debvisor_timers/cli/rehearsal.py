# SPDX-License-Identifier: Apache-2.0
"""How a run that is only rehearsed looks: `run --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from debvisor_timers.cli import times
from debvisor_timers.cli.output import echo_json, echo_titled
from debvisor_timers.operations.holding import words as held

if TYPE_CHECKING:
    from debvisor_timers.operations.runs.rehearse import Lock, Need, Rehearsal


def echo_rehearsal(told: Rehearsal, *, force: bool, as_json: bool) -> None:
    """Print what would happen; force: nothing is asked of other jobs."""
    if as_json:
        from debvisor_timers.operations.documents.rehearsal import rehearsal_document

        echo_json(rehearsal_document(told, force=force))
    else:
        echo_titled(_lines(told, force=force))


def _lines(told: Rehearsal, *, force: bool) -> Iterator[tuple[str, str]]:
    yield "would start", told.service
    yield "program", told.program
    yield "user", told.user
    yield "timeout", times.span(told.timeout) if told.timeout else "none"
    if told.attempts > 1:
        yield "attempts", f"up to {told.attempts}"
    for number, need in enumerate(told.needs):
        words = f"{need.job_id}, not asked (--force)" if force else _need(need)
        yield ("asks for" if number == 0 else ""), words
    for number, unit in enumerate(told.units):
        yield ("needs" if number == 0 else ""), unit
    for number, lock in enumerate(told.locks):
        yield ("takes" if number == 0 else ""), _lock(lock)
    if told.pause is not None:
        yield "paused", f"{held.long_words(told.pause)}; a run by hand takes place all the same"
    if told.refused:
        yield "but", f"{told.refused}; it would be refused"


def _need(need: Need) -> str:
    parts = {
        "requires": f"success of {need.job_id}",
        "step": f"a run of {need.job_id}, which is started first",
        "after": f"{need.job_id} to have ended, if it runs",
    }
    wait = f", waits up to {times.span(need.wait)}" if need.wait else ""
    age = f", no older than {times.span(need.max_age)}" if need.max_age else ""
    return f"{parts[need.kind]}{age}{wait}"


def _lock(lock: Lock) -> str:
    limit = f" up to {times.span(lock.wait)}" if lock.wait else ""
    if lock.is_pool:
        return f"{lock.places} of {lock.of} places in pool {lock.name}, waits{limit}"
    then = "is skipped while it runs" if lock.skips else f"waits{limit} while it runs"
    return f"the lock with {lock.name}, {then}"
