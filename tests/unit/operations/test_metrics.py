# SPDX-License-Identifier: Apache-2.0
"""metrics: what Prometheus is told of the jobs of a host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from debvisor_timers.history.records import AUDIT_MESSAGE_ID as AUDIT
from debvisor_timers.history.totals import Totals
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.measuring.metric_table import TABLE
from debvisor_timers.operations.measuring.metrics import applied_textfile, job_counts, metrics
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    STOPPED_AT_TWO,
    SUCCEEDED_AT_TWO,
    note_last,
    note_under_way,
)
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"
HOSTILE = r"""
jobs:
  nightly:
    name: "a \"b\" \\ c, {d=\"e\"} # é ✓"
    owner: "o'p\\n"
    command: [/bin/true]
"""
Labels = tuple[tuple[str, str], ...]
Values = Mapping[Labels, float]


def read(world: World) -> Mapping[str, Values]:
    """Return each value by the name of its metric, without our prefix, and by its labels."""
    text = metrics(world.host).text.decode()
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("debvisor_timers_")
            labels = {key: value for key, value in sample.labels.items() if key != "job_id"}
            found.setdefault(name, {})[tuple(labels.items())] = sample.value
    return found


def job(world: World, name: str) -> float:
    """Return the only value of a metric of the only job."""
    [value] = read(world)[f"job_{name}"].values()
    return value


def run(world: World, outcome: Outcome | None = None) -> None:
    """Let nightly run at once."""
    world.systemd.set_outcome(SERVICE, outcome or Outcome())
    world.systemd.manager.start([SERVICE])


# --- the host ------------------------------------------------------------------------------------


def test_a_host_without_jobs_has_metrics_all_the_same(world: World) -> None:
    found = read(world)

    assert set(found["jobs"].values()) == {0}
    assert found["generation"] == {(): 0}
    assert found["apply_pending"] == {(): 0}
    assert found["index_lag_seconds"] == {(): 0}
    assert found["metrics_timestamp_seconds"] == {(): 1795435207}
    assert "job_info" not in found
    assert "last_apply_timestamp_seconds" not in found


def test_the_host_tells_of_applies(world: World) -> None:
    world.apply(TWO)

    found = read(world)

    assert found["generation"] == {(): 1}
    assert found["last_apply_timestamp_seconds"] == {(): 1795435207}
    assert found["target_active"] == {(): 1}
    assert found["jobs"][(("state", "scheduled"),)] == 2
    assert found["apply_interrupted"] == {(): 0}


def test_an_edit_of_the_yaml_and_of_a_unit_are_pending(world: World) -> None:
    world.apply(NIGHTLY)
    assert read(world)["apply_pending"] == {(): 0}

    world.write(TWO)
    assert read(world)["apply_pending"] == {(): 1}

    world.apply()
    assert read(world)["apply_pending"] == {(): 0}


def test_errors_of_the_yaml_are_counted(world: World) -> None:
    world.apply(NIGHTLY)
    world.write("jobs: {a: {}, b: {command: 7, shedule: x}}\n", "b.yaml")

    assert read(world)["definition_errors"][()] >= 2


def test_the_brake_is_told(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.manager.stop([TARGET])

    found = read(world)

    assert found["target_active"] == {(): 0}
    assert found["job_stopped"] == {(): 1}


def test_what_is_held_back_is_told(world: World) -> None:
    world.apply(NIGHTLY)
    found = read(world)
    assert (found["maintenance"], found["job_paused"]) == ({(): 0}, {(): 0})

    for path in (world.layout.maintenance, world.layout.paused / "nightly"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")

    found = read(world)
    assert (found["maintenance"], found["job_paused"]) == ({(): 1}, {(): 1})


def test_an_apply_that_was_cut_off_is_told(world: World) -> None:
    world.apply(NIGHTLY)
    (world.layout.state / "apply.json").write_text("{}", encoding="utf-8")

    assert read(world)["apply_interrupted"] == {(): 1}


def test_a_stopped_timer_is_told(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.manager.stop(["debvisor-job-nightly.timer"])

    found = read(world)

    assert (found["target_active"], found["job_stopped"]) == ({(): 1}, {(): 1})
    assert "job_next_start_timestamp_seconds" not in found


# --- the last run --------------------------------------------------------------------------------


def test_a_job_that_never_ran_has_no_last_run(world: World) -> None:
    world.apply(NIGHTLY)

    found = read(world)

    assert not [name for name in found if name.startswith("job_last_")]
    assert found["job_consecutive_failures"] == {(): 0}
    assert found["job_next_start_timestamp_seconds"] == {(): 1795485600}
    assert found["job_enabled"] == {(): 1}
    assert found["job_running"] == {(): 0}
    assert found["job_timeout_seconds"] == {(): 3600}


def test_counters_begin_at_zero_so_that_the_first_failure_is_a_rise(world: World) -> None:
    world.apply(NIGHTLY)

    found = read(world)

    assert {labels[0][1]: value for labels, value in found["job_runs_total"].items()} == {
        "succeeded": 0,
        "failed": 0,
        "timed_out": 0,
        "stopped": 0,
        "lost": 0,
    }
    assert found["job_skipped_elapses_total"] == {(("reason", "overlap"),): 0}
    assert found["job_attempts_total"] == {(): 0}


def test_the_last_run_is_that_of_the_file_which_end_leaves(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", FAILED_AT_TWO)

    found = read(world)

    assert found["job_last_start_timestamp_seconds"] == {(): 1795399200}
    assert found["job_last_end_timestamp_seconds"] == {(): 1795399290.5}
    assert found["job_last_duration_seconds"] == {(): 90.5}
    assert found["job_last_success"] == {(): 0}
    assert found["job_last_outcome"] == {(("outcome", "failed"),): 1}
    assert found["job_consecutive_failures"] == {(): 1}
    assert "job_last_success_timestamp_seconds" not in found


def test_a_success_and_the_newest_success_are_told(world: World) -> None:
    world.apply(NIGHTLY)
    success = "DEBVISOR_SUCCESS_USEC=1795399290500000\nDEBVISOR_ATTEMPT=2\n"
    note_last(world, "nightly", SUCCEEDED_AT_TWO + success)

    found = read(world)

    assert found["job_last_success"] == {(): 1}
    assert found["job_last_success_timestamp_seconds"] == {(): 1795399290.5}
    assert found["job_last_attempts"] == {(): 2}


def test_a_run_that_was_stopped_is_neither_success_nor_failure(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", STOPPED_AT_TWO)

    found = read(world)

    assert found["job_last_outcome"] == {(("outcome", "stopped"),): 1}
    assert found["job_last_success"] == {(): 0}
    assert found["job_consecutive_failures"] == {(): 0}


def test_of_a_lost_run_nobody_knows_the_end(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", FAILED_AT_TWO.replace("=exit-code", "=lost"))

    found = read(world)

    assert found["job_last_outcome"] == {(("outcome", "lost"),): 1}
    assert found["job_last_start_timestamp_seconds"] == {(): 1795399200}
    assert "job_last_end_timestamp_seconds" not in found
    assert "job_last_duration_seconds" not in found


def test_without_that_file_the_history_tells_of_the_last_run(world: World) -> None:
    world.apply(NIGHTLY)
    run(world, Outcome.failure(3))

    found = read(world)

    assert found["job_last_outcome"] == {(("outcome", "failed"),): 1}
    assert found["job_last_start_timestamp_seconds"] == {(): 1795435207}


def test_a_run_that_is_under_way_is_told_with_its_begin(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(world, "nightly")

    found = read(world)

    assert found["job_running"] == {(): 1}
    assert found["job_running_since_timestamp_seconds"] == {(): 1795435200}


# --- failures in a row ---------------------------------------------------------------------------


def test_failures_are_counted_from_the_last_success(world: World) -> None:
    world.apply(NIGHTLY)
    for outcome in (Outcome.failure(1), Outcome(), Outcome.failure(1), Outcome.failure(2)):
        run(world, outcome)
        world.systemd.advance(timedelta(minutes=5))

    assert job(world, "consecutive_failures") == 2


def test_a_success_ends_the_row(world: World) -> None:
    world.apply(NIGHTLY)
    for outcome in (Outcome.failure(1), Outcome.failure(1), Outcome()):
        run(world, outcome)
        world.systemd.advance(timedelta(minutes=5))

    assert job(world, "consecutive_failures") == 0


# --- counters ------------------------------------------------------------------------------------


def test_runs_are_counted_by_their_end_and_their_trigger(world: World) -> None:
    world.apply(NIGHTLY)
    for outcome in (Outcome(), Outcome(), Outcome.failure(1)):
        run(world, outcome)
        world.systemd.advance(timedelta(minutes=5))

    found = read(world)

    assert found["job_runs_total"][(("outcome", "succeeded"),)] == 2
    assert found["job_runs_total"][(("outcome", "failed"),)] == 1
    assert sum(found["job_starts_total"].values()) == 3
    assert found["job_attempts_total"] == {(): 3}
    assert found["job_duration_seconds_count"] == {(): 3}
    assert found["job_duration_seconds_bucket"][(("le", "1.0"),)] == 3
    assert found["job_duration_seconds_bucket"][(("le", "+Inf"),)] == 3


def test_skipped_starts_are_counted_by_the_kind_of_reason_and_by_their_number(world: World) -> None:
    world.apply(NIGHTLY)
    for reason, count in (("still running", 7), ("excluded: x (2026-12-25)", 1), ("odd", 1)):
        world.systemd.journal.send(skipped(reason, count))
        world.systemd.advance(timedelta(minutes=5))

    assert read(world)["job_skipped_elapses_total"] == {
        (("reason", "overlap"),): 7,
        (("reason", "excluded"),): 1,
        (("reason", "other"),): 1,
    }


def test_reasons_of_one_kind_are_added_up() -> None:
    skips = {("a", "paused"): 2, ("a", "paused: by bob"): 3, ("b", "paused"): 1}

    counts = job_counts(Totals(skips=skips))

    assert {job_id: dict(each.skips) for job_id, each in counts.items()} == {
        "a": {"paused": 5},
        "b": {"paused": 1},
    }


def skipped(reason: str, count: int) -> dict[str, str]:
    return {
        "MESSAGE_ID": "3d0f0a1c5e1b4b6f9a0c7d2e8b514f63",
        "DEBVISOR_JOB": "nightly",
        "DEBVISOR_REASON": reason,
        "DEBVISOR_COUNT": str(count),
    }


def test_counters_do_not_fall_when_the_journal_is_vacuumed(world: World) -> None:
    world.apply(NIGHTLY)
    for outcome in (Outcome(), Outcome.failure(1)):
        run(world, outcome)
        world.systemd.advance(timedelta(minutes=5))
    world.systemd.journal.send(skipped("paused", 3))
    audit(world, "done", "failed")
    world.systemd.advance(timedelta(minutes=5))
    before = counters(world)
    assert before["applies_total"][(("result", "failed"),)] == 1

    vacuum(world)

    assert counters(world) == before


def test_what_comes_after_a_vacuum_is_added(world: World) -> None:
    world.apply(NIGHTLY)
    run(world)
    audit(world, "done")
    world.systemd.advance(timedelta(minutes=5))
    read(world)
    vacuum(world)

    run(world)
    audit(world, "done")
    world.systemd.advance(timedelta(minutes=5))

    found = read(world)
    assert found["job_runs_total"][(("outcome", "succeeded"),)] == 2
    assert found["applies_total"][(("result", "done"),)] == 2


def counters(world: World) -> dict[str, Values]:
    found = read(world)
    names = {metric.name.removeprefix("debvisor_timers_") for metric in TABLE}
    assert {name for name in found if name.endswith("_total")} <= names
    return {name: values for name, values in found.items() if name.endswith("_total")}


def vacuum(world: World) -> None:
    world.systemd.state.records.clear()


def audit(world: World, *results: str) -> None:
    for result in results:
        fields = {"DEBVISOR_AUDIT_VERB": "apply", "DEBVISOR_AUDIT_RESULT": result}
        world.systemd.journal.send({"MESSAGE_ID": AUDIT, **fields})


def test_applies_are_counted_once_each_and_nothing_else_is(world: World) -> None:
    audit(world, "done", "refused", "something new")
    fields = {"DEBVISOR_AUDIT_VERB": "run", "DEBVISOR_AUDIT_RESULT": "done"}
    world.systemd.journal.send({"MESSAGE_ID": AUDIT, **fields})

    for _ in range(2):
        found = read(world)["applies_total"]

        assert {labels[0][1]: value for labels, value in found.items()} == {
            "done": 1,
            "refused": 1,
            "failed": 0,
            "undone": 0,
        }


def test_a_record_that_a_crash_had_sent_twice_counts_once(world: World) -> None:
    fields = {"DEBVISOR_AUDIT_VERB": "apply", "DEBVISOR_AUDIT_RESULT": "done"}
    for number in ("1", "2", "2", "1"):
        link = {"DEBVISOR_AUDIT_CHAIN": "a", "DEBVISOR_AUDIT_NUMBER": number}
        world.systemd.journal.send({"MESSAGE_ID": AUDIT, **fields, **link})
        read(world)

    assert read(world)["applies_total"][(("result", "done"),)] == 2


def test_applies_are_not_counted_again_when_the_journal_has_lost_the_newest_record(
    world: World,
) -> None:
    """A file in the middle of the journal was damaged: what is older is there, and is known."""
    for number in range(1, 31):
        fields = {"VERB": "apply", "RESULT": "done", "CHAIN": "c", "NUMBER": str(number)}
        record = {f"DEBVISOR_AUDIT_{name}": value for name, value in fields.items()}
        digest = {"DEBVISOR_AUDIT_DIGEST": f"{number:064}"}
        world.systemd.journal.send({"MESSAGE_ID": AUDIT, **record, **digest})
    assert read(world)["applies_total"][(("result", "done"),)] == 30

    world.systemd.state.records.pop()

    assert read(world)["applies_total"][(("result", "done"),)] == 30


def test_applies_of_a_chain_before_the_newest_are_not_counted_again(world: World) -> None:
    """The audit had begun a new chain; then the journal lost the record that was read last."""
    for chain in "ab":
        for number in range(1, 31):
            fields = {"VERB": "apply", "RESULT": "done", "CHAIN": chain, "NUMBER": str(number)}
            record = {f"DEBVISOR_AUDIT_{name}": value for name, value in fields.items()}
            digest = {"DEBVISOR_AUDIT_DIGEST": f"{chain}{number:063}"}
            world.systemd.journal.send({"MESSAGE_ID": AUDIT, **record, **digest})
    assert read(world)["applies_total"][(("result", "done"),)] == 60

    world.systemd.state.records.pop()

    assert read(world)["applies_total"][(("result", "done"),)] == 60


def test_a_broken_count_of_applies_is_made_anew(world: World) -> None:
    audit(world, "done")
    world.layout.state.mkdir(exist_ok=True)
    (world.layout.state / "applies.json").write_text("{broken", encoding="utf-8")

    assert read(world)["applies_total"][(("result", "done"),)] == 1


# --- the index -----------------------------------------------------------------------------------


def test_the_lag_is_the_age_of_what_the_index_lacks(world: World) -> None:
    world.apply(NIGHTLY)
    run(world)
    world.layout.index.mkdir(parents=True)  # no file can be made there
    world.systemd.advance(timedelta(minutes=90))

    assert read(world)["index_lag_seconds"] == {(): 5400}


def test_an_index_that_could_be_written_has_no_lag(world: World) -> None:
    world.apply(NIGHTLY)
    run(world)
    world.systemd.advance(timedelta(minutes=90))

    assert read(world)["index_lag_seconds"] == {(): 0}


# --- how it is written ---------------------------------------------------------------------------


def test_hostile_labels_come_back_as_they_were(world: World) -> None:
    world.apply(HOSTILE)

    [labels] = read(world)["job_info"]

    assert dict(labels) == {
        "name": 'a "b" \\ c, {d="e"} # é ✓',
        "owner": "o'p\\n",
        "priority": "normal",
    }


def test_every_metric_has_help_and_type_once(world: World) -> None:
    world.apply(TWO)
    run(world)

    lines = metrics(world.host).text.decode().splitlines()

    helps = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    types = [line.removeprefix("# TYPE ") for line in lines if line.startswith("# TYPE ")]
    assert len(helps) == len(set(helps)) == len(types)
    told = {metric.name: f"{metric.name} {metric.type}" for metric in TABLE}
    assert types == [told[name] for name in helps]


def test_a_job_that_is_gone_from_the_yaml_is_told_until_it_is_removed(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY)

    assert read(world)["jobs"][(("state", "orphaned"),)] == 1

    world.apply()
    assert read(world)["jobs"][(("state", "orphaned"),)] == 0


def test_a_thousand_jobs_are_told_in_a_moment(world: World) -> None:
    jobs = "".join(
        f'  job-{n}: {{schedule: "{n % 60} 2 * * *", command: [/bin/true]}}\n' for n in range(1000)
    )
    world.apply(f"jobs:\n{jobs}")
    world.systemd.advance_to(datetime(2026, 11, 24, 4, tzinfo=UTC))
    metrics(world.host)

    begun = time.process_time()
    text = metrics(world.host).text

    assert time.process_time() - begun < 5  # the bench measures; this is for a slip of the pen
    assert len(text) < 6_000_000
    assert text.count(b"debvisor_timers_job_info{") == 1000


# --- the file that a timer writes ----------------------------------------------------------------


def test_the_file_that_is_written_is_that_of_the_last_apply(world: World) -> None:
    assert applied_textfile(world.host) is None
    settings = world.layout.config / "config.yaml"
    settings.write_text("metrics: {textfile: /var/lib/exporter/a.prom}\n", encoding="utf-8")
    world.apply(NIGHTLY)

    settings.write_text("metrics: {textfile: /var/lib/exporter/b.prom}\n", encoding="utf-8")
    assert applied_textfile(world.host) == Path("/var/lib/exporter/a.prom")

    world.apply()
    assert applied_textfile(world.host) == Path("/var/lib/exporter/b.prom")
