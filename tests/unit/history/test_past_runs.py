# SPDX-License-Identifier: Apache-2.0
"""Runs that tests and benchmarks make up are read as the runs that they are meant to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from debvisor_timers.history.runs import RunOutcome, Trigger, assemble
from tests.models.past_runs import PastRun, exported, printed
from tests.unit.history.recorded import record

NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def test_what_is_made_up_is_read_as_it_was_meant() -> None:
    well = PastRun(job="backup", began=NIGHT, took=timedelta(minutes=3), output=("one", "two"))
    badly = PastRun(
        job="backup", began=NIGHT + timedelta(days=1), took=timedelta(minutes=5), status=3
    )
    entries = [
        entry for number, run in enumerate((well, badly), 1) for entry in run.records(number)
    ]
    records = [
        record({"__REALTIME_TIMESTAMP": str(at), **fields}, number=number)
        for number, (at, fields) in enumerate(entries)
    ]

    found = assemble(records, current_boot=records[0].boot_id)

    assert [(run.outcome, run.exit_status, run.trigger) for run in found] == [
        (RunOutcome.FAILED, 3, Trigger.TIMER),
        (RunOutcome.SUCCEEDED, 0, Trigger.TIMER),
    ]
    assert [run.id for run in found] == [badly.run_id, well.run_id]
    assert [run.invocation_ids for run in found] == [(badly.invocation,), (well.invocation,)]
    assert found[1].memory_peak == 41_943_040
    assert "DEBVISOR_RESULT=exit-code\n" in badly.note()


def test_a_record_is_written_as_journalctl_exports_it() -> None:
    said = exported((1_500_000, printed("a line")), 1_000_000)

    first, second, *_ = said.splitlines()
    assert (first, second) == ("__REALTIME_TIMESTAMP=1500000", "__MONOTONIC_TIMESTAMP=500000")
    assert said.endswith("MESSAGE=a line\n\n")
