# SPDX-License-Identifier: Apache-2.0
"""`make bench`: measure in fresh boxes, print one table."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.bench.boxes import (
    PEER,
    fresh,
    history_layer,
    measured,
    program_layer,
    virtual,
    web_layer,
)
from tests.bench.program import UNITS
from tests.bench.result import Result
from tests.box import Layer, make
from tests.box.places import say

COPY = "/var/tmp/rendered"
_SECONDS_OF_A_PAIR = 8
_TIMES_A_READER = 9
_ROUNDS = {1_000: 3, 10_000: 1}


def main() -> int:
    """Measure as the command line says; 0 unless something could not be measured."""
    options = _options()
    rounds = options.rounds or next((n for most, n in _ROUNDS.items() if options.jobs <= most), 1)
    started = time.monotonic()
    result = Result()
    if options.only == "priority":
        with virtual() if options.vm else fresh(make(program_layer())) as guest:
            result.add(measured(guest, "priority", _SECONDS_OF_A_PAIR))
            report.machine(result, guest)
        sys.stdout.write(report.priority(result))
        return 0
    if options.only == "web":
        _web(options.jobs)
        return 0
    if options.only in {None, "history"}:
        _history(options.jobs)
        if options.only:
            return 0
    layer = make(program_layer())
    say("bench: what a run costs")
    with fresh(layer) as box:
        result.add(measured(box, "overhead", options.turns))
        report.machine(result, box)
    if options.only == "overhead":
        sys.stdout.write(report.overhead(result))
        return 0
    peer = make(PEER)
    for number in range(1, rounds + 1):
        say(f"bench: round {number} of {rounds}, {options.jobs} jobs")
        _round(result, layer, peer, options.jobs)
    say(f"bench: {time.monotonic() - started:.0f} s")
    sys.stdout.write(report.table(result, jobs=options.jobs, rounds=rounds))
    return 0


def _history(jobs: int) -> None:
    """Measure readers of the history, and print what that gave."""
    say("bench: what was")
    result = Result()
    with fresh(make(history_layer())) as box:
        result.add(measured(box, "history", jobs, _TIMES_A_READER))
        report.machine(result, box)
    sys.stdout.write(report.history(result))


def _web(jobs: int) -> None:
    """Measure reads of the web server, and print what that gave."""
    say(f"bench: the web server with {jobs} jobs")
    result = Result()
    with fresh(make(web_layer())) as box:
        found = measured(box, "web", jobs)
        report.machine(result, box)
    sys.stdout.write(report.web(result, found, jobs))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=0, help="fresh boxes per measurement")
    parser.add_argument(
        "--turns", type=int, default=120, help="runs of each kind, for what one costs"
    )
    parser.add_argument("--vm", action="store_true", help="priorities in a virtual machine")
    parts = ["history", "overhead", "priority", "web"]
    parser.add_argument("--only", choices=parts, help="measure nothing else")
    return parser.parse_args()


def _round(result: Result, layer: Layer, peer: Layer, jobs: int) -> None:
    """Measure the program, then the floor with the very units that it wrote, then the peer."""
    times = 9 if jobs <= 1_000 else 5
    with tempfile.TemporaryDirectory() as name:
        rendered = Path(name) / "rendered"
        with fresh(layer) as box:
            result.add(measured(box, "program", jobs, times))
            box.run(f"cp -a {UNITS} {COPY}")
            shutil.copytree(box.path / COPY[1:], rendered, symlinks=True)
        with fresh(layer) as box:
            shutil.copytree(rendered, box.path / COPY[1:], symlinks=True)
            result.add(measured(box, "floor", COPY))
    with fresh(peer) as box:
        result.add(measured(box, "peer", jobs, 3))


if __name__ == "__main__":
    sys.exit(main())
