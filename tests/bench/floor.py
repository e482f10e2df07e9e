# SPDX-License-Identifier: Apache-2.0
"""Inside a fresh box: the least that bringing up the same units costs, with nothing of ours."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from pathlib import Path

from tests.bench.measure import Samples, settle
from tests.bench.pid1 import Pid1
from tests.bench.program import UNITS

TARGET = "debvisor-timers.target"


def main(rendered: Path) -> None:
    """Measure with the units in `rendered`, a copy of what an apply wrote."""
    samples = Samples()
    files = {
        path.name: path.read_bytes()
        for path in rendered.glob("debvisor-job-*")
        if path.is_file() and not path.is_symlink()
    }
    wants = f"{TARGET}.wants"
    links = {path.name: os.readlink(path) for path in (rendered / wants).glob("debvisor-job-*")}  # noqa: PTH115
    staged = Path("/var/tmp/staged")
    staged.mkdir()
    for name, text in files.items():
        (staged / name).write_bytes(text)
    verify = ["systemd-analyze", "verify", "--man=no", "--generators=no", "--recursive-errors=no"]
    paths = [str(staged / name) for name in files]
    samples.command("floor: verify", ["xargs", "-a", _listed(paths), *verify, "--"])
    settle(UNITS)
    with samples.here("floor: write, one sync"):
        _write(files, links, UNITS / wants)
    pid1 = Pid1()
    with samples.here("floor: Reload"):
        pid1.reload()
    with samples.here("floor: start of the target"):
        pid1.start(TARGET)
    with samples.here("Reload, all timers active"):
        pid1.reload()
    samples.number("files and links", len(files) + len(links))
    samples.number("KiB of files", sum(map(len, files.values())) / 1024)
    shutil.rmtree(staged)
    samples.print()


def _listed(paths: list[str]) -> str:
    listed = Path("/tmp/paths")
    listed.write_text("\n".join(paths))
    return str(listed)


def _write(files: dict[str, bytes], links: dict[str, str], wants: Path) -> None:
    stage = UNITS / ".bench-stage"
    stage.mkdir()
    for name, text in files.items():
        (stage / name).write_bytes(text)
    descriptor = os.open(stage, os.O_RDONLY)
    ctypes.CDLL(None).syncfs(descriptor)
    os.close(descriptor)
    for name in files:
        os.rename(stage / name, UNITS / name)  # noqa: PTH104
    wants.mkdir(exist_ok=True)
    for name, target in links.items():
        os.symlink(target, wants / name)  # noqa: PTH211
    stage.rmdir()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
