# SPDX-License-Identifier: Apache-2.0
"""News: however the journal is cut into parts, and whenever it is read, it tells the same runs."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debvisor_timers.history.index import Index
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import JournalRecord, MessageId
from debvisor_timers.history.runs import Run
from tests.unit.history.journals import (
    NAMES,
    ListedJournal,
    a_good_run,
    numbered,
    read_all,
    recorded,
    runs_in,
    runs_of,
    source,
    sync,
    told,
)
from tests.unit.history.recorded import read_case

BOOT, NEXT_BOOT = "b" * 32, "c" * 32
A, B, C = "a" * 32, "b" * 32, "c" * 32


def at_once(records: list[JournalRecord], *, current: str = "") -> list[Run]:
    """Return the runs of a journal that is read in one go, oldest first."""
    with closing(Index.in_memory()) as index:
        read_all(source(ListedJournal(several=records, current=current)), index)
        return runs_of(index)


def words(runs: list[Run]) -> list[tuple[str, str]]:
    return [(run.id, run.outcome_words) for run in runs]


@pytest.mark.parametrize("name", NAMES)
def test_an_index_gives_the_runs_that_the_head_of_a_recorded_journal_names(name: str) -> None:
    runs = at_once(list(recorded(name)), current=read_case(name).boot)

    expected = read_case(name).runs
    found = [
        {key: str(getattr(run, key)) for key in head}
        for run, head in zip(reversed(runs), expected, strict=True)
    ]
    assert found == expected


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_way_to_cut_the_journal_into_parts_and_syncs_gives_the_same_runs(
    data: st.DataObject,
) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    records = list(recorded(*sorted(names)))
    size = st.integers(2, 12)
    until = data.draw(st.lists(st.integers(1, len(records)), max_size=5))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index")
        for count in sorted(until):
            # What the clock says while it is read is not much later than what is read.
            now = max(record.realtime for record in records[:count])
            sync(
                path,
                source(ListedJournal(several=records[:count]), now),
                at_once=data.draw(size),
            )
        whole = source(ListedJournal(several=records))
        if until:
            with closing(Index.upon(path)) as layer:
                read_all(whole, layer, at_once=data.draw(size))
                laid_upon = runs_of(layer)
        sync(path, whole, at_once=data.draw(size))
        found = runs_in(path)

    expected = at_once(records)
    assert found == expected
    if until:
        assert laid_upon == expected


def test_each_single_record_may_be_the_last_that_a_reader_sees(tmp_path: Path) -> None:
    records = list(recorded(*NAMES))
    path = tmp_path / "index"
    for count in range(1, len(records) + 1, 3):
        sync(
            path,
            source(ListedJournal(several=records[:count]), records[count - 1].realtime),
        )
    sync(path, source(ListedJournal(several=records)))

    assert runs_in(path) == at_once(records)


def test_a_run_whose_attempts_seem_to_be_two_runs_is_one() -> None:
    """journald dropped systemd's records that tie them together: `begin` named the run twice."""
    records = numbered(
        [
            told(MessageId.RUN_BEGIN, 1, run="R", invocation=A),
            told(MessageId.FAILED, 2, invocation=A, UNIT_RESULT="exit-code"),
            told(MessageId.STARTING, 3, invocation=B, JOB_ID="7"),
            told(MessageId.RUN_BEGIN, 4, run="R", invocation=B),
            told(MessageId.RUN_END, 5, run="R", invocation=B, DEBVISOR_RESULT="success",
                 DEBVISOR_FINAL="1"),
            told(MessageId.DONE, 6, invocation=B, JOB_ID="7", JOB_RESULT="done"),
        ]
    )  # fmt: skip

    (run,) = at_once(records)

    assert (run.id, run.outcome, run.attempts) == ("R", RunOutcome.SUCCEEDED, 2)
    assert run.invocation_ids == (A, B)


@pytest.mark.parametrize("missing", range(4))
@pytest.mark.parametrize("name", ["retried", "retry-delay", "retried-in-vain", "refused", "lost"])
def test_no_gap_in_a_journal_keeps_it_from_being_read(name: str, missing: int) -> None:
    records = recorded(name)
    for first in range(len(records)):
        left = [*records[:first], *records[first + missing + 1 :]]
        if left:
            runs = at_once(left)
            assert len({(run.job, run.id) for run in runs}) == len(runs)


def test_a_run_that_is_vacuumed_within_a_minute_stays(tmp_path: Path) -> None:
    """Its pin is gone when the next run of the job is read."""
    first = a_good_run(0, run="R1", invocation=A)
    second = a_good_run(30, run="R2", invocation=B)
    records = numbered([*first, *second])
    path = tmp_path / "index"

    sync(path, source(ListedJournal(several=records[:5]), records[4].realtime))
    sync(path, source(ListedJournal(several=records[5:])))

    assert words(runs_in(path)) == [("R1", "succeeded"), ("R2", "succeeded")]


