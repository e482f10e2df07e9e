# SPDX-License-Identifier: Apache-2.0
"""Real timers watched while the host's clock is changed, in zones that zic made for this minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.box import Box, Layer
from tests.box.wait import wait_until
from tests.box.zone import SOON, Change, install_zone
from tests.system import work
from tests.system.host import Host

MINUTE = timedelta(minutes=1)
LEADS = [timedelta(seconds=seconds) for seconds in (25, 100, 300)]
"""Time for booting four boxes and applying jobs in each: more, where the machine is busy."""
KINDS = [(change, is_yearly) for change in Change for is_yearly in (True, False)]
BEFORE = {Change.GAP: timedelta(hours=1), Change.OVERLAP: timedelta(hours=2)}
"""How far east of UTC the clock stands before the change."""

# Each with its minutes after the change by the clock before it, and when it has to run, in minutes
# from the change. An hour is left out, or comes again.
JOBS: Mapping[Change, Mapping[str, tuple[int, list[int]]]] = {
    Change.GAP: {
        "left-out": (20, [0]),
        "at-its-end": (60, [0]),
        "after-it": (70, []),
    },
    Change.OVERLAP: {
        "first-time": (-1, [-1]),
        "second-time": (-60, []),
        "second-time-too": (-59, []),
    },
}
EVERY_MINUTE = [-1, 0, 1]
ACROSS = 75
"""How many seconds a run takes that begins a minute before the change."""


@dataclass
class Watched:
    """A host whose clock has changed at `change`, which is in UTC."""

    host: Host
    change: datetime

    def runs(self, job: str) -> list[int]:
        """Return when a job ran, in minutes from the change; each within two seconds of it."""
        found = []
        for run in reversed(self.host.json("history", job)):
            away = datetime.fromisoformat(run["start"]) - self.change
            found.append(away // MINUTE)
            assert away % MINUTE < timedelta(seconds=2), f"{job} ran {away} from the change"
        return [minutes for minutes in found if minutes in EVERY_MINUTE]


def cron(local: datetime) -> str:
    """Return the expression of a job that runs at that time of every day."""
    return f"{local.minute} {local.hour} * * *"


def yaml(change: Change, at: datetime) -> str:
    """Return the jobs to be watched, by the clock on the wall before the change."""
    wall = at + BEFORE[change]
    crons = {job: cron(wall + MINUTE * away) for job, (away, _) in JOBS[change].items()}
    crons["every-minute"] = "* * * * *"
    jobs = [f"  {job}: {{schedule: '{text}', command: [/bin/true]}}" for job, text in crons.items()]
    across = f"  across: {{schedule: '{cron(wall - MINUTE)}', command: [/bin/sleep, '{ACROSS}']}}"
    return "\n".join(["jobs:", *jobs, across, ""])


@pytest.fixture(scope="module")
def watched(installed: Layer) -> Iterator[Mapping[tuple[Change, bool], Watched]]:
    """Four hosts, two of each change, at the same minute; returns when it is over."""
    with ExitStack() as boxes:
        hosts = in_time(installed, boxes)
        for each in hosts.values():
            await_runs(each)
        yield hosts


def in_time(installed: Layer, boxes: ExitStack) -> Mapping[tuple[Change, bool], Watched]:
    """Return four hosts that are ready a minute before their clocks change."""
    for lead in LEADS:
        change = (datetime.now(UTC) + lead + MINUTE).replace(second=0, microsecond=0) + MINUTE
        hosts: dict[tuple[Change, bool], Watched] = {}
        for kind, is_yearly in KINDS:
            box = boxes.enter_context(Box(installed, timezone=SOON))
            hosts[kind, is_yearly] = Watched(Host(box), change)
            install_zone(box, change=kind, at=change, is_yearly=is_yearly)
            box.start()
            hosts[kind, is_yearly].host.apply(yaml(kind, change))
        if datetime.now(UTC) < change - MINUTE:
            return hosts
        boxes.close()
    raise AssertionError("it took too long; make LEADS longer")


def await_runs(watched: Watched) -> None:
    """Wait until the change is over, and the last runs have ended."""
    end = watched.change + max(EVERY_MINUTE) * MINUTE + timedelta(seconds=4)
    seconds = (end - datetime.now(UTC)).total_seconds()
    wait_until(lambda: datetime.now(UTC) > end, deadline_seconds=seconds + 5, what="it is over")
    work.await_ends(watched.host, "every-minute", "across")


@pytest.mark.parametrize("is_yearly", [True, False], ids=["by a rule", "by its date"])
@pytest.mark.parametrize("change", list(Change))
def test_timers_fire_as_cron_does_while_the_clock_changes(
    watched: Mapping[tuple[Change, bool], Watched], change: Change, is_yearly: bool
) -> None:
    host = watched[change, is_yearly]
    found = {job: host.runs(job) for job in (*JOBS[change], "every-minute")}
    wanted = {job: minutes for job, (_, minutes) in JOBS[change].items()}
    assert found == wanted | {"every-minute": EVERY_MINUTE}


@pytest.mark.parametrize("is_yearly", [True, False], ids=["by a rule", "by its date"])
@pytest.mark.parametrize("change", list(Change))
def test_a_run_across_the_change_is_as_long_as_it_was(
    watched: Mapping[tuple[Change, bool], Watched], change: Change, is_yearly: bool
) -> None:
    each = watched[change, is_yearly]
    (run,) = each.host.json("history", "across")
    start, end = (datetime.fromisoformat(run[name]) for name in ("start", "end"))
    assert run["outcome"] == "succeeded"
    assert start < each.change < end
    assert ACROSS <= (end - start).total_seconds() < ACROSS + 5
    assert ACROSS <= run["duration_seconds"] < ACROSS + 5


def test_applying_again_right_after_the_change_has_nothing_to_do(
    watched: Mapping[tuple[Change, bool], Watched],
) -> None:
    assert all(each.host.plan_is_empty() for each in watched.values())
