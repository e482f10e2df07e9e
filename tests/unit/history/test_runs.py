# SPDX-License-Identifier: Apache-2.0
"""Runs from recorded journals: each way in which a run can end, and journals with holes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.history.records import OURS, JournalRecord, MessageId
from debvisor_timers.history.runs import RunName, RunOutcome, Trigger, assemble, matches
from tests.unit.history.recorded import CASES, read_case, record

OTHER_BOOT = "f" * 32


def without(records: list[JournalRecord], *messages: MessageId) -> list[JournalRecord]:
    return [record for record in records if record.get("MESSAGE_ID") not in messages]


def changed(record: JournalRecord, **fields: str) -> JournalRecord:
    values = {name: (value,) for name, value in fields.items()}
    return replace(record, fields={**record.fields, **values})


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.jsonl")))
def test_a_recorded_journal_gives_the_runs_that_its_head_names(name: str) -> None:
    case = read_case(name)
    runs = assemble(case.records, current_boot=case.boot)
    found = [
        {key: str(getattr(run, key)) for key in expected}
        for run, expected in zip(runs, case.runs, strict=True)
    ]
    assert found == case.runs


def test_the_recorded_journals_cover_every_outcome() -> None:
    seen = {
        expected["outcome"]
        for path in CASES.glob("*.jsonl")
        for expected in read_case(path.stem).runs
    }
    assert seen == {str(outcome) for outcome in RunOutcome}


def test_a_run_has_the_id_times_and_invocation_that_our_programs_noted() -> None:
    case = read_case("failure")
    (run,) = assemble(case.records, current_boot=case.boot)
    assert run.id == "20261123T143609Z-3a2d1b"
    assert run.start == datetime(2026, 11, 23, 14, 36, 9, 907672, tzinfo=UTC)
    assert run.duration == timedelta(milliseconds=140, microseconds=402)
    assert run.invocation_ids == ("54fb4ff6cdf146f387f9003558ee180f",)


def test_what_begin_noted_of_its_failure_is_the_reason() -> None:
    case = read_case("broken-begin")
    why = "begin: libvirt gives no answer"
    records = [
        changed(record, DEBVISOR_REASON=why)
        if record.get("MESSAGE_ID") == MessageId.RUN_END
        else record
        for record in case.records
    ]
    (run,) = assemble(records, current_boot=case.boot)
    assert run.outcome_words == f"failed ({why})"


def test_systemds_records_alone_tell_how_a_run_ended() -> None:
    case = read_case("failure")
    (run,) = assemble(without(case.records, *OURS), current_boot=case.boot)
    assert (run.outcome_words, run.exit_status) == ("failed (exit status 3)", 3)
    assert run.generation is None
    assert run.id == f"{run.start:%Y%m%dT%H%M%SZ}-{run.invocation_ids[0][:6]}"


def test_our_records_alone_tell_how_a_run_ended() -> None:
    case = read_case("failure")
    ours = [record for record in case.records if record.get("MESSAGE_ID") in OURS]
    (run,) = assemble(ours, current_boot=case.boot)
    assert (run.outcome_words, run.exit_status) == ("failed (exit status 3)", 3)
    assert run.end is not None


def test_our_record_of_the_end_alone_is_a_run() -> None:
    case = read_case("killed")
    end = [record for record in case.records if record.get("MESSAGE_ID") == MessageId.RUN_END]
    (run,) = assemble(end, current_boot=case.boot)
    assert (run.outcome_words, run.signal) == ("failed (killed by SIGKILL)", "SIGKILL")


def test_systemds_word_counts_for_more_than_ours() -> None:
    case = read_case("failure")
    lie = [
        changed(record, DEBVISOR_RESULT="success", DEBVISOR_EXIT_STATUS="0")
        if record.get("MESSAGE_ID") == MessageId.RUN_END
        else record
        for record in case.records
    ]
    (run,) = assemble(lie, current_boot=case.boot)
    assert run.outcome_words == "failed (exit status 3)"


def test_a_record_that_an_ordinary_user_sent_is_passed_over() -> None:
    case = read_case("success")
    forged = [changed(record, _UID="1000", _PID="4711") for record in case.records]
    assert len(forged) == 5
    assert assemble(forged, current_boot=case.boot) == []


def test_a_run_that_an_apply_kept_from_starting_is_skipped_and_ends_no_other() -> None:
    case = read_case("running")
    skipped = JournalRecord(
        cursor="",
        realtime=case.records[-1].realtime,
        boot_id=case.boot,
        fields={
            "_UID": ("0",),
            "MESSAGE_ID": (MessageId.RUN_SKIPPED,),
            "DEBVISOR_JOB": (case.records[0].get("DEBVISOR_JOB"),),
            "DEBVISOR_RUN_ID": ("20261123T143000Z-000001",),
            "DEBVISOR_TRIGGER": ("timer",),
            "DEBVISOR_REASON": ("an apply held its timer",),
        },
    )
    newer, older = assemble([*case.records, skipped], current_boot=case.boot)
    assert newer.outcome_words == "skipped (an apply held its timer)"
    assert older.outcome is RunOutcome.RUNNING


def test_a_run_without_an_end_is_lost_once_a_newer_one_is_there() -> None:
    case = read_case("running")
    later = [
        replace(
            changed(record, INVOCATION_ID="0" * 32, DEBVISOR_INVOCATION_ID="0" * 32, JOB_ID="99"),
            realtime=record.realtime + timedelta(minutes=1),
        )
        for record in case.records
    ]
    newer, older = assemble([*case.records, *later], current_boot=case.boot)
    assert (newer.outcome, older.outcome) == (RunOutcome.RUNNING, RunOutcome.LOST)


def test_the_same_job_number_in_another_boot_is_another_run() -> None:
    case = read_case("failure")
    other = [replace(record, boot_id=OTHER_BOOT) for record in case.records]
    runs = assemble([*other, *case.records], current_boot=case.boot)
    assert [run.boot_id for run in runs] == [case.boot, OTHER_BOOT]
    assert [run.attempts for run in runs] == [1, 1]


def test_a_retry_in_another_boot_is_another_run() -> None:
    case = read_case("retried")
    restart = [record.get("MESSAGE_ID") for record in case.records].index(MessageId.RESTART) + 1
    later = [replace(record, boot_id=OTHER_BOOT) for record in case.records[restart:]]
    newer, older = assemble([*case.records[:restart], *later], current_boot=OTHER_BOOT)
    assert newer.outcome is RunOutcome.SUCCEEDED
    assert older.outcome is RunOutcome.LOST
    assert [str(each.ending.outcome) for each in older.each_attempt] == ["failed"]


def test_each_attempt_has_its_own_times_and_exit() -> None:
    case = read_case("retried")
    (run,) = assemble(case.records, current_boot=case.boot)
    first, second = run.each_attempt
    assert (first.number, first.ending.words, first.exit.exit_status) == (
        1,
        "failed (exit status 3)",
        3,
    )
    assert (second.number, second.ending.words, second.exit.exit_status) == (2, "succeeded", 0)
    assert first.end is not None
    assert second.end == run.end
    assert second.end is not None
    assert run.start <= first.end < second.start < second.end
    assert run.invocation_ids == (first.invocation_id, second.invocation_id)
    assert second.duration is not None
    assert second.duration < timedelta(seconds=1)


def test_systemds_records_alone_tell_of_each_attempt() -> None:
    case = read_case("retried")
    (run,) = assemble(without(case.records, *OURS), current_boot=case.boot)
    assert (run.outcome, run.attempts) == (RunOutcome.SUCCEEDED, 2)
    words = [each.ending.words for each in run.each_attempt]
    assert words == ["failed (exit status 3)", "succeeded"]


def test_our_records_alone_tell_of_each_attempt() -> None:
    case = read_case("retried-in-vain")
    ours = [record for record in case.records if record.get("MESSAGE_ID") in OURS]
    (run,) = assemble(ours, current_boot=case.boot)
    assert (run.outcome_words, run.attempts) == ("failed (exit status 3)", 3)


def test_a_failed_attempt_that_another_run_follows_was_the_last() -> None:
    """A record of systemd's was lost, no power: a run that ended like that is no lost run."""
    case = read_case("retry-delay")
    later = [
        replace(
            changed(record, INVOCATION_ID="0" * 32, DEBVISOR_INVOCATION_ID="0" * 32, JOB_ID="99"),
            realtime=record.realtime + timedelta(minutes=1),
        )
        for record in case.records
    ]
    newer, older = assemble([*case.records, *later], current_boot=case.boot)
    assert newer.outcome is RunOutcome.WAITING
    assert older.outcome_words == "failed (exit status 3)"


