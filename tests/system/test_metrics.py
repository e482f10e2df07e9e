# SPDX-License-Identifier: Apache-2.0
"""metrics of real runs, as promtool reads them; the alert rules and the dashboard's queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import STATE, Host

READER = "bob"
EXAMPLES = "/usr/share/doc/debvisor-timers/examples"
FILE = "/var/lib/node/debvisor-timers.prom"
HOSTILE = r'''name: "a \"b\" \\ {c=\"d\"} # ü", owner: "x\\n"'''
JOBS = {
    "good": HOSTILE,
    "bad": "command: [/bin/sh, -c, exit 3]",
    "slow": 'timeout: 1s, command: [/bin/sleep, "60"]',
    "second-time": "retries: {max: 2, delay: 0}, "
    "command: [/bin/sh, -c, test $DEBVISOR_ATTEMPT = 2]",
    # Only a run by hand passes over a pause: this one is started by the end of another.
    "paused": "triggers: [{success_of: [good]}]",
    "held": "enabled: false",
    "busy": 'timeout: 10min, command: [/bin/sleep, "600"]',
    "nightly": 'schedule: "0 2 * * *"',
}
STARTED = ("good", "bad", "slow", "second-time")
ROOT_ALONE = {
    "apply_pending",
    "generation",
    "last_apply_timestamp_seconds",
}


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box in which some jobs have run, `bad` twice, and one is running."""
    with Box.boot(installed) as box:
        host = Host(box)
        box.run(["useradd", "--groups", "debvisor-timers,systemd-journal", READER])
        box.run(f"mkdir -p {STATE}/paused $(dirname {FILE}); echo moving >{STATE}/paused/paused")
        host.apply(work.yaml(JOBS, command="[/bin/true]"))
        work.begin(host, *STARTED, "busy")
        work.await_ends(host, *STARTED, "paused")
        work.start(host, "bad")
        yield host


def metrics(host: Host, user: str = "") -> dict[str, float]:
    """Return each value by what stands before it on its line, without our prefix."""
    text = host.cli("metrics", user=user).stdout
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series.removeprefix("debvisor_timers_"): float(value) for series, _, value in lines}


def of_jobs(found: Mapping[str, float], name: str) -> dict[str, float]:
    """Return the values of a metric by its labels; of the job alone by its id."""
    series = {key: value for key, value in found.items() if key.partition("{")[0] == name}
    words = {key: re.findall(r'"([^"]*)"', key) for key in series}
    return {" ".join(words[key]): value for key, value in series.items()}


