# SPDX-License-Identifier: Apache-2.0
"""How jobs hang together: edges, circles, and who shares the delay of whom."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import Edge, EdgeKind, cycles, edges, followers, relate
from tests.unit.render.settings import job


def jobs(**keys: dict[str, Any]) -> dict[str, Job]:
    return {id_: job(id_, **{"schedule": None} | own) for id_, own in keys.items()}


def written(*words: str) -> list[str]:
    found = cycles(edge(*each.split()) for each in words)
    return [", ".join(map(str, cycle)) for cycle in found]


def edge(who: str, kind: str, other: str) -> Edge:
    return Edge(EdgeKind(kind), who, other)


def test_every_kind_of_edge_is_read_off_the_keys() -> None:
    found = edges(
        jobs(
            a={
                "triggers": [{"boot": 0}, {"success_of": ["b", "c"]}, {"any_success_of": "d"}],
                "depends_on": ["e", {"job": "f", "type": "after"}, {"unit": "x.service"}],
                "conflicts_with": ["g"],
            },
            h={
                "triggers": [{"failure_of": ["i"]}],
                "depends_on": [{"job": "gone", "type": "optional"}],
            },
        )
    )

    assert [(one.kind.value, one.job, one.needs) for one in found] == [
        ("success_of", "a", "b"),
        ("success_of", "a", "c"),
        ("any_success_of", "a", "d"),
        ("requires", "a", "e"),
        ("after", "a", "f"),
        ("conflicts", "a", "g"),
        ("failure_of", "h", "i"),
        ("optional", "h", "gone"),
    ]


def test_what_others_write_about_a_job_is_known() -> None:
    found = relate(
        jobs(
            a={"conflicts_with": ["c"]},
            b={"conflicts_with": ["c"], "triggers": [{"success_of": ["a"]}]},
            c={"conflicts_with": ["a"], "triggers": [{"failure_of": ["a"]}]},
        )
    )

    assert found.conflicts == {"a": ["c"], "b": ["c"], "c": ["a", "b"]}
    assert [one.job for one in found.started_by["a"]] == ["b", "c"]


def test_whose_results_go_with_a_machine() -> None:
    here = {"where": {"vm_active": "vm-1"}}
    daily = here | {"schedule": "@daily"}
    found = relate(
        jobs(
            needed=daily,
            step=here,
            waited=daily,
            source=daily,
            plain={"schedule": "@daily"},
            target=here | {"triggers": [{"success_of": ["source", "plain"]}]},
            elsewhere={"triggers": [{"success_of": ["waited"]}]},
            report=daily | {"depends_on": ["needed", "step", {"job": "waited", "type": "after"}]},
        )
    )

    assert found.carried == {"needed", "source", "target"}


def test_a_step_has_neither_schedule_nor_trigger() -> None:
    assert job(schedule=None).is_step
    assert not job().is_step
    assert not job(schedule=None, triggers=[{"success_of": ["b"]}]).is_step


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], []),
        (["a requires b", "b requires c", "a requires c"], []),
        (["a requires a"], []),
        (["a conflicts b", "b conflicts a"], []),
        (["a requires b", "b optional a"], ["a requires b, b waits for a"]),
        (
            ["a requires b", "b success_of c", "c after a"],
            ["a requires b, b is started by success of c, c waits for a"],
        ),
        (
            ["z requires a", "a requires b", "b failure_of a", "b requires end"],
            ["a requires b, b is started by failure of a"],
        ),
        (
            ["a requires b", "b requires c", "c requires a", "b any_success_of a"],
            [
                "a requires b, b is started by success of a",
                "c requires a, a requires b, b requires c",
            ],
        ),
    ],
)
def test_circles(given: list[str], found: list[str]) -> None:
    assert written(*given) == found


def test_a_long_chain_is_no_circle_and_takes_no_time() -> None:
    chain = [Edge(EdgeKind.REQUIRES, f"j{n}", f"j{n + 1}") for n in range(20_000)]

    assert cycles(chain) == ()
    assert len(cycles([*chain, Edge(EdgeKind.AFTER, "j20000", "j0")])[0]) == 20_001


NIGHT = {"cron": "0 2 * * *", "jitter": "10min"}


@pytest.mark.parametrize(
    ("schedule", "follows"),
    [
        ("0 2 * * *", True),
        ("0  2 * * *", True),
        ("00 02 * * *", True),
        ("0 3 * * *", False),
        ({"cron": "0 2 * * *", "timezone": "Europe/Amsterdam"}, False),
        ({"cron": "0 2 * * *", "dst": "systemd"}, False),
        ({"on_calendar": "02:00"}, False),
    ],
)
def test_who_is_due_with_a_job_that_it_requires_follows_it(schedule: object, follows: bool) -> None:
    found = jobs(a={"schedule": NIGHT}, b={"schedule": schedule, "depends_on": ["a"]})

    assert followers(found) == ({"b"} if follows else set())


def test_a_job_follows_over_steps_and_over_jobs_of_other_times() -> None:
    found = jobs(
        a={"schedule": NIGHT},
        step={"depends_on": ["a"]},
        other={"schedule": "0 3 * * *", "depends_on": ["step"]},
        b={"schedule": NIGHT, "depends_on": ["other", "gone"]},
        c={"schedule": NIGHT, "depends_on": [{"job": "a", "type": "after"}]},
    )

    assert followers(found) == {"b"}


def load(config: Path, text: str, settings: str = "") -> Definitions:
    (config / "jobs.d").mkdir(parents=True, exist_ok=True)
    (config / "jobs.d" / "a.yaml").write_text(text, encoding="utf-8")
    if settings:
        (config / "config.yaml").write_text(settings, encoding="utf-8")
    return load_definitions(config)


def told(definitions: Definitions) -> list[str]:
    return [
        f"{problem.span.file.name}:{problem.span.line}:{problem.span.column} {problem.severity} "
        f"{problem.key}: {problem.message}"
        for problem in definitions.problems
    ]


def test_a_follower_has_no_delay_of_its_own(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n"
        "  a: {schedule: {cron: '0 2 * * *'}, command: [/bin/true]}\n"
        "  b: {schedule: {cron: '0 2 * * *'}, depends_on: [a], command: [/bin/true]}\n",
        "defaults: {schedule: {jitter: 5min}}\n",
    ).require()

    jitters = {id_: one.schedule.jitter for id_, one in found.jobs.items() if one.schedule}
    assert jitters == {"a": timedelta(minutes=5), "b": timedelta()}


def test_a_job_that_others_need_and_that_is_gone_is_named_with_them(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n"
        "  b:\n    depends_on: [backup]\n    command: [/bin/true]\n"
        "  c:\n    triggers: [{success_of: [b, backup]}]\n    command: [/bin/true]\n"
        "  d:\n    conflicts_with: [{job: bakkup}]\n    command: [/bin/true]\n"
        "  backups:\n    command: [/bin/true]\n",
    )

    assert told(found) == [
        (
            "a.yaml:3:18 error depends_on: there is no job 'backup'; b requires backup; "
            "did you mean 'backups'?"
        ),
        (
            "a.yaml:6:33 error triggers.success_of: there is no job 'backup'; c is started by "
            "success of backup; did you mean 'backups'?"
        ),
        (
            "a.yaml:9:28 error conflicts_with.job: there is no job 'bakkup'; d never runs beside "
            "bakkup; did you mean 'backups'?"
        ),
    ]
    assert found.problems[0].fix == "correct it, or remove it here too if backup is gone for good"
    assert list(found.jobs) == ["backups"]


def test_waiting_for_a_job_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n  a:\n    command: [/bin/true]\n    depends_on:\n"
        "      - {job: gone, type: after}\n      - {job: lost, type: optional}\n",
    )

    warning = "a.yaml:5:15 warning depends_on.job: there is no job 'gone'; a waits for gone"
    assert told(found) == [warning]


def test_nothing_is_said_of_a_job_that_is_there_and_wrong(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n  a: {command: [/bin/true], depends_on: [b]}\n  b: {comand: [/bin/true]}\n",
    )

    assert {problem.span.line for problem in found.problems} == {3}


def test_what_is_disabled_comes_only_by_hand(tmp_path: Path) -> None:
    off = "{schedule: '@daily', command: [/bin/true], enabled: false"
    found = load(
        tmp_path,
        f"jobs:\n  off: {off}}}\n"
        "  step: {command: [/bin/true], enabled: false}\n"
        f"  also-off: {off}, depends_on: [off]}}\n"
        "  beside: {command: [/bin/true], conflicts_with: [off], depends_on: [step]}\n"
        "  a: {command: [/bin/true], depends_on: [off]}\n",
    )

    (warning,) = told(found)
    assert warning == (
        "a.yaml:6:42 warning depends_on: a requires off, which is disabled: it runs only when it "
        "is started by hand"
    )


def test_pools_and_channels_are_those_of_the_configuration(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n"
        "  a: {command: [/bin/true], pool: backups, notify: {failure: [ops, opss]}}\n"
        "  b: {command: [/bin/true], pool: {name: backup, slots: 3}}\n"
        "  c: {command: [/bin/true], pool: none}\n"
        "  d: {command: [/bin/true], pool: {name: backup, slots: 2}}\n",
        "pools: {backup: 2}\nchannels: {ops: {exec: [/bin/true]}}\n",
    )

    pool, channel, slots = told(found)
    assert pool == (
        "a.yaml:2:35 error pool: config.yaml has no pool 'backups'; did you mean 'backup'?"
    )
    assert channel == (
        "a.yaml:2:68 error notify.failure: config.yaml has no channel 'opss'; did you mean 'ops'?"
    )
    assert slots == ("a.yaml:3:57 error pool.slots: 3 slots are more than the pool 'backup' has: 2")
    assert list(found.jobs) == ["c", "d"]


def test_a_job_that_needs_itself_by_the_defaults_says_where_that_comes_from(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "jobs:\n  check: {command: [/bin/true]}\n  a: {command: [/bin/true]}\n",
        "defaults: {depends_on: [check]}\n",
    )

    (problem,) = told(found)
    assert problem == (
        "a.yaml:2:3 error depends_on.job: check requires check: the job itself (from the defaults "
        "in config.yaml)"
    )
