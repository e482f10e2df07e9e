# SPDX-License-Identifier: Apache-2.0
"""Rows: a run comes back from its row as it went in."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.outcome import Ending, Exit, RunName, RunOutcome, Trigger
from debvisor_timers.history.rows import (
    FIGURES,
    RUN_COLUMNS,
    IndexFileError,
    figures_of,
    moment,
    row_of,
    run_of,
    usec,
)
from debvisor_timers.history.runs import Run, assemble
from tests.unit.history.journals import NAMES, recorded
from tests.unit.history.recorded import read_case

MOMENTS = st.integers(0, 10**16 - 1).map(moment)
SPANS = st.timedeltas(
    min_value=moment(0) - moment(0), max_value=moment(10**15) - moment(0)
) | st.none()  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(0, 10**16 - 1) | st.none()
ENDINGS = st.builds(Ending, outcome=st.sampled_from(RunOutcome), reason=TEXTS)
EXITS = st.builds(Exit, code=TEXTS, status=TEXTS)
ATTEMPTS = st.builds(
    Attempt,
    number=st.integers(1, 900),
    invocation_id=TEXTS,
    start=MOMENTS,
    end=MOMENTS | st.none(),
    ending=ENDINGS,
    exit=EXITS,
)
RUNS = st.builds(
    Run,
    id=TEXTS,
    job=TEXTS,
    generation=NUMBERS,
    trigger=st.sampled_from(Trigger),
    by=TEXTS,
    scheduled_for=MOMENTS | st.none(),
    start=MOMENTS,
    end=MOMENTS | st.none(),
    ending=ENDINGS,
    exit=EXITS,
    cpu=SPANS,
    memory_peak=NUMBERS,
    invocation_ids=st.lists(TEXTS, max_size=3).map(tuple),
    boot_id=TEXTS,
    trigger_runs=st.lists(st.builds(RunName, job=TEXTS, id=TEXTS), max_size=2).map(tuple),
    retry_of=TEXTS,
    waited=SPANS,
    each_attempt=st.lists(ATTEMPTS, max_size=3).map(tuple),
    max_attempts=st.integers(1, 900) | st.none(),
    result=TEXTS,
    count=st.integers(1, 10**15),
    last_scheduled_for=MOMENTS | st.none(),
    overlapped=TEXTS,
)


def through_sqlite(run: Run) -> Run:
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f'"{name}" {kind}' for name, kind in RUN_COLUMNS.items())
    connection.execute(f"CREATE TABLE runs ({columns})")
    marks = ", ".join("?" * len(RUN_COLUMNS))
    connection.execute(f"INSERT INTO runs VALUES ({marks})", row_of(run))
    (row,) = connection.execute("SELECT * FROM runs")
    connection.close()
    return run_of(row)


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_run_comes_back(name: str) -> None:
    for run in assemble(recorded(name), current_boot=read_case(name).boot):
        assert run_of(row_of(run)) == run


@given(RUNS)
def test_any_run_comes_back(run: Run) -> None:
    assert through_sqlite(run) == run


@given(MOMENTS)
def test_a_moment_comes_back(when: object) -> None:
    assert moment(usec(when)) == when  # type: ignore[arg-type]


def test_figures_are_those_of_the_run() -> None:
    for run in assemble(recorded(*NAMES), current_boot=""):
        values = dict(zip(RUN_COLUMNS, row_of(run), strict=True))
        figures = figures_of([values[name] for name in FIGURES])
        seconds = None if run.duration is None else run.duration.total_seconds()
        assert figures.duration == pytest.approx(seconds) if seconds else not figures.duration
        assert (figures.job, figures.id, figures.outcome) == (run.job, run.id, run.outcome)
        assert (figures.trigger, figures.attempts) == (run.trigger, run.attempts)
        assert (figures.memory_peak, figures.elapses) == (run.memory_peak, run.count)


@pytest.mark.parametrize(
    ("column", "value"),
    [("more", "{"), ("more", "[]"), ("more", None), ("outcome", "?"), ("start", 1 << 62),
     ("start", None), ("end", "x")],
)  # fmt: skip
def test_a_row_of_nonsense_is_told(column: str, value: object) -> None:
    (run,) = assemble(recorded("success"), current_boot="")
    values = {**dict(zip(RUN_COLUMNS, row_of(run), strict=True)), column: value}
    with pytest.raises(IndexFileError, match="makes no sense"):
        run_of([*values.values()])
