# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: the commands of the installed package, from the first apply to an edit."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.jobs import as_yaml, bench_jobs
from tests.bench.measure import Samples, pid1_memory, reloads, settle

PROGRAM = "debvisor-timers"
CONFIG = Path("/etc/debvisor/timers/config.yaml")
FILE = Path("/etc/debvisor/timers/jobs.d/bench.yaml")
UNITS = Path("/etc/systemd/system")
EXPRESSIONS = 20_000
_READ_ALL = """\
import os, hashlib
for folder in ("/etc/systemd/system", "/etc/systemd/system/debvisor-timers.target.wants"):
    for item in os.scandir(folder):
        if item.name.startswith("debvisor-"):
            if item.is_symlink():
                os.readlink(item.path)
            elif item.is_file():
                hashlib.sha256(open(item.path, "rb").read())
"""
"""What nobody who compares by content can leave out."""


def main(count: int, times: int) -> None:
    """Measure with `count` jobs, quick commands `times` times each."""
    samples = Samples()
    jobs = bench_jobs(count)
    FILE.write_text(as_yaml(jobs))
    _starts(samples)
    samples.command("check", [PROGRAM, "check"])
    samples.command("plan, all new", [PROGRAM, "plan"])
    _apply(samples, "first apply", as_yaml(jobs))
    samples.command("no-op apply", [PROGRAM, "apply"], times=1)
    samples.by_name.pop("no-op apply")  # the first of a kind reads what is not in memory yet
    before = reloads()
    samples.command("no-op apply", [PROGRAM, "apply"], times=times)
    samples.number("Reloads, no-op apply", (reloads() - before) / times)
    samples.command("python3 -c pass", ["python3", "-c", "pass"], times=times)
    samples.command("python3 reading all units", ["python3", "-c", _READ_ALL], times=times)
    samples.command("plan, nothing new", [PROGRAM, "plan"], times=max(1, times // 3))
    samples.command("list", [PROGRAM, "list"], times=max(1, times // 3))
    _apply(samples, "apply of one changed job", as_yaml(jobs, changed=1))
    samples.number("MiB of PID 1", pid1_memory())
    _translate(samples)
    samples.print()


def _starts(samples: Samples) -> None:
    for name, argv in (
        ("--help", [PROGRAM, "--help"]),
        ("apply --help", [PROGRAM, "apply", "--help"]),
        ("completion", ["env", *_COMPLETION, PROGRAM]),
    ):
        samples.command("(warm up)", argv)
        samples.command(name, argv, times=7)


_COMPLETION = (
    "_DEBVISOR_TIMERS_COMPLETE=bash_complete",
    "COMP_WORDS=debvisor-timers ap",
    "COMP_CWORD=1",
)


def _apply(samples: Samples, name: str, text: str) -> None:
    FILE.write_text(text)
    before = reloads()
    settle(UNITS)
    samples.command(name, [PROGRAM, "apply", "--yes"])
    samples.number(f"Reloads, {name}", reloads() - before)


def _translate(samples: Samples) -> None:
    lines = Path("/tmp/expressions")
    one = Path("/tmp/expression")
    jobs = bench_jobs(EXPRESSIONS)
    lines.write_text("".join(f"{job.zone}\t{job.cron}\n".lstrip("\t") for job in jobs))
    one.write_text("0 2 * * *\n")
    argv = [PROGRAM, "translate", "--stdin", "--json"]
    samples.command("translate, 1 line", argv, stdin=one, times=3)
    samples.command("translate, 20,000 lines", argv, stdin=lines, times=3)
    lines.write_text("".join(f"Europe/Berlin\t{_cron(number)}\n" for number in range(EXPRESSIONS)))
    samples.command("translate, 20,000 with a DST zone", argv, stdin=lines, times=3)


def _cron(number: int) -> str:
    """Return one of as many different expressions; all hours come, those of clock changes too."""
    minute, hour, day = number % 60, number // 60 % 24, 1 + number // 1440
    days = (f"{day} * *", f"{day},L * *", f"* * {day % 7}", f"{day}-31 */{1 + day % 3} 1-5")
    clock = f"{minute} {hour}" if number % 5 else f"*/{1 + minute} {hour}-23"
    return f"{clock} {days[number % 4]}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
