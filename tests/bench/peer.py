# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: systemd-cron's generator on the same schedules, written as a crontab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.jobs import as_crontab, bench_jobs
from tests.bench.measure import Samples, pid1_memory
from tests.bench.pid1 import Pid1

GENERATOR = Path("/usr/lib/systemd/system-generators/systemd-crontab-generator")
CRONTAB = Path("/etc/cron.d/bench")


def main(count: int, times: int) -> None:
    """Measure with `count` lines."""
    samples = Samples()
    CRONTAB.write_text(as_crontab(bench_jobs(count)))
    out = Path("/tmp/generated")
    for _ in range(times):
        subprocess.run(["rm", "-rf", str(out)], check=True)
        for name in ("normal", "early", "late"):
            (out / name).mkdir(parents=True)
        argv = [str(GENERATOR), *(str(out / name) for name in ("normal", "early", "late"))]
        samples.command("peer: generator", argv)
    written = [path for path in out.rglob("*") if path.is_symlink() or path.is_file()]
    samples.number("peer: files and links", len(written))
    sizes = [path.stat().st_size for path in written if not path.is_symlink()]
    samples.number("peer: KiB of files", sum(sizes) / 1024)
    pid1 = Pid1()
    with samples.here("peer: Reload, generator included"):
        pid1.reload()
    with samples.here("peer: start of cron.target"):
        pid1.start("cron.target")
    with samples.here("peer: Reload, all timers active"):
        pid1.reload()
    samples.number("peer: active timers", _active())
    samples.number("peer: MiB of PID 1", pid1_memory())
    samples.print()


def _active() -> int:
    argv = ["systemctl", "list-units", "--type=timer", "--state=active", "--plain", "--no-legend"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return sum(line.startswith("cron-bench") for line in said.splitlines())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
