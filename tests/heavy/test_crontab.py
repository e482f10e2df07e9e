# SPDX-License-Identifier: Apache-2.0
"""Debian's own cron beside us for some real minutes: same commands, surroundings and minutes.

In a box, since a kernel of its own changes nothing here; minutes long, since no clock is moved.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.beside import CRONTAB, NAMES, beside, of, seen
from tests.system.host import Host

MINUTES = 3


@pytest.fixture
def host() -> Iterator[Host]:
    yield from beside()


def minutes(host: Host, by: str, name: str) -> list[int]:
    """Return the minutes in which cron, or a job, has run a line."""
    return [run.minute for run in seen(host.box) if run.by == by and run.name == name]


def test_jobs_run_the_same_in_the_same_minutes_as_cron(host: Host) -> None:
    host.box.write("/etc/cron.d/beside", CRONTAB)
    host.cli("import", "crontab", "--system", "--write")
    host.apply()
    host.box.run("systemctl start cron.service")

    def has_run() -> bool:
        # One more than is compared: the first may have begun before both were there.
        return all(
            len(minutes(host, by, name)) > MINUTES for by in ("cron", "job") for name in NAMES
        )

    host.box.wait_until(has_run, 60 * (MINUTES + 2), "cron and the jobs have run for some minutes")
    host.box.run("systemctl stop cron.service debvisor-timers.target")

    runs = seen(host.box)
    assert of(runs, "job") == of(runs, "cron")
    for name in NAMES:
        of_cron, of_jobs = minutes(host, "cron", name), minutes(host, "job", name)
        start = max(of_cron[0], of_jobs[0])
        end = start + MINUTES
        assert [each for each in of_cron if start <= each < end] == [*range(start, end)], name
        assert [each for each in of_jobs if start <= each < end] == [*range(start, end)], name
