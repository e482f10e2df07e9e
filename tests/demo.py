# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the main job from the first YAML to the history, in a booted Debian 13."""

from __future__ import annotations

import sys
import time

from tests.box import Box, installed_layer

JOBS = """\
jobs:
  heartbeat:
    description: Says that it is alive, every ten seconds.
    schedule: {on_calendar: "*:*:00/10"}
    command: [/bin/echo, "alive at %H:%M, $HOME stays $HOME"]

  nightly-backup:
    name: Nightly backup of the virtual machines
    schedule:
      cron: "30 2 * * mon-fri"
      catch_up: once
    timeout: 2h
    priority: low
    script: |
      echo "would back up the virtual machines of $(hostname)"
"""
FILE = "/etc/debvisor/timers/jobs.d/demo.yaml"
MISTAKE = JOBS.replace("30 2 * * mon-fri", "30 25 * * mon-fri").replace("timeout", "timeuot")
REPAIRED = JOBS.replace("30 2 * * mon-fri", "30 3 * * mon-fri")


def main() -> int:
    """Play the demo; return 0 when every command ended as it should."""
    started = time.monotonic()
    say("A Debian 13 with systemd and the package, in a container.")
    with Box.boot(installed_layer(), hostname="hypervisor") as box:
        play(box)
    say(f"That was all; it took {time.monotonic() - started:.0f} s. The container is gone.")
    return 0


def play(box: Box) -> None:
    """Show the main job, an edit with a mistake, and its repair."""
    say("An administrator writes jobs into a file:")
    box.write(FILE, JOBS)
    show(box, f"cat {FILE}")
    say("What would happen, and then doing it:")
    show(box, "debvisor-timers plan")
    show(box, "debvisor-timers apply")
    say("From here on it is plain systemd; no daemon of ours is running.")
    show(box, "systemctl list-timers 'debvisor-job-*' --no-pager")
    show(box, "systemctl cat debvisor-job-heartbeat.timer --no-pager")
    say("Waiting for heartbeat's own timer to fire ...")
    box.wait_until(
        "debvisor-timers history heartbeat --json | grep -q succeeded", 30, "heartbeat ran"
    )
    show(box, "debvisor-timers history heartbeat")
    show(box, "journalctl --unit debvisor-job-heartbeat --no-pager --output cat")
    say("A job can be run by hand; its schedule is not touched.")
    show(box, "debvisor-timers run nightly-backup --wait")
    show(box, "debvisor-timers list")
    say("An edit with two mistakes changes nothing:")
    box.write(FILE, MISTAKE)
    show(box, "debvisor-timers apply", expected=3)
    say("The repaired edit moves the backup to 03:30, and starts nothing:")
    box.write(FILE, REPAIRED)
    show(box, "debvisor-timers plan --diff")
    show(box, "debvisor-timers apply")
    say("What was, in figures, and who has changed what:")
    show(box, "debvisor-timers stats heartbeat")
    show(box, "debvisor-timers history")
    show(box, "debvisor-timers audit")
    show(box, "debvisor-timers audit --verify")
    show(box, "debvisor-timers status")


def say(text: str) -> None:
    """Print a remark."""
    sys.stdout.write(f"\n# {text}\n")
    sys.stdout.flush()


def show(box: Box, command: str, *, expected: int = 0) -> None:
    """Print `command`, run it in the box as root, print what it says.

    Ends the demo when the command does not exit with `expected`.
    """
    sys.stdout.write(f"\nroot@hypervisor:~# {command}\n")
    done = box.run(f"{command} 2>&1", check=False)
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if done.returncode != expected:
        sys.exit(f"demo: {command} exited with {done.returncode}, not {expected}")


if __name__ == "__main__":
    sys.exit(main())
