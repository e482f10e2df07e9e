# SPDX-License-Identifier: Apache-2.0
"""Results of tasks as history tells them, whatever the user of a job has sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from debvisor_timers.history.document import task_result_of
from debvisor_timers.history.records import JournalRecord, MessageId
from debvisor_timers.history.runs import Run, assemble
from tests.unit.history.recorded import read_case

CASE = read_case("success")


def run_with(text: str) -> Run:
    """Return the run of a recorded journal in which the task has sent `text` as its result."""
    end = next(each for each in CASE.records if each.get("MESSAGE_ID") == MessageId.RUN_END)
    sent: JournalRecord = replace(
        end,
        fields={
            "_SYSTEMD_UNIT": ("debvisor-job-ok.service",),
            "_SYSTEMD_INVOCATION_ID": end.fields["DEBVISOR_INVOCATION_ID"],
            "_BOOT_ID": end.fields["_BOOT_ID"],
            "MESSAGE_ID": (MessageId.TASK_RESULT,),
            "DEBVISOR_TASK_RESULT": (text,),
        },
    )
    at = CASE.records.index(end)
    records = [*CASE.records[:at], sent, *CASE.records[at:]]
    (run,) = assemble(records, current_boot=CASE.boot)
    return run


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", None),
        ('{"size": 7}', {"size": 7}),
        ("no JSON", None),
        ('{"a": NaN, "b": [1e999, -Infinity, 1.5]}', {"a": None, "b": [None, None, 1.5]}),
        (r'{"\ud800": "\udcff.img"}', {"\ufffd": "\ufffd.img"}),
        ("[" * 60_000, None),
        ("[" * 60 + "1" + "]" * 60, json.loads("[" * 50 + "null" + "]" * 50)),
    ],
    ids=["nothing", "mapping", "text", "numbers", "halves", "open", "deep"],
)
def test_a_result_can_be_written_as_json(text: str, result: object) -> None:
    found = task_result_of(run_with(text).task_result)

    assert found == result
    json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False).encode()


def test_of_a_result_that_is_too_long_the_length_is_kept() -> None:
    assert run_with('{"a": "' + "x" * 70_000 + '"}').task_result == '{"omitted_bytes": 70009}'
