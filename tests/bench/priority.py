# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: two busy jobs of different priority on one processor; who gets how much."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Samples, run
from tests.bench.program import FILE, PROGRAM

PAIRS = (("critical", "normal"), ("high", "normal"), ("high", "low"), ("normal", "low"))
MACHINE = "machine.slice"
"""Where virtual machines run; a service there takes the place of one."""

_CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
_BUSY = "while :; do :; done"
_WEIGHT = {"critical": 1000, "high": 300, "normal": 100, "low": 20, "debvisor": 20, MACHINE: 100}
_NICE = {"critical": -5, "high": 0, "normal": 5, "low": 15}
_DEADLINE_SECONDS = 60


def main(seconds: float) -> None:
    """Measure each pair for so long; where weights are not enforced, check that they are set."""
    core = max(os.sched_getaffinity(0))
    FILE.write_text("jobs:\n" + "".join(_job(priority, core) for priority in _NICE))
    run([PROGRAM, "apply"])
    samples = Samples()
    samples.number("cpu controller", float(has_controller()))
    samples.number("wrong properties", len([*_wrong_properties()]))
    for pair in PAIRS:
        _compare(samples, pair, [_unit(priority) for priority in pair], seconds)
    with _machine(core) as machine:
        pair = ("high", MACHINE)
        _compare(samples, ("debvisor", MACHINE), [_unit(pair[0]), machine], seconds)
    samples.print()


def has_controller() -> bool:
    """Return True where the kernel lets systemd of this box weigh CPU time."""
    return "cpu" in _CONTROLLERS.read_text().split()


def _job(priority: str, core: int) -> str:
    return (
        f"  busy-{priority}:\n    priority: {priority}\n    script: '{_BUSY}'\n"
        f"    unit: {{Service: {{CPUAffinity: {core}}}}}\n"
    )


def _unit(priority: str) -> str:
    return f"debvisor-job-busy-{priority}.service"


@contextmanager
def _machine(core: int) -> Iterator[str]:
    """Give a transient service that is as busy, where virtual machines are."""
    name = "bench-machine.service"
    options = [f"--unit={name}", f"--slice={MACHINE}", f"--property=CPUAffinity={core}"]
    run(["systemd-run", "--quiet", *options, "/bin/sh", "-c", _BUSY])
    try:
        yield name
    finally:
        run(["systemctl", "stop", name])


def _compare(samples: Samples, pair: Sequence[str], units: Sequence[str], seconds: float) -> None:
    name = " / ".join(pair)
    first, second = (_WEIGHT[one] for one in pair)
    samples.number(f"{name}: weights", 100 * first / (first + second))
    run(["systemctl", "start", "--no-block", *units])
    try:
        samples.number(f"{name}: share", 100 * _share(units, seconds))
    finally:
        run(["systemctl", "stop", *[unit for unit in units if unit.startswith("debvisor-")]])
        subprocess.run(["systemctl", "reset-failed"], check=True)


def _share(units: Sequence[str], seconds: float) -> float:
    """Return the share that the first has of the CPU time that both get."""
    pids = [_busy_pid(unit) for unit in units]
    before = [_nanoseconds(pid) for pid in pids]
    time.sleep(seconds)  # the measurement itself
    first, second = (_nanoseconds(pid) - ns for pid, ns in zip(pids, before, strict=True))
    return first / (first + second)


def _busy_pid(unit: str) -> int:
    """Return the process of `unit`, as soon as it is the shell with the loop."""
    argv = ["systemctl", "show", "--property=MainPID", "--value", unit]
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        pid = int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        if pid and Path(f"/proc/{pid}/comm").read_text() in {"sh\n", "dash\n"}:
            return pid
        time.sleep(0.05)
    raise TimeoutError(f"{unit} is not busy")


def _nanoseconds(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _wrong_properties() -> Iterator[str]:
    """Yield what systemd has otherwise than the priorities say."""
    slices = {"debvisor.slice": _WEIGHT["debvisor"]}
    slices |= {f"debvisor-{priority}.slice": _WEIGHT[priority] for priority in _NICE}
    for name, weight in slices.items():
        if _property(name, "CPUWeight") != str(weight):
            yield f"{name}: CPUWeight"
    for priority, nice in _NICE.items():
        if _property(_unit(priority), "Nice") != str(nice):
            yield f"{priority}: Nice"
        if not _property(_unit(priority), "Slice").startswith(f"debvisor-{priority}-"):
            yield f"{priority}: Slice"


def _property(unit: str, name: str) -> str:
    argv = ["systemctl", "show", f"--property={name}", "--value", unit]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(float(sys.argv[1]))
