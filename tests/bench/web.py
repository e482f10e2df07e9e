# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: reads of the web server, 200 a second, on one processor; idle streams."""

from __future__ import annotations

import csv
import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.jobs import as_yaml, bench_jobs
from tests.bench.program import FILE, PROGRAM

API = "http://127.0.0.1:5000/api/v1"
UNIT = "debvisor-timers-web.service"
SECONDS = 20
STREAMS = 500
READS = (
    ("jobs?limit=100", 40),
    ("jobs/bench-00007", 60),
    ("jobs?owner=nobody", 30),
    ("jobs/bench-00011/history", 30),
    ("jobs/bench-00013/stats", 20),
    ("maintenance", 20),
)
"""What is read, and how often a second: 200 in all."""
FLOOR = (("health", 200),)
"""As much of what reads nothing: no request of the server can be faster."""
_WORKERS = 2


def main(jobs: int) -> None:
    """Measure, and print it as JSON."""
    _prepare(jobs)
    token = json.loads(_output([PROGRAM, "token", "create", "bench", "--json"]))["token"]
    header = f"Authorization: Bearer {token}"
    for path, _ in READS:
        _output(["curl", "-sSf", "-o", "/dev/null", "-H", header, f"{API}/{path}"])
    floor = _load(header, FLOOR)
    found = {"floor: as many of /health": floor, "alone": _beside(_load(header), floor)}
    with _idle(token, STREAMS):
        found[f"beside {STREAMS} idle streams"] = _beside(_load(header), floor)
    sys.stdout.write(json.dumps(found))


def _beside(found: dict[str, float], floor: dict[str, float]) -> dict[str, float]:
    """Return what was measured with its ratio to the floor of this run."""
    return {**found, "p50, times the floor": found["p50"] / floor["p50"]}


def _prepare(jobs: int) -> None:
    Path(FILE).write_text(as_yaml(bench_jobs(jobs)), encoding="utf-8")
    _output([PROGRAM, "apply", "--yes"])
    folder = Path(f"/etc/systemd/system/{UNIT}.d")
    folder.mkdir()
    (folder / "bench.conf").write_text("[Service]\nCPUAffinity=0\n", encoding="utf-8")
    _output(["systemctl", "daemon-reload"])
    _output(["systemctl", "restart", UNIT])


def _load(header: str, reads: Sequence[tuple[str, int]] = READS) -> dict[str, float]:
    """Read all of `reads` at once; return what that took, in milliseconds."""
    began = time.monotonic()
    clients = [
        subprocess.Popen(
            [
                *("taskset", "-c", "1", "hey", "-o", "csv", "-z", f"{SECONDS}s", "-H", header),
                *("-c", str(_WORKERS), "-q", str(rate / _WORKERS), f"{API}/{path}"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for path, rate in reads
    ]
    texts = [client.communicate()[0] for client in clients]
    took = time.monotonic() - began
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    times = sorted(float(row["response-time"]) * 1000 for row in rows)
    found = {
        "requests a second": len(times) / took,
        "not 200": sum(row["status-code"] != "200" for row in rows),
        "p50": _share(times, 0.5),
        "p99": _share(times, 0.99),
        "longest": times[-1],
    }
    for (path, _), text in zip(reads, texts, strict=True):
        own = sorted(
            float(row["response-time"]) * 1000 for row in csv.DictReader(io.StringIO(text))
        )
        found[f"p99 {path}"] = _share(own, 0.99)
    return found


def _share(times: Sequence[float], part: float) -> float:
    return times[min(int(len(times) * part), len(times) - 1)]


@contextmanager
def _idle(token: str, count: int) -> Iterator[None]:
    """Hold so many streams open that nothing comes on."""
    streams = []
    for number in range(count):
        stream = socket.create_connection(("127.0.0.1", 5000))
        stream.sendall(
            f"GET /api/v1/jobs/bench-{number % 100:05d}/logs HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        if number % 20 == 19:
            head = stream.recv(100)
            assert head.startswith(b"HTTP/1.1 200"), head
        streams.append(stream)
    yield
    for stream in streams:
        stream.close()


def _output(argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(int(sys.argv[1]))
