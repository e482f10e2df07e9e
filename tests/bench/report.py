# SPDX-License-Identifier: Apache-2.0
"""The table that `make bench` prints."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from tests.bench.history import (
    FIRST,
    LAST_20,
    LAST_20_OTHER,
    LIST,
    PEER_20,
    PEER_ALL,
    PEER_EACH,
    RUNS,
    STATS,
)
from tests.bench.overhead import BARE, EMPTY, FULL, PLAIN
from tests.bench.priority import MACHINE, PAIRS
from tests.bench.program import EXPRESSIONS
from tests.bench.result import Result
from tests.box import Box, Guest

_FLOOR = (
    "floor: write, one sync",
    "floor: verify",
    "floor: Reload",
    "floor: start of the target",
)


def machine(result: Result, box: Guest) -> None:
    """Note what we measure on."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    result.facts["machine"] = (
        f"{os.cpu_count()} x {cpu[1] if cpu else os.uname().machine}, {memory:.0f} GiB,"
        f" Linux {os.uname().release}"
    )
    versions = box.run("systemctl --version | head -n 1; python3 --version").stdout.split("\n")
    where = "a systemd-nspawn container" if isinstance(box, Box) else "a virtual machine"
    result.facts["software"] = ", ".join([*versions[:2], f"in {where}"])


def table(result: Result, *, jobs: int, rounds: int) -> str:
    """Return the whole report as text."""
    return "\n".join([*_head(result, jobs, rounds), *_times(result), *_numbers(result, jobs), ""])


def _head(result: Result, jobs: int, rounds: int) -> Iterator[str]:
    yield f"debvisor-timers, {jobs:,} jobs, {rounds} round(s), each in freshly booted containers"
    yield from _machine(result)
    yield "units and state on a new ext4 on a disk, the rest in memory; all caches warm;"
    yield "times are of whole processes; CPU is theirs and their children's, PID 1's apart"
    yield from _columns()


def _machine(result: Result) -> Iterator[str]:
    yield f"machine: {result.facts['machine']}; load now {os.getloadavg()[0]:.1f}"
    yield f"software: {result.facts['software']}"


def _columns() -> Iterator[str]:
    yield ""
    yield f"{'':37}{'median':>9} {'min':>8} {'max':>8} {'CPU':>8} {'PID 1':>8} {'MiB':>6} {'n':>4}"


def _times(result: Result) -> Iterator[str]:
    for name, samples in result.samples.items():
        if name.startswith("("):
            continue
        walls = [sample["wall"] for sample in samples]
        peak = max(sample["peak"] for sample in samples)
        cells = (
            *(median(walls), min(walls), max(walls)),
            median(sample["cpu"] for sample in samples),
            median(sample["pid1"] for sample in samples),
        )
        shown = " ".join(f"{_seconds(cell):>8}" for cell in cells)
        yield f"{name:37} {shown} {f'{peak:.0f}' if peak else '':>6} {len(samples):>4}"


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s "


def _numbers(result: Result, jobs: int) -> Iterator[str]:
    yield ""
    for name, values in result.numbers.items():
        yield f"{name:48} {median(values):>10,.6g}"
    yield ""
    for name, value, goal in _ratios(result, jobs):
        yield f"{name:48} {value:>10}   goal: {goal}"


def _ratios(result: Result, jobs: int) -> Iterator[tuple[str, str, str]]:
    floor = sum(result.wall(name) for name in _FLOOR)
    floor_cpu = sum(result.cpu(name) for name in _FLOOR)
    yield (
        "first apply / floor, wall",
        f"{result.wall('first apply') / floor:.2f}",
        f"1.5; the floor is {_seconds(floor)}",
    )
    yield "first apply / floor, CPU", f"{result.cpu('first apply') / floor_cpu:.2f}", "none"
    goal = "0.4 s" if jobs <= 1_000 else "1 s"
    yield "no-op apply", _seconds(result.wall("no-op apply")), goal
    least = result.wall("python3 reading all units")
    yield "no-op apply / Python that reads the units", _over(result.wall("no-op apply"), least), ""
    yield "--help", _seconds(result.wall("--help")), "60 ms"
    yield "completion", _seconds(result.wall("completion")), "60 ms"
    many = result.wall("translate, 20,000 lines") - result.wall("translate, 1 line")
    yield "translate, expressions per second", f"{EXPRESSIONS / many:,.0f}", "20,000"
    some = result.wall("translate, 20,000 with a DST zone") - result.wall("translate, 1 line")
    yield "translate, with a DST zone", f"{EXPRESSIONS / some:,.0f}", "3,000"
    yield from _overhead(result)
    yield (
        "floor: Reload, first / peer's",
        _over(result.wall("floor: Reload"), result.wall("peer: Reload, generator included")),
        "",
    )
    yield (
        "Reload, all timers active / peer's",
        _over(
            result.wall("Reload, all timers active"), result.wall("peer: Reload, all timers active")
        ),
        "",
    )


