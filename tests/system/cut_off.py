# SPDX-License-Identifier: Apache-2.0
"""debvisor-timers with one place where it stops: to be killed, signalled or waited for there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tests.system.host import Host

STEPS = (
    "writing job files",
    "stopping changed timers",
    "writing scripts",
    "writing units",
    "keeping runs as they began",
    "reloading systemd",
    "setting stamps",
    "starting timers",
    "checking timers",
    "keeping the generation",
)
"""The steps of an apply; to be cut off at one means: before anything of it is done."""
HALF_OF_THE_UNITS = "half of the units"
UNDONE = (*STEPS, HALF_OF_THE_UNITS)
COMMITTED = "after the last step"
"""The generation stands; tidying up has not begun."""

_PROGRAM = """
import os, signal, sys
from debvisor_timers.cli.main import main
from debvisor_timers.operations.applying import steps
from debvisor_timers.systemd.unit_directory import DiskUnitDirectory

place, action = sys.argv[1:3]
sys.argv[1:] = sys.argv[3:]
real_steps, real_put = steps._steps, DiskUnitDirectory._put
put = 0

def stop():
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print(os.getpid(), flush=True)
    while not os.path.exists("/run/go-on"):
        signal.sigtimedwait([], 0.05)

def steps_with_a_place(*arguments):
    for name, take in real_steps(*arguments):
        if action == "name":
            print(name)
        yield name, (lambda take=take: (stop(), take())) if name == place else take
    if place == "after the last step":
        stop()

def put_with_a_place(self, name, source):
    global put
    put += 1
    if place == "half of the units" and put == 4:
        stop()
    real_put(self, name, source)

steps._steps = steps_with_a_place
DiskUnitDirectory._put = put_with_a_place
main()
"""


def _argv(place: str, action: str, command: Sequence[str]) -> list[str]:
    return ["python3", "-c", _PROGRAM, place, action, *command]


def names_of_steps(host: Host) -> tuple[str, ...]:
    """Apply, and return the steps that were taken."""
    done = host.box.run(_argv("", "name", ["apply", "--yes"]))
    return tuple(done.stdout.splitlines()[:-1])


def kill_command(host: Host, place: str, *command: str) -> None:
    """Run a command that applies something, and be killed by SIGKILL at `place`."""
    done = host.box.run(_argv(place, "kill", command), check=False)
    assert done.returncode in {-9, 137}, f"not killed at {place}: {done.stdout}{done.stderr}"


def kill_apply(host: Host, place: str, *options: str) -> None:
    """Apply, and be killed by SIGKILL at `place`."""
    kill_command(host, place, "apply", "--yes", *options)


def stop_apply(host: Host, place: str) -> tuple[subprocess.Popen[str], str]:
    """Apply, stopping at `place` until /run/go-on is there; gives its process and its PID."""
    process = host.box.spawn(_argv(place, "wait", ["apply", "--yes"]))
    assert process.stdout
    pid = process.stdout.readline().strip()
    assert pid.isdigit(), process.stderr and process.stderr.read()
    return process, pid
