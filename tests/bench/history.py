# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: what was, of 20,000 runs in a journal of 200,000 entries, and journalctl."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from tests.bench.jobs import as_yaml, bench_jobs
from tests.bench.measure import Samples
from tests.bench.program import FILE, PROGRAM

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

_BOOT = "0123456789abcdef0123456789abcdef"
_NAMES = UUID("5c7f5f0e-1d0b-4d9a-9a3e-5f4b7d1c2a10")
_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"
_DONE = "39f53479d3a045ac8e11786248231fbf"
_EXITED = "98e322203f7a4ed290d09fe03c09fe15"
_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
_NOT_STARTED = "be02cf6855d2428ba40df7e9d022f03d"
_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
_END = "ec5c7d712daf4bf4a90b07764211903e"
_TRUSTED = {
    "_UID": "0",
    "_GID": "0",
    "_BOOT_ID": _BOOT,
    "_TRANSPORT": "journal",
    "_HOSTNAME": "bench",
    "_CAP_EFFECTIVE": "1ffffffffff",
    "_RUNTIME_SCOPE": "system",
    "PRIORITY": "6",
}
_PID1 = {
    **_TRUSTED,
    "_PID": "1",
    "_COMM": "systemd",
    "_EXE": "/usr/lib/systemd/systemd",
    "_CMDLINE": "/usr/lib/systemd/systemd",
    "_SYSTEMD_CGROUP": "/init.scope",
    "_SYSTEMD_UNIT": "init.scope",
    "SYSLOG_IDENTIFIER": "systemd",
    "SYSLOG_FACILITY": "3",
    "TID": "1",
    "CODE_FILE": "src/core/job.c",
    "CODE_LINE": "768",
    "CODE_FUNC": "job_emit_done_message",
}
_OURS = {
    **_TRUSTED,
    "_PID": "4242",
    "_COMM": "begin",
    "_EXE": "/usr/bin/python3.13",
    "SYSLOG_IDENTIFIER": "debvisor-timers",
}
_Entry = dict[str, str]


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
    ours = (f"DEBVISOR_JOB={JOB}", "_UID=0", f"MESSAGE_ID={_BEGIN}", f"MESSAGE_ID={_END}")
    of_job = ["_PID=1", unit, "+", *ours]
    groups = ["--groups=debvisor-timers,systemd-journal", "--reuid=nobody", "--regid=nogroup"]
    commands = {
        LAST_20: [PROGRAM, "history", JOB, "--limit=20"],
        LAST_20_OTHER: ["setpriv", *groups, PROGRAM, "history", JOB, "--limit=20"],
        # STATS: [PROGRAM, "stats", JOB],
        LIST: [PROGRAM, "list"],
        AGAIN: [PROGRAM, "maintain"],
        PEER_20: [*peer, "--lines=100", *of_job],
        PEER_ALL: [*peer, *of_job],
        PEER_EACH: [*peer, f"MESSAGE_ID={_END}", "_UID=0"],
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
        begin, end = (_usec(each) for each in (at, at + timedelta(seconds=61)))
        (folder / f"bench-{number:05d}").write_text(
            f"DEBVISOR_JOB=bench-{number:05d}\nDEBVISOR_RUN_ID={at:%Y%m%dT%H%M%SZ}-abcdef\n"
            f"DEBVISOR_RESULT=success\nDEBVISOR_START_USEC={begin}\nDEBVISOR_END_USEC={end}\n"
        )


def _write_journal(jobs: int) -> int:
    """Write the journal by systemd's own means; return how many entries it has."""
    machine = Path("/etc/machine-id").read_text().strip()
    file = Path(f"/var/log/journal/{machine}/bench.journal")
    file.parent.mkdir(parents=True, exist_ok=True)
    argv = ["/lib/systemd/systemd-journal-remote", f"--output={file}", "-"]
    writer = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert writer.stdin
    count = 0
    for at, entry in _entries(jobs):
        count += 1
        head = {"__REALTIME_TIMESTAMP": str(at), "__MONOTONIC_TIMESTAMP": str(at - _usec(_BEGAN))}
        lines = [f"{name}={value}" for name, value in {**head, **entry}.items()]
        writer.stdin.write(("\n".join(lines) + "\n\n").encode())
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


def _entries(jobs: int) -> Iterator[tuple[int, _Entry]]:
    """Yield entries in order of time: one run a minute of JOB, and what others say besides."""
    others = ENTRIES // RUNS - 5
    for number in range(RUNS):
        at = _usec(_BEGAN + timedelta(minutes=number))
        entries = list(_run(JOB, number, at))
        # A run of another job now and then, output of programs between.
        if number % 10 == 0:
            entries += _run(f"bench-{1 + number // 10 % (jobs - 1):05d}", number, at + 5_000_000)
        said = max(len(entries) - 5, 0)
        entries += [_output(at + 10_000 * line, line) for line in range(others - said // 2)]
        yield from sorted(entries, key=lambda entry: entry[0])


def _run(job: str, number: int, at: int) -> Iterator[tuple[int, _Entry]]:
    """Yield what a run leaves in the journal; one of fifty fails."""
    unit = f"debvisor-job-{job}.service"
    invocation = uuid5(_NAMES, f"{job} {number}").hex
    took = 2_000_000 + number * 37 % 1_000_000 + number * 10
    common = {"UNIT": unit, "INVOCATION_ID": invocation, "DEBVISOR_JOB": job}
    name = f"{datetime.fromtimestamp(at / 1e6, UTC):%Y%m%dT%H%M%SZ}-{invocation[:6]}"
    ours = {
        **_OURS,
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": name,
        "DEBVISOR_INVOCATION_ID": invocation,
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_MAX_ATTEMPTS": "1",
        "DEBVISOR_START_USEC": str(at + 3000),
        "DEBVISOR_TRIGGER": "timer",
        "DEBVISOR_SCHEDULED_USEC": str(at),
        "DEBVISOR_GENERATION": "1",
    }
    start = {**_PID1, **common, "MESSAGE_ID": _STARTING, "JOB_ID": str(number), "JOB_TYPE": "start"}
    yield at, {**start, "MESSAGE": f"Starting {unit} - {job}..."}
    yield at + 4000, {**ours, "MESSAGE_ID": _BEGIN, "MESSAGE": f"Run {name} begins (timer)"}
    failed = number % 50 == 7
    result = {
        "DEBVISOR_RESULT": "exit-code" if failed else "success",
        "DEBVISOR_EXIT_CODE": "exited",
        "DEBVISOR_EXIT_STATUS": "3" if failed else "0",
        "DEBVISOR_CPU_USEC": str(took // 4),
        "DEBVISOR_MEMORY_PEAK": "41943040",
        "DEBVISOR_END_USEC": str(at + took),
        "DEBVISOR_FINAL": "1",
    }
    end = at + took
    yield end, {**ours, **result, "MESSAGE_ID": _END, "MESSAGE": f"Run {name} ended"}
    for number_, (message_id, fields) in enumerate(_systemd_end(failed=failed)):
        said = {**_PID1, **common, **fields, "MESSAGE_ID": message_id, "JOB_ID": str(number)}
        yield end + 1000 * (number_ + 1), {**said, "MESSAGE": f"{unit}: ended"}


def _systemd_end(*, failed: bool) -> Sequence[tuple[str, _Entry]]:
    if not failed:
        return (_DEACTIVATED, {}), (_DONE, {"JOB_RESULT": "done", "JOB_TYPE": "start"})
    exit_ = {"EXIT_CODE": "exited", "EXIT_STATUS": "3", "COMMAND": "ExecStart"}
    return (
        (_EXITED, exit_),
        (_FAILED, {"UNIT_RESULT": "exit-code"}),
        (_NOT_STARTED, {"JOB_RESULT": "failed", "JOB_TYPE": "start"}),
    )


def _output(at: int, line: int) -> tuple[int, _Entry]:
    said = {**_TRUSTED, "_PID": "999", "_TRANSPORT": "stdout", "SYSLOG_IDENTIFIER": "program"}
    return at, {**said, "MESSAGE": f"line {line} of something that was printed"}


def _usec(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
