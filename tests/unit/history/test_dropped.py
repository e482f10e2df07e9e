# SPDX-License-Identifier: Apache-2.0
"""Journals in which a record is missing: less may be known of a run, and nothing false."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.records import JournalRecord, MessageId
from debvisor_timers.history.runs import assemble
from tests.unit.history.recorded import CASES, Case, read_case

NAMES = sorted(path.stem for path in CASES.glob("*.jsonl"))


def outcomes(records: Sequence[JournalRecord], case: Case) -> list[str]:
    """Return how each run has ended, newest first."""
    return [str(run.outcome) for run in assemble(records, current_boot=case.boot)]


def without_each(case: Case) -> list[tuple[str, list[str]]]:
    """Return the outcomes without each record, with the name of its message."""
    return [
        (
            MessageId(record.get("MESSAGE_ID")).name,
            outcomes([*case.records[:number], *case.records[number + 1 :]], case),
        )
        for number, record in enumerate(case.records)
    ]


KNOWN_LESS: dict[str, dict[str, list[str]]] = {
    # The only record of a run.
    "assertion": {"NOT_STARTED": []},
    "condition": {"DONE": []},
    "dependency": {"NOT_STARTED": []},
    "lost-unsynced": {"RUN_END": ["succeeded"]},
    # Nothing tells that no attempt follows: `end` could not run.
    "bad-mount": {"NOT_STARTED": ["waiting"]},
    "bad-user": {"NOT_STARTED": ["waiting"]},
    "broken-end": {"NOT_STARTED": ["waiting"]},
    "no-environment-file": {"NOT_STARTED": ["waiting"]},
    "stopped-in-delay": {"STOPPED": ["waiting"], "RUN_END": ["failed"]},
    "reboot-in-delay": {"STOPPED": ["lost"], "RUN_END": ["failed"]},
    # `notify@` frees a unit that is stuck by a stop.
    "stuck": {"NOT_STARTED": ["stopped"]},
    # Only `end` tells a time-out that `run` has watched from a program that ends with 251.
    "watched-timeout": {"RUN_END": ["failed"]},
    "timeouts": {"RUN_END": ["failed"]},
    "watched-total": {"RUN_END": ["failed"]},
    # Attempts that end before any process, and so before a start is told.
    "retried-environment": {"RESTART": ["failed", "failed"], "NOT_STARTED": ["waiting"]},
    # Two starts that were refused are one, or one is two.
    "retried-user": {"RESTART": ["failed"] * 4, "NOT_STARTED": ["failed"] * 2},
}
"""What is told of runs without one of their records, where that is not the same as with it.

Some records may be missing without a trace: each of the outcomes here is one that may be told.
"""


@pytest.mark.parametrize("name", NAMES)
def test_without_any_one_record_a_run_has_ended_as_it_did_or_less_is_known(name: str) -> None:
    case = read_case(name)
    complete = outcomes(case.records, case)
    less = KNOWN_LESS.get(name, {})
    seen = set()
    for message, found in without_each(case):
        if found == complete:
            continue
        seen.add(message)
        assert found == less.get(message), message
    assert seen == set(less), "the table above is as long as it has to be"


def is_bad(name: str) -> bool:
    case = read_case(name)
    return not {"succeeded", "skipped", "running", "waiting"} & set(outcomes(case.records, case))


# The program of `stopped-well` has ended well: two records alone tell that somebody wanted it to.
BAD = [name for name in NAMES if is_bad(name) and name != "stopped-well"]


def test_there_are_many_ways_to_fail() -> None:
    assert len(BAD) >= 20


@given(st.sampled_from(BAD), st.data())
def test_whatever_is_missing_no_failure_becomes_a_success(name: str, data: st.DataObject) -> None:
    case = read_case(name)
    size = len(case.records)
    kept = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    records = [record for record, is_kept in zip(case.records, kept, strict=True) if is_kept]
    assert "succeeded" not in outcomes(records, case)
