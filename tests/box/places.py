# SPDX-License-Identifier: Apache-2.0
"""Where the box keeps its things: one folder that lasts (cache), one that does not (run)."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = Path("/run/debvisor-timers-box")


def cache() -> Path:
    """Return ${XDG_CACHE_HOME:-~/.cache}/debvisor-timers: layers, packages, locks."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "debvisor-timers"


def say(text: str) -> None:
    """Tell the person who waits what goes on (standard error)."""
    sys.stderr.write(f"box: {text}\n")
    sys.stderr.flush()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say `what` now, and how long it took once it is done."""
    say(f"{what} ...")
    started = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - started:.1f} s")


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` against every other process; the kernel lets go of it when we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
