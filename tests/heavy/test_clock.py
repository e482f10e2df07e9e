# SPDX-License-Identifier: Apache-2.0
"""The clock of the host is set ahead, and back again, between two runs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.heavy.runs import run
from tests.system.host import STATE, Host

JOB = """\
jobs:
  job: {schedule: "0 3 1 1 *", command: [/bin/true]}
"""


def runs(host: Host) -> Sequence[str]:
    """Return the ids of all runs, newest first, each of which succeeded."""
    found = host.json("history", "job")
    assert {each["outcome"] for each in found} == {"succeeded"}
    return [each["run"] for each in found]


def test_runs_come_in_the_order_in_which_they_were(host: Host) -> None:
    host.apply(JOB)
    before = run(host, "job")["run"]
    host.box.run(["date", "--set", "+2 days"])
    try:
        ahead = run(host, "job")["run"]
    finally:
        host.box.run(["date", "--set", "2 days ago"])
    back = run(host, "job")["run"]

    assert ahead > back  # by their names, which begin with the time
    assert runs(host) == [back, ahead, before]
    host.box.run(["rm", f"{STATE}/history.sqlite"])
    assert runs(host) == [back, ahead, before]
    host.box.run("journalctl --sync --rotate")
    after = run(host, "job")["run"]
    assert runs(host) == [after, back, ahead, before]
    # The journal loses what the index has.
    host.box.run("journalctl --sync --rotate --vacuum-time=1s")
    assert runs(host) == [after, back, ahead, before]
