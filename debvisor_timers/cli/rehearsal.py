# SPDX-License-Identifier: Apache-2.0
"""How a run that is only rehearsed looks: `run --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from debvisor_timers.cli import held, times
from debvisor_timers.cli.output import echo_json, echo_titled
from debvisor_timers.history.document import seconds
from debvisor_timers.operations.documents.holding import mark_document

if TYPE_CHECKING:
    from debvisor_timers.operations.runs.rehearse import Lock, Need, Rehearsal


def echo_rehearsal(told: Rehearsal, *, force: bool, as_json: bool) -> None:
    """Print what would happen; force: nothing is asked of other jobs."""
    if as_json:
        echo_json(_document(told, force=force))
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


def _document(told: Rehearsal, *, force: bool) -> dict[str, object]:
    return {
        "job": told.job_id,
        "job_id": told.job_id,
        "dry_run": True,
        "service": told.service,
        "program": told.program,
        "user": told.user,
        "timeout_seconds": seconds(told.timeout),
        "max_attempts": told.attempts,
        "asks_for": [
            {
                "job": need.job_id,
                "type": str(need.kind),
                "wait_seconds": seconds(need.wait),
                "max_age_seconds": seconds(need.max_age),
            }
            for need in told.needs
            if not force
        ],
        "needs_units": list(told.units),
        "locks": [_lock_document(lock) for lock in told.locks],
        "paused": mark_document(told.pause),
        "refused": told.refused or None,
        "unit": told.text,
    }


def _lock_document(lock: Lock) -> dict[str, object]:
    return {
        "pool": lock.name if lock.is_pool else None,
        "job": None if lock.is_pool else lock.name,
        "places": lock.places,
        "of": lock.of,
        "policy": "skip" if lock.skips else "wait",
        "wait_seconds": seconds(lock.wait),
    }