def test_a_stop_by_hand_that_end_could_not_see_is_no_failure() -> None:
    """systemd gave `end` no answer; its record of the stop says so as well."""
    case = read_case("stopped")
    blind = [
        replace(record, fields={k: v for k, v in record.fields.items() if k != "DEBVISOR_STOPPED"})
        for record in case.records
    ]
    (run,) = assemble(blind, current_boot=case.boot)
    assert run.outcome is RunOutcome.STOPPED


def test_what_a_run_answers_repeats_and_had_to_wait_for_is_told() -> None:
    case = read_case("success")
    records = [
        changed(
            record,
            DEBVISOR_TRIGGER="chain",
            DEBVISOR_TRIGGER_RUNS="a:20261123T010000Z-000001 b:20261123T010000Z-000002",
            DEBVISOR_WAITED_USEC="90500000",
        )
        if record.get("MESSAGE_ID") in OURS
        else record
        for record in case.records
    ]
    (run,) = assemble(records, current_boot=case.boot)
    assert run.trigger is Trigger.CHAIN
    assert run.trigger_runs == (
        RunName(job="a", id="20261123T010000Z-000001"),
        RunName(job="b", id="20261123T010000Z-000002"),
    )
    assert run.waited == timedelta(seconds=90, milliseconds=500)


