# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: what was, of 20,000 runs in a journal of 200,000 entries, and journalctl."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.jobs import as_yaml, bench_jobs
from tests.bench.measure import Samples
from tests.bench.program import FILE, PROGRAM
from tests.models.past_runs import BEGIN, END, Entry, PastRun, exported, printed, usec

RUNS = 20_000
ENTRIES = 200_000
JOB = "bench-00000"

LAST_20 = "history, last 20 of 20,000 runs"
LAST_20_OTHER = "history, as a user of the group"
STATS = "stats over 20,000 runs"
LIST = "list of 1,000 jobs, last results"
FIRST = "first reading of the journal"
AGAIN = "bringing the index up to date"
PEER_20 = "peer: journalctl, last 20 runs"
PEER_ALL = "peer: journalctl, 20,000 runs"
PEER_EACH = "peer: journalctl, all jobs"


def main(jobs: int, times: int) -> None:
    """Measure with `jobs` jobs, each command `times` times."""
    samples = Samples()
    FILE.write_text(as_yaml(bench_jobs(jobs)))
    subprocess.run([PROGRAM, "apply", "--yes"], check=True, stdout=subprocess.DEVNULL)
    samples.number("entries", _write_journal(jobs))
    _write_last(jobs)
    samples.command(FIRST, [PROGRAM, "maintain"])
    samples.number(
        "MiB of the index", Path("/var/lib/debvisor-timers/history.sqlite").stat().st_size / 2**20
    )
    unit = f"UNIT=debvisor-job-{JOB}.service"
    peer = ["journalctl", "--quiet", "--output=json", "--no-pager"]
    ours = (f"DEBVISOR_JOB={JOB}", "_UID=0", f"MESSAGE_ID={BEGIN}", f"MESSAGE_ID={END}")
    of_job = ["_PID=1", unit, "+", *ours]
    groups = ["--groups=debvisor-timers,systemd-journal", "--reuid=nobody", "--regid=nogroup"]
    commands = {
        LAST_20: [PROGRAM, "history", JOB, "--limit=20"],
        LAST_20_OTHER: ["setpriv", *groups, PROGRAM, "history", JOB, "--limit=20"],
        STATS: [PROGRAM, "stats", JOB],
        LIST: [PROGRAM, "list"],
        AGAIN: [PROGRAM, "maintain"],
        PEER_20: [*peer, "--lines=100", *of_job],
        PEER_ALL: [*peer, *of_job],
        PEER_EACH: [*peer, f"MESSAGE_ID={END}", "_UID=0"],
    }
    for name, argv in commands.items():
        samples.command("(warm up)", argv)
        samples.command(name, argv, times=times)
    samples.print()


def _write_last(jobs: int) -> None:
    """Let each job have a last result: `list` reads these files."""
    folder = Path("/var/lib/debvisor-timers/last")
    folder.mkdir(exist_ok=True)
    for number in range(jobs):
        at = datetime.now(UTC) - timedelta(minutes=number)
        run = PastRun(job=f"bench-{number:05d}", began=at, took=timedelta(seconds=61))
        (folder / run.job).write_text(run.note())


def _write_journal(jobs: int) -> int:
    """Write the journal by systemd's own means; return how many entries it has."""
    machine = Path("/etc/machine-id").read_text().strip()
    file = Path(f"/var/log/journal/{machine}/bench.journal")
    file.parent.mkdir(parents=True, exist_ok=True)
    argv = ["/lib/systemd/systemd-journal-remote", f"--output={file}", "-"]
    writer = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert writer.stdin
    count = 0
    boot = usec(_BEGAN)
    for entry in _entries(jobs):
        count += 1
        writer.stdin.write(exported(entry, boot).encode())
    writer.stdin.close()
    if writer.wait():
        raise RuntimeError("systemd-journal-remote failed")
    file.chmod(0o640)
    os.chown(file, 0, _group("systemd-journal"))
    return count


def _group(name: str) -> int:
    import grp  # noqa: PLC0415

    return grp.getgrnam(name).gr_gid


_BEGAN = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=RUNS + 60)


def _entries(jobs: int) -> Iterator[Entry]:
    """Yield entries in order of time: one run a minute of JOB, and what others say besides."""
    others = ENTRIES // RUNS - 5
    for number in range(RUNS):
        at = _BEGAN + timedelta(minutes=number)
        entries = list(_run(JOB, number, at).records(number))
        # A run of another job now and then, output of programs between.
        if number % 10 == 0:
            other = f"bench-{1 + number // 10 % (jobs - 1):05d}"
            entries += _run(other, number, at + timedelta(seconds=5)).records(number)
        said = max(len(entries) - 5, 0)
        entries += [_output(at, line) for line in range(others - said // 2)]
        yield from sorted(entries, key=lambda entry: entry[0])


def _run(job: str, number: int, began: datetime) -> PastRun:
    """Return a run; one of fifty fails."""
    took = timedelta(microseconds=2_000_000 + number * 37 % 1_000_000 + number * 10)
    return PastRun(job=job, began=began, took=took, status=3 if number % 50 == 7 else 0)


def _output(at: datetime, line: int) -> Entry:
    return usec(at) + 10_000 * line, printed(f"line {line} of something that was printed")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