def test_a_run_whose_beginning_is_vacuumed_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    records = numbered(a_good_run(0, run="R1", invocation=A))
    path = tmp_path / "index"

    sync(path, source(ListedJournal(several=records[:2]), records[1].realtime))
    (begun,) = runs_in(path)
    # All but systemd's own words on its end.
    sync(path, source(ListedJournal(several=records[3:])))

    (run,) = runs_in(path)
    assert (run.id, run.start, run.trigger) == ("R1", begun.start, begun.trigger)
    assert run.outcome is RunOutcome.SUCCEEDED


def test_what_was_read_is_not_told_again_when_its_record_is_gone(tmp_path: Path) -> None:
    """A part of a run that is left would be another run, without its id."""
    first = a_good_run(0, run="R1", invocation=A)
    second = a_good_run(300, run="R2", invocation=B)
    path = tmp_path / "index"
    records = numbered([*first, *second])
    sync(path, source(ListedJournal(several=records[:5])))

    # The record that was read last is damaged, and what told of its beginning is gone.
    sync(path, source(ListedJournal(several=[records[3], *records[5:]])))

    assert words(runs_in(path)) == [("R1", "succeeded"), ("R2", "succeeded")]


def test_a_journal_that_never_finds_a_record_again_is_read_to_its_end(tmp_path: Path) -> None:
    class Forgetful(ListedJournal):
        def records_from(self, cursor: str, matches: object) -> None:
            return None

    several = [a_good_run(300 * n, run=f"R{n}", invocation=f"{n:032x}") for n in range(8)]
    records = numbered([record for run in several for record in run])
    path = tmp_path / "index"

    sync(path, source(Forgetful(several=records)), at_once=7)

    assert runs_in(path) == at_once(records)


def test_a_boot_whose_end_is_vacuumed_leaves_nothing_unsettled(tmp_path: Path) -> None:
    first = a_good_run(0, run="R1", invocation=A, boot=BOOT)
    cut = a_good_run(10, run="R2", invocation=C, boot=BOOT, job="other")[:2]
    second = a_good_run(600, run="R3", invocation=B, boot=NEXT_BOOT)
    records = numbered([*first, *cut, *second])
    path = tmp_path / "index"

    sync(path, source(ListedJournal(several=records[:7]), records[6].realtime))
    sync(path, source(ListedJournal(several=records[7:])))

    assert words(runs_in(path)) == [("R1", "succeeded"), ("R2", "lost"), ("R3", "succeeded")]
    with closing(Index.upon(path)) as index:
        unsettled = index.connection.execute("SELECT id FROM runs WHERE settled = 0").fetchall()
        assert unsettled == []
        sums = dict(index.connection.execute("SELECT job, sum(runs) FROM sums GROUP BY job"))
    assert sums == {"nightly": 2, "other": 1}


def test_boots_come_in_the_order_of_the_journal_though_the_clock_was_set_back() -> None:
    future = timedelta(days=400)
    first = [
        replace(record, realtime=record.realtime + future)
        for record in a_good_run(0, run="R1", invocation=A, boot="1" * 32)
    ]
    second = a_good_run(600, run="R2", invocation=B, boot="2" * 32)
    third = a_good_run(900, run="R3", invocation=C, boot="3" * 32)

    runs = at_once(numbered([*first, *second, *third]))

    assert [run.id for run in runs] == ["R1", "R2", "R3"]


def test_within_a_boot_runs_come_in_the_order_of_the_journal() -> None:
    runs = at_once(
        numbered(
            [*a_good_run(9000, run="R1", invocation=A), *a_good_run(0, run="R2", invocation=B)]
        )
    )

    assert [run.id for run in runs] == ["R1", "R2"]
    assert [run.outcome for run in runs] == [RunOutcome.SUCCEEDED] * 2


ODD_FIELDS = {
    "DEBVISOR_START_USEC": "9" * 30,
    "DEBVISOR_END_USEC": "9" * 18,
    "DEBVISOR_SCHEDULED_USEC": "²",
    "DEBVISOR_LAST_USEC": "9" * 5000,
    "DEBVISOR_GENERATION": "9" * 19,
    "DEBVISOR_CPU_USEC": "9" * 19,
    "DEBVISOR_MEMORY_PEAK": "9" * 40,
    "DEBVISOR_WAITED_USEC": "9" * 20,
    "DEBVISOR_COUNT": "9" * 20,
    "DEBVISOR_MAX_ATTEMPTS": "٣",
    "DEBVISOR_TRIGGER": "\x00",
    "DEBVISOR_RUN_ID": "x" * 100_000,
    "DEBVISOR_JOB": "../../etc/\x00passwd",
    "DEBVISOR_INVOCATION_ID": " ",
    "DEBVISOR_TRIGGER_RUNS": ":::: a: :b \x00",
    "DEBVISOR_EXIT_STATUS": "²",
    "DEBVISOR_RESULT": "?",
    "EXIT_STATUS": "9" * 5000,
    "CPU_USAGE_NSEC": "9" * 30,
    "MEMORY_PEAK": "-1",
    "JOB_ID": "²",
    "UNIT": "debvisor-job-.service",
    "_BOOT_ID": "no boot",
}


