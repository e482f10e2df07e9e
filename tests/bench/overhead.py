# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: what begin, run and end add to a run, beside three empty programs."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.measure import Samples, run
from tests.bench.pid1 import Pid1
from tests.bench.program import CONFIG, FILE, PROGRAM

BARE = "run: /bin/true alone"
EMPTY = "run: three empty programs"
PLAIN = "run: begin, run, end"
FULL = "run: with retries, pool, dependency"

_EMPTY = Path("/usr/local/libexec/empty")
_UNITS = Path("/run/systemd/system")
_LAST = Path("/var/lib/debvisor-timers/last")
_OFTEN = "[Unit]\nStartLimitIntervalSec=0\n"
_SERVICE = f"{_OFTEN}[Service]\nType=oneshot\n"
_POOLS = "pools: {bench: 2}\n"
_JOBS = """\
jobs:
  plain: {command: [/bin/true]}
  needed: {schedule: "0 0 1 1 *", command: [/bin/true]}
  full:
    command: [/bin/true]
    retries: {max: 3, delay: 60s}
    pool: bench
    depends_on: [{job: needed, type: requires, max_age: 24h}]
"""
_START_USEC = "DEBVISOR_START_USEC="


def main(times: int) -> None:
    """Measure `times` runs of each kind, taking turns."""
    kinds = _install()
    pid1, samples = Pid1(), Samples()
    for unit in kinds.values():
        pid1.keep(unit)
    # What `full` needs has to have succeeded. The first of each loads the unit and the programs.
    for unit in ("debvisor-job-needed.service", *kinds.values()):
        _start(pid1, unit)
    before = {job: _start_of(job) for job in ("plain", "full")}
    for turn in range(times):
        for name in _in_turn(list(kinds), turn):
            with samples.here(name):
                _start(pid1, kinds[name])
            samples.by_name[name][-1]["cpu"] = pid1.cpu_of(kinds[name])
    for job, start in before.items():
        assert _start_of(job) > start, f"the runs of {job} were skipped"
    samples.print()


def _install() -> dict[str, str]:
    """Write all units; return the unit of each kind, by the name of the measurement."""
    CONFIG.write_text(_POOLS)
    FILE.write_text(_JOBS)
    often = _UNITS / "debvisor-job-.service.d/often.conf"
    often.parent.mkdir(parents=True, exist_ok=True)
    often.write_text(_OFTEN)
    _EMPTY.parent.mkdir(parents=True, exist_ok=True)
    _EMPTY.write_text("#!/usr/bin/python3 -IS\n")
    _EMPTY.chmod(0o755)
    three = f"ExecStartPre=+{_EMPTY} a\nExecStart={_EMPTY} a\nExecStopPost=+{_EMPTY} a\n"
    (_UNITS / "bench-bare.service").write_text(f"{_SERVICE}ExecStart=/bin/true\n")
    (_UNITS / "bench-empty.service").write_text(_SERVICE + three)
    run([PROGRAM, "apply"])
    return {
        BARE: "bench-bare.service",
        EMPTY: "bench-empty.service",
        PLAIN: "debvisor-job-plain.service",
        FULL: "debvisor-job-full.service",
    }


def _in_turn(kinds: list[str], turn: int) -> list[str]:
    """Return the kinds in another order each time: each has each of the others before it.

    journald and PID 1 still work on what one run left behind while the next one begins.
    """
    kinds = kinds[::-1] if turn // len(kinds) % 2 else kinds
    first = turn % len(kinds)
    return kinds[first:] + kinds[:first]


def _start(pid1: Pid1, unit: str) -> None:
    result = pid1.start(unit)
    assert result == "done", (unit, result)


def _start_of(job: str) -> int:
    """Return when the last run of a job began that was no skip."""
    lines = (_LAST / job).read_text().splitlines()
    starts = [line.removeprefix(_START_USEC) for line in lines if line.startswith(_START_USEC)]
    return int(starts[0])


if __name__ == "__main__":
    main(int(sys.argv[1]))
