# SPDX-License-Identifier: Apache-2.0
"""Many jobs that real timers start in the same second: none is lost, no limit is passed over, and
nothing waits for itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host
from tests.system.work import WORK

POOLS: Mapping[str, int] = {"five": 5, "three": 3, "two": 2}


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        work.install(host)
        box.write(work.CONFIG, f"pools: {{{', '.join(f'{n}: {s}' for n, s in POOLS.items())}}}\n")
        yield host


@pytest.fixture(autouse=True)
def _anew(host: Host) -> None:
    host.watch()
    work.forget(host)


def fire(host: Host, jobs: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Let the timers of `jobs` elapse in the same second; return what is noted of each run."""
    yaml = work.yaml(jobs, schedule="{schedule}", command=f"[{WORK}, '0.1']")
    moment = work.arm(host, yaml)
    # Asked inside, and not often: what asks takes its time from those that are asked about.
    all_ended = f"cd /run/debvisor-timers/ended && ls {' '.join(jobs)} >/dev/null 2>&1"
    host.box.run(f"until {all_ended}; do sleep 0.5; done", timeout=120)
    notes = work.ends(host, *jobs)
    assert {note["TRIGGER"] for note in notes} == {"timer"}
    assert all(abs(int(note["SCHEDULED_USEC"]) / 1e6 - moment) < 5 for note in notes)
    return notes


def locked_at_once(host: Host) -> int:
    """Return how many runs were at once between the records of their begin and of their end.

    `begin` sends its record when it has the locks, `end` while systemd still holds them.
    """
    most = now = 0
    for record in host.records("SYSLOG_IDENTIFIER=debvisor-timers"):
        if record.get("MESSAGE_ID") in {work.RUN_BEGIN, work.RUN_END}:
            now += 1 if record["MESSAGE_ID"] == work.RUN_BEGIN else -1
            most = max(most, now)
    return most


def test_two_hundred_jobs_share_five_places(host: Host) -> None:
    jobs = {f"job-{number:03}": "pool: five" for number in range(200)}
    notes = fire(host, jobs)
    assert [note for note in notes if note["RESULT"] != "success" or "SKIPPED" in note] == []
    assert sorted(work.begun(host)) == sorted(jobs)
    assert work.most_at_once(host, *jobs) <= 5
    assert locked_at_once(host) == 5
    assert len({note["RUN_ID"] for note in notes}) == 200


def test_a_random_mix_ends_and_keeps_every_rule(host: Host) -> None:
    chance = random.Random(4)
    names = [f"mix-{number:02}" for number in range(40)]
    slots = {job: chance.choice([1, 1, 1, 2]) for job in names}
    pools = {job: chance.choice([*POOLS, "none"]) for job in names}
    conflicts = chance.sample(list(combinations(names, 2)), 30)
    # A job needs none that comes later: there are no cycles.
    needs = [pair[::-1] for pair in chance.sample(list(combinations(names, 2)), 40)]
    jobs = {
        job: f"pool: {{name: {pools[job]}, slots: {slots[job]}}}, "
        f"priority: {chance.choice(['low', 'normal', 'high'])}, "
        f"conflicts_with: {others(job, conflicts)}, depends_on: {others(job, needs)}"
        for job in names
    }
    notes = fire(host, jobs)
    assert [note for note in notes if note["RESULT"] != "success" or "SKIPPED" in note] == []
    assert sorted(work.begun(host)) == names
    for pool, size in POOLS.items():
        members = [job for job in names if pools[job] == pool]
        assert work.most_at_once(host, *members, slots=slots) <= size
    for pair in conflicts:
        assert work.most_at_once(host, *pair) == 1
    order = work.order(host)
    for job, other in needs:
        assert order.index(f"{other} end") < order.index(f"{job} begin")


def others(job: str, pairs: Sequence[tuple[str, ...]]) -> str:
    """Return, as a list of YAML, what is paired with `job` as the second."""
    return f"[{', '.join(second for first, second in pairs if first == job)}]"
