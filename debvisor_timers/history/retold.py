# SPDX-License-Identifier: Apache-2.0
"""Runs that an index has, and that are told again."""

from __future__ import annotations

from dataclasses import replace

from debvisor_timers.history.outcome import Ending, RunOutcome
from debvisor_timers.history.runs import Run


def is_same(known: Run, told: Run) -> bool:
    """Return whether a run that may still change is now told by `told`, if by another name."""
    if known.job != told.job:
        return False
    if known.id == told.id or not {*known.invocation_ids}.isdisjoint(told.invocation_ids):
        return True
    # One that never started has neither, and no id of its own before systemd's last word on it.
    is_nameless = not known.invocation_ids and known.generation is None
    return is_nameless and (known.start, known.boot_id) == (told.start, told.boot_id)


def lost(run: Run) -> Run:
    """Return `run` as one of which nothing tells how it ended."""
    return replace(run, end=None, ending=Ending(outcome=RunOutcome.LOST))


def begun(known: Run, rest: Run) -> Run:
    """Return `rest` with the beginning that is known: what `begin` noted, and each attempt."""
    seen = set(rest.invocation_ids)
    attempts = [each for each in known.each_attempt if each.invocation_id not in seen]
    attempts += rest.each_attempt
    return replace(
        known,
        end=rest.end,
        ending=rest.ending,
        exit=rest.exit,
        cpu=rest.cpu,
        memory_peak=rest.memory_peak,
        result=rest.result,
        invocation_ids=tuple(dict.fromkeys((*known.invocation_ids, *rest.invocation_ids))),
        each_attempt=tuple(replace(each, number=number) for number, each in enumerate(attempts, 1)),
    )
