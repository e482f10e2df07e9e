# SPDX-License-Identifier: Apache-2.0
"""apply leaves alone what is not ours, and refuses before it writes anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.box import Box
from tests.system.host import TARGET, UNITS, Host

LATER = datetime.now(UTC) + timedelta(hours=6)
"""Far enough from now: no timer fires by itself while the tests run."""

PAIR = f"""\
jobs:
  kept:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: once}}
    command: [/usr/bin/touch, /var/fired-kept]
  missed:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: skip}}
    command: [/usr/bin/touch, /var/fired-missed]
"""
ONE = f"""\
jobs:
  one:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: once}}
    command: [/usr/bin/touch, /var/fired]
"""
TIMER, SERVICE = "debvisor-job-one.timer", "debvisor-job-one.service"


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


def test_a_foreign_unit_in_the_way_is_refused_and_left(host: Host) -> None:
    foreign = "[Service]\nExecStart=/bin/true\n"
    host.box.write(f"{UNITS}/{SERVICE}", foreign)

    done = host.apply(ONE, expect=4)

    assert f"{SERVICE} is in the way, not written by debvisor-timers" in done.stderr
    assert host.box.read(f"{UNITS}/{SERVICE}") == foreign
    assert f"! {SERVICE}" in host.cli("plan").stdout
    assert host.running_timers() == []


def test_a_unit_masked_by_hand_is_refused_and_stays_masked(host: Host) -> None:
    host.box.run(["systemctl", "mask", TIMER])
    assert TIMER in host.apply(ONE, expect=4).stderr
    host.box.run(["systemctl", "unmask", TIMER])
    host.apply()
    assert host.running_timers() == [TIMER]


def test_a_unit_edited_by_hand_is_shown_and_overwritten_only_when_told(host: Host) -> None:
    host.apply(ONE)
    host.box.run(f"sed -i s:touch:stat: {UNITS}/{SERVICE}; systemctl daemon-reload")

    assert f"{SERVICE} is edited by hand" in host.apply(expect=4).stderr
    assert "/usr/bin/stat" in host.box.read(f"{UNITS}/{SERVICE}")
    assert host.json("plan")["jobs"][0]["edited"] == [SERVICE]
    assert host.json("status", expect=10)["findings"][0]["kind"] == "edited"

    host.apply(None, "--overwrite-edits")
    assert "/usr/bin/touch /var/fired" in host.box.read(f"{UNITS}/{SERVICE}")
    assert host.plan_is_empty()


def test_drop_ins_are_the_administrators(host: Host) -> None:
    """One for all jobs by its prefix, one for a single job: both count, and outlive the job."""
    of_all = f"{UNITS}/debvisor-job-.service.d/nice.conf"
    of_one = f"{UNITS}/{SERVICE}.d/env.conf"
    host.box.write(of_all, "[Service]\nNice=7\n")
    host.apply(ONE)
    host.box.write(of_one, "[Service]\nEnvironment=A=b\n")
    host.box.run("systemctl daemon-reload")

    assert host.show(SERVICE, "Nice", "Environment") == {"Nice": "7", "Environment": "A=b"}
    assert host.plan_is_empty()
    host.apply("jobs: {}\n", "--allow-empty")
    assert host.box.read(of_all) == "[Service]\nNice=7\n"
    assert host.box.read(of_one) == "[Service]\nEnvironment=A=b\n"


def test_a_timer_disabled_by_hand_is_drift_and_enabled_again(host: Host) -> None:
    host.apply(ONE)
    host.box.run(["systemctl", "disable", TIMER])
    assert not host.plan_is_empty()

    host.age_stamp("one")
    host.apply()

    assert host.box.run(["systemctl", "is-enabled", TIMER]).stdout == "enabled\n"
    assert host.plan_is_empty()
    assert host.running_timers() == [TIMER]
    host.box.run(["systemctl", "disable", "--now", TIMER])
    host.age_stamp("one")
    host.apply()
    assert host.running_timers() == [TIMER]
    assert host.started() == []


def test_a_timer_disabled_and_enabled_by_hand_is_as_it_was(host: Host) -> None:
    """systemctl writes the link in its own way."""
    host.apply(ONE)
    host.box.run(["systemctl", "disable", TIMER])
    host.box.run(["systemctl", "enable", TIMER])
    assert host.plan_is_empty()


def test_a_timer_stopped_by_hand_stays_stopped_and_is_told(host: Host) -> None:
    host.apply(PAIR)
    host.box.run(["systemctl", "stop", "debvisor-job-kept.timer"])

    host.apply(PAIR.replace("touch", "stat"))

    assert host.running_timers() == ["debvisor-job-missed.timer"]
    finding = host.json("status", expect=10)["findings"][0]
    assert (finding["kind"], finding["subject"]) == ("stopped", "kept")
    assert {row["job"]: row["state"] for row in host.json("list")} == {
        "kept": "stopped",
        "missed": "scheduled",
    }


def test_links_of_others_and_files_of_others_survive(host: Host) -> None:
    other = f"{UNITS}/{TARGET}.wants/other.timer"
    host.box.write(f"{UNITS}/other.timer", "[Timer]\nOnCalendar=*-01-01\n[Install]\n")
    host.box.write(f"{UNITS}/other.service", "[Service]\nExecStart=/bin/true\n")
    host.apply(ONE)
    host.box.run(f"ln -s ../other.timer {other}")
    host.apply("jobs: {}\n", "--allow-empty")
    assert host.box.run(f"readlink {other}; ls {UNITS}/other.*").stdout.splitlines() == [
        "../other.timer",
        f"{UNITS}/other.service",
        f"{UNITS}/other.timer",
    ]


def test_one_bad_file_stops_all_before_anything_is_written(host: Host) -> None:
    host.apply(ONE)
    before = host.picture()
    host.write("jobs:\n  two:\n    schedule: 0 25 * * *\n    command: [/bin/true]\n", "bad.yaml")

    done = host.apply(PAIR, expect=3)

    assert "/etc/debvisor/timers/jobs.d/bad.yaml:3:17: error: " in done.stderr
    assert host.picture() == before
    assert host.reloads() == 1


def test_what_only_systemd_finds_wrong_is_refused_at_its_place(host: Host) -> None:
    before = host.picture()
    wrong = ONE + "    depends_on:\n      - {unit: no-such-thing.service}\n"
    done = host.apply(wrong, expect=3)
    assert "jobs.yaml:6:16: error: " in done.stderr
    assert "no-such-thing.service" in done.stderr
    assert host.picture() == before


def test_removing_jobs_asks_and_removing_all_needs_its_own_word(host: Host) -> None:
    host.apply(PAIR)
    before = host.picture()
    host.write(PAIR.partition("  missed:")[0])
    assert "it would remove jobs: missed" in host.cli("apply", expect=4).stderr
    host.write("jobs: {}\n")
    assert "--allow-empty" in host.cli("apply", "--yes", expect=4).stderr
    assert host.picture() == before