@pytest.mark.parametrize("noted", ["manual", "retry"])
def test_a_run_that_repeats_another_is_a_retry(noted: str) -> None:
    """Versions before have noted it as `manual`."""
    case = read_case("asked")
    old = "20261122T020000Z-000003"
    records = [
        changed(record, DEBVISOR_TRIGGER=noted, DEBVISOR_RETRY_OF=old)
        if record.get("MESSAGE_ID") in OURS
        else record
        for record in case.records
    ]
    (run,) = assemble(records, current_boot=case.boot)
    assert (run.trigger, run.retry_of, run.by) == (Trigger.RETRY, old, "alice")


def test_a_run_that_makes_up_for_a_time_is_due_at_that_time() -> None:
    case = read_case("timer")
    records = [
        changed(record, DEBVISOR_TRIGGER="catch_up", DEBVISOR_SCHEDULED_USEC="1795399200000000")
        if record.get("MESSAGE_ID") in OURS
        else record
        for record in case.records
    ]
    run = assemble(records, current_boot=case.boot)[-1]
    assert run.trigger is Trigger.CATCH_UP
    assert run.scheduled_for == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def test_a_trigger_that_nobody_knows_yet_is_unknown() -> None:
    case = read_case("success")
    records = [changed(record, DEBVISOR_TRIGGER="moon") for record in case.records]
    (run,) = assemble(records, current_boot=case.boot)
    assert run.trigger is Trigger.UNKNOWN


def test_elapses_that_came_while_the_job_ran_are_one_skip_with_a_count() -> None:
    case = read_case("running")
    job = case.records[0].get("DEBVISOR_JOB")
    skip = JournalRecord(
        cursor="",
        realtime=case.records[-1].realtime,
        boot_id=case.boot,
        fields={
            "_UID": ("0",),
            "MESSAGE_ID": (MessageId.RUN_SKIPPED,),
            "DEBVISOR_JOB": (job,),
            "DEBVISOR_REASON": ("still running",),
            "DEBVISOR_COUNT": ("3",),
            "DEBVISOR_SCHEDULED_USEC": ("1795399200000000",),
            "DEBVISOR_LAST_USEC": ("1795399320000000",),
            "DEBVISOR_OVERLAPPED": ("20261123T142900Z-000001",),
        },
    )
    skipped, running = assemble([*case.records, skip], current_boot=case.boot)
    assert skipped.outcome_words == "skipped (still running)"
    assert (skipped.count, skipped.attempts, skipped.trigger) == (3, 0, Trigger.TIMER)
    assert skipped.scheduled_for == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert skipped.last_scheduled_for == datetime(2026, 11, 23, 2, 2, tzinfo=UTC)
    assert skipped.overlapped == "20261123T142900Z-000001"
    assert (running.outcome, running.count) == (RunOutcome.RUNNING, 1)