def _overhead(result: Result) -> Iterator[tuple[str, str, str]]:
    for name, words in ((PLAIN, "a run"), (FULL, "with retries, pool, dependency")):
        halves = " and ".join(
            _over(median(ours), median(empty))
            for ours, empty in zip(
                _halves(result.walls(name)), _halves(result.walls(EMPTY)), strict=True
            )
        )
        goal = f"1.5; of the turns' halves {halves}"
        yield f"{words} / three empty", _over(result.wall(name), result.wall(EMPTY)), goal
        yield "  the same in CPU", _over(result.cpu(name), result.cpu(EMPTY)), "none"
    cost = result.wall(PLAIN) - result.wall(BARE)
    yield "what a run costs more than /bin/true alone", _seconds(cost), "none"


def _halves(values: list[float]) -> tuple[list[float], list[float]]:
    middle = len(values) // 2
    return values[:middle], values[middle:]


def overhead(result: Result) -> str:
    """Return the report on what a run costs, as text."""
    rows = [f"{name:48} {value:>10}   goal: {goal}" for name, value, goal in _overhead(result)]
    return "\n".join([*_machine(result), *_columns(), *_times(result), "", *rows, ""])


def history(result: Result) -> str:
    """Return the report on what readers of the history cost, as text."""
    rows = [f"{name:48} {value:>10}   goal: {goal}" for name, value, goal in _history(result)]
    entries = f"{result.number('entries'):,.0f} entries in the journal"
    size = f"{result.number('MiB of the index'):.1f} MiB of index"
    return "\n".join(
        [*_machine(result), f"{entries}, {size}", *_columns(), *_times(result), "", *rows, ""]
    )


def _history(result: Result) -> Iterator[tuple[str, str, str]]:
    for name, goal, peer in (
        (LAST_20, "100 ms", PEER_20),
        (LAST_20_OTHER, "100 ms", PEER_20),
        (STATS, "250 ms", PEER_ALL),
        (LIST, "500 ms", PEER_EACH),
    ):
        wall = result.wall(name)
        yield name, _seconds(wall), f"{goal}; {_over(wall, result.wall(peer))} of {peer}"
    yield f"{FIRST}, runs per second", f"{RUNS * 1.1 / result.wall(FIRST):,.0f}", "none"


def priority(result: Result) -> str:
    """Return the report on priorities, as text."""
    lines = [*_machine(result), "two busy jobs on one processor: the share that the first gets", ""]
    lines += [f"{'':28}{'measured':>10} {'weights':>10}"]
    for first, second in (*PAIRS, ("debvisor", MACHINE)):
        name = f"{first} / {second}"
        share, weights = result.number(f"{name}: share"), result.number(f"{name}: weights")
        lines += [f"{name:28}{share:>8.1f} % {weights:>8.1f} %"]
    wrong = result.number("wrong properties")
    lines += ["", "the properties are as they should be" if not wrong else f"{wrong:.0f} are wrong"]
    if not result.number("cpu controller"):
        lines += [
            "the kernel gives this box no cpu controller: the weights are set, and count for",
            "nothing here; Nice= counts between services where kernel.sched_autogroup_enabled=0;",
            "`python3 -m tests.bench --only priority --vm` measures where all of it counts",
        ]
    return "\n".join([*lines, ""])


def web(result: Result, found: Mapping[str, Mapping[str, float]], jobs: int) -> str:
    """Return what reads of the web server took, in milliseconds."""
    lines = [f"Reads of the web server on one processor, {jobs} jobs", ""]
    for name, numbers in found.items():
        lines += [name, *(f"  {what:<32} {number:10.1f}" for what, number in numbers.items()), ""]
    return "\n".join([*lines, *_machine(result), ""])


def _over(value: float, least: float) -> str:
    return f"{value / least:.2f}"
