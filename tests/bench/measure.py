# SPDX-License-Identifier: Apache-2.0
"""How a thing is measured inside the box: whole processes, and what PID 1 did meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict


class Sample(TypedDict):
    """One measurement: seconds of wall clock, of CPU (with children), of PID 1's CPU; MiB."""

    wall: float
    cpu: float
    pid1: float
    peak: float


class Samples:
    """Measurements by name, in the order in which they were taken."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[Sample]] = {}
        self.numbers: dict[str, list[float]] = {}

    def add(self, name: str, sample: Sample) -> Sample:
        self.by_name.setdefault(name, []).append(sample)
        return sample

    def number(self, name: str, value: float) -> None:
        """Keep a number that is no time: a count, a size."""
        self.numbers.setdefault(name, []).append(value)

    def command(
        self, name: str, argv: Sequence[str], *, times: int = 1, stdin: Path | None = None
    ) -> None:
        """Measure the whole process `argv`, `times` times; it must end with 0."""
        for _ in range(times):
            self.add(name, run(argv, stdin=stdin))

    @contextmanager
    def here(self, name: str) -> Iterator[None]:
        """Measure the block, in this process; its peak memory is not."""
        pid1, cpu, wall = pid1_cpu(), time.process_time(), time.monotonic()
        yield
        self.add(
            name,
            Sample(
                wall=time.monotonic() - wall,
                cpu=time.process_time() - cpu,
                pid1=pid1_cpu() - pid1,
                peak=0.0,
            ),
        )

    def print(self) -> None:
        """Hand everything to the host."""
        json.dump({"samples": self.by_name, "numbers": self.numbers}, sys.stdout)


def settle(folder: Path) -> None:
    """Bring to the disk what others have written, so that the next sync is of our files alone."""
    subprocess.run(["sync", "--file-system", str(folder)], check=True)


def run(argv: Sequence[str], *, stdin: Path | None = None) -> Sample:
    """Run `argv` to its end and return what it cost; raises when it ends other than with 0."""
    pid1, wall = pid1_cpu(), time.monotonic()
    with open(stdin or os.devnull, "rb") as source, open("/tmp/bench.out", "wb") as said:  # noqa: PTH123
        process = subprocess.Popen(argv, stdin=source, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv}: {Path('/tmp/bench.out').read_text()[-2000:]}")
    return Sample(
        wall=time.monotonic() - wall,
        cpu=usage.ru_utime + usage.ru_stime,
        pid1=pid1_cpu() - pid1,
        peak=usage.ru_maxrss / 1024,
    )


def pid1_cpu() -> float:
    """Return the CPU seconds of PID 1 so far; it has one thread, whose nanoseconds are counted."""
    return int(Path("/proc/1/schedstat").read_text().split()[0]) / 1e9


def pid1_memory() -> float:
    """Return the resident memory of PID 1 in MiB."""
    lines = Path("/proc/1/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def reloads() -> int:
    """Return how often PID 1 has reloaded its units since the box was booted."""
    subprocess.run(["journalctl", "--sync"], check=True)
    argv = ["journalctl", "--quiet", "--output=cat", "_PID=1"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return sum(line.startswith("Reloading finished in") for line in said.splitlines())
