# SPDX-License-Identifier: Apache-2.0
"""The boxes of the bench: what an apply writes lies on the disk of this machine, not in memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.box import (
    BASE,
    WEB,
    Bind,
    Box,
    Guest,
    Layer,
    build_deb,
    layer_of_deb,
    overlay,
    web_deb,
)
from tests.box.inside import SOURCE
from tests.box.places import CHECKOUT, cache
from tests.vm import VM, bootable_layer

ON_DISK = ("/etc/systemd/system", "/var/lib/debvisor-timers", "/var/lib/systemd/timers")

_PREFIX = "bench-"

PEER = Layer(name="peer", parent=BASE, packages=("systemd-cron",))


def history_layer() -> Layer:
    """Return the same with what writes journals of any content."""
    packages = ("systemd-journal-remote",)
    return Layer(name="history", parent=program_layer(), packages=packages)


def program_layer() -> Layer:
    """Return a plain Debian with the package of this checkout, and what it depends on."""
    return layer_of_deb(build_deb(), parent=BASE)


def web_layer() -> Layer:
    """Return the layer of the web server, with a client that asks so often a second."""
    deb = build_deb()
    base = Layer(name="bench-web-base", parent=WEB, packages=("hey",))
    return Layer(name="bench-web", parent=base, debs=(deb, web_deb(deb)))


@contextmanager
def fresh(layer: Layer) -> Iterator[Box]:
    """Give a booted box whose units and state are on a disk: a sync costs what it costs."""
    with _disk() as disk:
        places = {target: disk / target.replace("/", "_") for target in ON_DISK}
        binds = [Bind(source=CHECKOUT, target=SOURCE)]
        binds += [Bind(source=at, target=target, writable=True) for target, at in places.items()]
        box = Box(layer, binds=binds, empty=[f"{SOURCE}/debvisor_timers"])
        try:
            for target, at in places.items():
                (box.path / target[1:]).mkdir(parents=True, exist_ok=True)
                shutil.copytree(box.path / target[1:], at, symlinks=True)
            box.start()
            yield box
        finally:
            box.close()


@contextmanager
def _disk() -> Iterator[Path]:
    """Mount a new ext4 in a file of this machine's disk.

    Not a folder of the disk itself: where thousands of files were removed in the last minutes, as
    after each box, ext4 takes 1 ms for each new one, twenty times as long as elsewhere.
    """
    _remove_leftovers()
    place = cache() / f"{_PREFIX}{os.getpid()}"
    mounted, image = place / "mounted", place / "image"
    mounted.mkdir(parents=True)
    try:
        for argv in (
            ["truncate", "--size=1G", str(image)],
            ["mkfs.ext4", "-q", "-F", str(image)],
            ["mount", "-o", "loop", str(image), str(mounted)],
        ):
            subprocess.run(argv, check=True)
        yield mounted
    finally:
        _remove(place)


def _remove_leftovers() -> None:
    """Remove what a bench that was killed has left."""
    for place in cache().glob(f"{_PREFIX}*"):
        if not Path("/proc", place.name.removeprefix(_PREFIX)).exists():
            _remove(place)


def _remove(place: Path) -> None:
    overlay.unmount_below(place)
    shutil.rmtree(place)


@contextmanager
def virtual() -> Iterator[VM]:
    """Give a booted virtual machine with this folder in it: its kernel has all controllers."""
    with VM(bootable_layer()).started() as machine:
        for path in sorted(Path(__file__).parent.glob("*.py")):
            machine.write(f"{SOURCE}/tests/bench/{path.name}", path.read_text())
        machine.write(f"{SOURCE}/tests/__init__.py", "")
        yield machine


def measured(box: Guest, module: str, *arguments: object) -> dict[str, Any]:
    """Run the module of this package inside `box` and return what it printed."""
    script = 'cd "$1"; shift; exec python3 -m "$@"'
    argv = ["/bin/sh", "-ec", script, "sh", SOURCE, f"tests.bench.{module}", *map(str, arguments)]
    found: dict[str, Any] = json.loads(box.run(argv, timeout=3000).stdout)
    return found