def test_bytes_that_are_no_text_and_fields_with_several_values_are_read_as_what_they_are() -> None:
    about = {"_UID": "0", "_BOOT_ID": OTHER_BOOT, "MESSAGE_ID": str(MessageId.RUN_END)}
    ended = record(
        {
            **about,
            "__REALTIME_TIMESTAMP": "1795399200000000",
            "MESSAGE": [82, 117, 110, 255],
            "DEBVISOR_JOB": ["odd", "odd"],
            "DEBVISOR_RUN_ID": "20261123T020000Z-000001",
            "DEBVISOR_RESULT": "exit-code",
            "DEBVISOR_FINAL": "1",
            "DEBVISOR_REASON": [98, 97, 100, 32, 254],
            "DEBVISOR_TAG": ["a=1", [98, 61, 255]],
        }
    )
    assert ended.fields["DEBVISOR_TAG"] == ("a=1", "b=\N{REPLACEMENT CHARACTER}")
    assert ended.get("MESSAGE") == "Run\N{REPLACEMENT CHARACTER}"
    (run,) = assemble([ended], current_boot=OTHER_BOOT)
    assert (run.job, run.outcome) == ("odd", RunOutcome.FAILED)


def test_runs_of_several_jobs_are_kept_apart() -> None:
    first, second = read_case("success"), read_case("failure")
    runs = assemble([*first.records, *second.records], current_boot=first.boot)
    assert [(run.job, str(run.outcome)) for run in runs] == [
        ("failure", "failed"),
        ("ok", "succeeded"),
    ]


def test_a_record_about_several_units_counts_for_each_job() -> None:
    (one,) = read_case("dependency").records
    units = ("debvisor-job-one.service", "debvisor-job-two.service", "ssh.service")
    both = replace(one, fields={**one.fields, "UNIT": units})
    runs = assemble([both], current_boot=one.boot_id)
    assert {run.job for run in runs} == {"one", "two"}


def test_records_of_other_units_and_other_messages_are_passed_over() -> None:
    case = read_case("success")
    other_unit = changed(case.records[0], UNIT="ssh.service")
    other_message = changed(case.records[0], MESSAGE_ID="0" * 32)
    assert assemble([other_unit, other_message], current_boot=case.boot) == []


def test_a_stop_after_the_end_changes_nothing() -> None:
    failed, stopped = read_case("failure"), read_case("stopped")
    stop = next(r for r in stopped.records if r.get("MESSAGE_ID") == MessageId.STOPPED)
    late = changed(
        stop,
        UNIT=failed.records[0].get("UNIT"),
        INVOCATION_ID=failed.records[0].get("INVOCATION_ID"),
    )
    late = replace(late, boot_id=failed.boot)
    (run,) = assemble([*failed.records, late], current_boot=failed.boot)
    assert run.outcome is RunOutcome.FAILED


def test_only_trusted_fields_are_asked_for() -> None:
    systemd, ours, result = matches("backup")
    assert (systemd["_PID"], systemd["UNIT"]) == ("1", "debvisor-job-backup.service")
    assert MessageId.DONE in systemd["MESSAGE_ID"]
    assert MessageId.RUN_END not in systemd["MESSAGE_ID"]
    assert (ours["_UID"], ours["DEBVISOR_JOB"]) == ("0", "backup")
    assert set(ours["MESSAGE_ID"]) == OURS
    assert result == {
        "_SYSTEMD_UNIT": "debvisor-job-backup.service",
        "MESSAGE_ID": MessageId.TASK_RESULT,
    }
