# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: what begin, run and end add to a run, beside three empty programs."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.jobs import as_yaml, bench_jobs
from tests.bench.measure import Samples, run
from tests.bench.pid1 import Pid1
from tests.bench.program import FILE, PROGRAM

_EMPTY = Path("/usr/local/libexec/empty")
_UNITS = Path("/run/systemd/system")
_OFTEN = "[Unit]\nStartLimitIntervalSec=0\n"
_PLAIN = f"{_OFTEN}[Service]\nType=oneshot\n"


def main(times: int) -> None:
    """Measure `times` runs of each kind, taking turns."""
    jobs = bench_jobs(1)
    FILE.write_text(as_yaml(jobs))
    often = _UNITS / "debvisor-job-.service.d/often.conf"
    often.parent.mkdir(parents=True, exist_ok=True)
    often.write_text(_OFTEN)
    run([PROGRAM, "apply"])
    _EMPTY.parent.mkdir(parents=True, exist_ok=True)
    _EMPTY.write_text("#!/usr/bin/python3 -IS\n")
    _EMPTY.chmod(0o755)
    three = f"ExecStartPre=+{_EMPTY} a\nExecStart={_EMPTY} a\nExecStopPost=+{_EMPTY} a\n"
    _UNITS.mkdir(parents=True, exist_ok=True)
    (_UNITS / "bench-bare.service").write_text(f"{_PLAIN}ExecStart=/bin/true\n")
    (_UNITS / "bench-empty.service").write_text(_PLAIN + three)
    kinds = {
        "run: /bin/true alone": "bench-bare.service",
        "run: three empty programs": "bench-empty.service",
        "run: begin, run, end": f"debvisor-job-{jobs[0].id}.service",
    }
    pid1, samples = Pid1(), Samples()
    for unit in kinds.values():
        pid1.keep(unit)
    for turn in range(times + 1):
        for name, unit in kinds.items():
            with samples.here(name):
                result = pid1.start(unit)
            assert result == "done", (unit, result)
            samples.by_name[name][-1]["cpu"] = pid1.cpu_of(unit)
            if not turn:  # loading the unit, and the first import of each program
                samples.by_name[name].clear()
    samples.print()


if __name__ == "__main__":
    main(int(sys.argv[1]))