def test_promtool_has_nothing_to_say(host: Host) -> None:
    text = host.cli("metrics").stdout

    done = host.box.run(["promtool", "check", "metrics"], input=text, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_ending_is_told_and_counted(host: Host) -> None:
    found = metrics(host)

    assert of_jobs(found, "job_last_outcome") == {
        "good succeeded": 1,
        "bad failed": 1,
        "slow timed_out": 1,
        "second-time succeeded": 1,
    }
    runs = of_jobs(found, "job_runs_total")
    assert {key: value for key, value in runs.items() if value} == {
        "good succeeded": 1,
        "bad failed": 2,
        "slow timed_out": 1,
        "second-time succeeded": 1,
    }
    assert len(runs) == len(JOBS) * 5
    assert of_jobs(found, "job_consecutive_failures")["bad"] == 2
    assert of_jobs(found, "job_consecutive_failures")["good"] == 0


def test_attempts_skips_and_what_runs_are_told(host: Host) -> None:
    found = metrics(host)

    assert of_jobs(found, "job_last_attempts")["second-time"] == 2
    assert of_jobs(found, "job_attempts_total")["second-time"] == 2
    skips = of_jobs(found, "job_skipped_elapses_total")
    assert {key: value for key, value in skips.items() if value} == {"paused paused": 1}
    running = of_jobs(found, "job_running")
    assert {job for job, value in running.items() if value} == {"busy"}
    since = of_jobs(found, "job_running_since_timestamp_seconds")["busy"]
    assert 0 < found["metrics_timestamp_seconds"] - since < 120
    enabled = of_jobs(found, "job_enabled")
    assert {job for job, value in enabled.items() if not value} == {"held"}
    assert of_jobs(found, "job_timeout_seconds")["busy"] == 600


def test_times_and_needs_of_runs_are_told(host: Host) -> None:
    found = metrics(host)
    [run] = host.json("history", "slow")

    assert of_jobs(found, "job_last_duration_seconds")["slow"] == run["duration_seconds"]
    assert 1 <= run["duration_seconds"] < 20
    assert of_jobs(found, "job_duration_seconds_count")["slow"] == 1
    # Not every machine counts memory for its boxes.
    assert of_jobs(found, "job_last_memory_peak_bytes").get("slow") == run["memory_peak_bytes"]
    assert of_jobs(found, "job_last_cpu_seconds")["slow"] == run["cpu_seconds"]
    assert of_jobs(found, "job_cpu_seconds_total")["slow"] == run["cpu_seconds"] > 0
    next_start = of_jobs(found, "job_next_start_timestamp_seconds")
    assert 0 < next_start["nightly"] - found["metrics_timestamp_seconds"] <= 86400


def test_the_host_is_told(host: Host) -> None:
    found = metrics(host)

    assert found["target_active"] == 1
    assert found["generation"] == 1
    assert found["apply_pending"] == 0
    assert found["apply_interrupted"] == 0
    assert found["definition_errors"] == 0
    assert found["index_lag_seconds"] < 60
    assert found['jobs{state="running"}'] == 1


def test_the_group_reads_all_but_what_is_root_s_alone(host: Host) -> None:
    of_root, of_reader = metrics(host), metrics(host, user=READER)

    assert of_root.keys() - of_reader.keys() == ROOT_ALONE
    assert of_reader.keys() - of_root.keys() == set()
    assert of_jobs(of_reader, "job_runs_total") == of_jobs(of_root, "job_runs_total")


def test_the_exporter_s_file_is_whole_and_readable(host: Host) -> None:
    host.cli("metrics", "--textfile", FILE)

    assert host.box.run(["stat", "--format=%a %U", FILE]).stdout == "644 root\n"
    done = host.box.run(["promtool", "check", "metrics"], input=host.box.read(FILE), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert host.box.run(["runuser", "-u", "nobody", "--", "wc", "-l", FILE]).returncode == 0


def test_who_may_not_write_leaves_the_file_as_it_is(host: Host) -> None:
    host.cli("metrics", "--textfile", FILE)
    before = host.box.run(["sha256sum", FILE]).stdout

    refused = host.cli("metrics", "--textfile", FILE, user=READER, expect=4)

    assert f"cannot write {FILE}: Permission denied" in refused.stderr
    assert host.box.run(["sha256sum", FILE]).stdout == before
    assert host.box.run(f"ls -A $(dirname {FILE})").stdout == f"{Path(FILE).name}\n"


def test_writers_that_come_together_leave_one_whole_file(host: Host) -> None:
    host.box.run(
        f"for n in 1 2 3 4; do debvisor-timers metrics --textfile {FILE} & done; wait", timeout=120
    )

    host.box.run(["promtool", "check", "metrics"], input=host.box.read(FILE))
    assert host.box.run(f"ls -A $(dirname {FILE})").stdout == f"{Path(FILE).name}\n"


def test_a_writer_that_is_killed_leaves_the_old_file(host: Host) -> None:
    host.cli("metrics", "--textfile", FILE)
    for tenths in range(1, 9):
        write = f"debvisor-timers metrics --textfile {FILE}"
        host.box.run(f"timeout -s KILL 0.{tenths} {write} || :")

        host.box.run(["promtool", "check", "metrics"], input=host.box.read(FILE))


def test_the_alert_rules_are_right_and_do_what_their_tests_say(host: Host) -> None:
    script = f"cd {EXAMPLES}/prometheus; promtool check rules alerts.yml"
    host.box.run(f"{script}; promtool test rules alerts.test.yml")


def test_prometheus_can_read_every_query_of_the_dashboard(host: Host) -> None:
    text = host.box.read(f"{EXAMPLES}/grafana/debvisor-timers.json")
    queries = {
        target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]
    }
    assert len(queries) >= 20
    rules = [
        {
            "record": f"query:{number}",
            "expr": re.sub(r"\$__rate_interval", "5m", query).replace("$", ""),
        }
        for number, query in enumerate(sorted(queries))
    ]
    document = {"groups": [{"name": "dashboard", "rules": rules}]}
    host.box.write("/tmp/dashboard.yml", json.dumps(document))

    host.box.run(["promtool", "check", "rules", "--lint=none", "/tmp/dashboard.yml"])
