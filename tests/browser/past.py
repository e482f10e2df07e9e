# SPDX-License-Identifier: Apache-2.0
"""Weeks of runs that a box never had: records as systemd and we write them, by systemd's means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from tests.box import Box
from tests.models.past_runs import PastRun, exported


def write(box: Box, runs: Iterable[PastRun]) -> None:
    """Let the box have had these runs: its journal, its index and its last results tell of them."""
    past = sorted(runs, key=lambda run: run.began)
    machine = box.read("/etc/machine-id").strip()
    file = f"/var/log/journal/{machine}/system@past.journal"
    box.run(["mkdir", "-p", f"/var/log/journal/{machine}"])
    remote = ["/lib/systemd/systemd-journal-remote", f"--output={file}", "-"]
    box.run(remote, input=_export(past), timeout=120)
    box.run(f"chmod 0640 {file}; chgrp systemd-journal {file}")
    _write_last(box, {run.job: run for run in past})
    box.run(["debvisor-timers", "maintain"], timeout=120)


def nightly(
    job: str,
    *,
    days: int,
    hour: int,
    minutes: Iterable[float],
    failed: Iterable[int] = (),
    output: Sequence[str] = (),
) -> Iterator[PastRun]:
    """Yield a run each night, the newest of the last `days` days; failed: 1 is the newest of all.

    minutes: how long they took, the oldest first, over and over.
    """
    durations = list(minutes)
    longest = timedelta(minutes=max(durations))
    now = datetime.now(UTC)
    newest = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    # What has not ended yet is no past.
    newest -= timedelta(days=int(newest + longest > now))
    bad = set(failed)
    for place, ago in enumerate(range(days, 0, -1)):
        yield PastRun(
            job=job,
            began=newest - timedelta(days=ago - 1),
            took=timedelta(minutes=durations[place % len(durations)]),
            status=3 if ago in bad else 0,
            output=output,
        )


def _export(runs: Sequence[PastRun]) -> str:
    """Return the runs' records as journalctl --output=export would, ordered by time."""
    entries = sorted(
        (entry for number, run in enumerate(runs, 1) for entry in run.records(number)),
        key=lambda entry: entry[0],
    )
    zero = entries[0][0] - 60_000_000 if entries else 0
    return "".join(exported(entry, zero) for entry in entries)


def _write_last(box: Box, newest: dict[str, PastRun]) -> None:
    """Let each job have a last result: `list` reads these files."""
    blocks = [
        f"cat >/var/lib/debvisor-timers/last/{job} <<'END'\n{run.note()}END\n"
        for job, run in newest.items()
    ]
    box.run(["/bin/sh", "-e"], input="mkdir -p /var/lib/debvisor-timers/last\n" + "".join(blocks))