@pytest.mark.parametrize("name", ODD_FIELDS)
@pytest.mark.parametrize("case", ["success", "retried", "excluded", "lost", "cpu", "dependency"])
def test_a_field_of_nonsense_does_no_harm(case: str, name: str) -> None:
    """Whoever is root on a host can send it."""
    value = ODD_FIELDS[name]
    fields = {name: (value,)}
    odd = [
        replace(
            record,
            fields={**record.fields, **fields},
            boot_id=value if name == "_BOOT_ID" else record.boot_id,
        )
        for record in recorded(case)
    ]
    # The boot after them is sound.
    sound = a_good_run(0, run="R", invocation=C, boot=NEXT_BOOT)

    runs = at_once(numbered([*odd, *sound]))

    assert ("R", "succeeded") in words(runs)
    for run in runs:
        assert run.start.astimezone() is not None


def shifted(records: list[JournalRecord], by: timedelta) -> list[JournalRecord]:
    return [replace(record, realtime=record.realtime + by) for record in records]


@pytest.mark.parametrize("counts", [(5, 10, 12, 15, 15), (15, 15, 15), (11, 12, 13, 14, 15)])
@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_was_set_and_set_back_makes_no_run_of_another(
    tmp_path: Path, days: int, counts: tuple[int, ...]
) -> None:
    """The one in between is settled at once, and read again with the one before it."""
    first = a_good_run(0, run="R1", invocation=A)
    away = shifted(a_good_run(8, run="R2", invocation=B), timedelta(days=days))
    third = a_good_run(16, run="R3", invocation=C)
    records = numbered([*first, *away, *third])
    path = tmp_path / "index"
    for count in counts:
        sync(path, source(ListedJournal(several=records[:count]), records[count - 1].realtime))

    assert words(runs_in(path)) == [(f"R{number}", "succeeded") for number in (1, 2, 3)]
    sync(path, source(ListedJournal(several=records)))
    assert runs_in(path) == at_once(records)
    with closing(Index.upon(path)) as index:
        assert index.connection.execute("SELECT sum(runs) FROM sums").fetchone() == (3,)


def test_an_end_before_the_beginning_gives_no_negative_time() -> None:
    """The clock was set back while it ran."""
    records = a_good_run(0, run="R", invocation=A)
    back = [replace(record, realtime=record.realtime - timedelta(days=1)) for record in records[2:]]
    usec = str(round((records[0].realtime - timedelta(days=1)).timestamp() * 1e6))
    back = [
        replace(record, fields={**record.fields, "DEBVISOR_END_USEC": (usec,)}) for record in back
    ]

    (run,) = at_once(numbered([*records[:2], *back]))

    assert run.outcome is RunOutcome.SUCCEEDED
    assert run.duration is None or run.duration >= timedelta()


def test_the_newest_record_decides_how_long_a_run_may_still_change(tmp_path: Path) -> None:
    """It is quiet for a minute; then it is settled, and read no more."""
    records = numbered(a_good_run(0, run="R", invocation=A))
    path = tmp_path / "index"
    for seconds, settled in (59, 0), (61, 1):
        sync(
            path,
            source(
                ListedJournal(several=records), records[-1].realtime + timedelta(seconds=seconds)
            ),
        )
        with closing(Index.upon(path)) as index:
            found = index.connection.execute("SELECT settled FROM runs").fetchall()
            assert found == [(settled,)]
            assert bool(index.place(BOOT).pins) is not bool(settled)


def test_an_empty_journal_has_no_runs() -> None:
    assert at_once([], current=BOOT) == []


def test_a_cursor_of_another_machine_is_none_that_is_known(tmp_path: Path) -> None:
    records = numbered(a_good_run(0, run="R", invocation=A))
    path = tmp_path / "index"
    sync(path, source(ListedJournal(several=records)))
    other = [replace(each, cursor=f"s=f;i={n:x};m={n:x}") for n, each in enumerate(records)]

    sync(path, source(ListedJournal(several=other)))

    assert words(runs_in(path)) == [("R", "succeeded")]
