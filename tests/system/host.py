# SPDX-License-Identifier: Apache-2.0
"""A box with the package, seen as its administrator sees it: job files, commands, systemd."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.box import Box

JOBS = "/etc/debvisor/timers/jobs.d"
UNITS = "/etc/systemd/system"
STATE = "/var/lib/debvisor-timers"
STAMPS = "/var/lib/systemd/timers"
TARGET = "debvisor-timers.target"

STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
"""systemd's message "Starting ..."; source: systemd 257, sd-messages.h."""

READING = {"audit", "history", "job", "list", "logs", "metrics", "report", "show", "stats"}
READING |= {"status", "timeline"}
"""Commands that tell what the journal has."""

_FILES = r"""
cd /etc/systemd/system
find . -name 'debvisor-*.wants' -prune -o -type f -name '*debvisor-*' -print0 \
    | sort -z | xargs -0r sha256sum
find . -type l -name 'debvisor-*' -printf '%p -> %l\n' | sort
find . -name '.debvisor-*'
echo scripts
ls /var/lib/debvisor-timers/scripts 2>/dev/null || :
echo state
ls -A /var/lib/debvisor-timers/generations 2>/dev/null || :
ls /var/lib/debvisor-timers/apply.json 2>/dev/null || :
"""


class Host:
    """A booted box with the package installed."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self._cursor: list[str] = []

    def watch(self) -> None:
        """Let `records`, `started` and `reloads` look at what comes from now on."""
        self._cursor = []
        self._cursor = [f"--after-cursor={self.records('--lines=1')[0]['__CURSOR']}"]

    def write(self, yaml: str, name: str = "jobs.yaml") -> None:
        """Write a file of jobs."""
        self.box.write(f"{JOBS}/{name}", yaml, 0o640)

    def cli(
        self,
        *arguments: str,
        expect: int = 0,
        user: str = "",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run debvisor-timers with `arguments`; it has to end with `expect`, not by a bug.

        What was sent to the journal before can be read by it.
        """
        if arguments and arguments[0] in READING:
            # A record that was sent waits until journald comes to run.
            self.box.run(["journalctl", "--sync"], check=False)
        argv = ["debvisor-timers", *arguments]
        done = self.box.run(argv, check=False, user=user, env=env, timeout=120)
        said = f"{' '.join(argv)}\n{done.stdout}{done.stderr}"
        assert done.returncode == expect, f"exit status {done.returncode}, not {expect}: {said}"
        assert "Traceback" not in done.stderr, said
        return done

    def apply(
        self, yaml: str | None = None, *options: str, expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Write `yaml` as the only file of jobs, and apply it."""
        if yaml is not None:
            self.write(yaml)
        return self.cli("apply", "--yes", *options, expect=expect)

    def json(self, *arguments: str, expect: int = 0, user: str = "") -> Any:
        """Return what a command prints with --json."""
        return json.loads(self.cli(*arguments, "--json", expect=expect, user=user).stdout)

    def plan_is_empty(self) -> bool:
        """Return whether there is nothing to apply."""
        done = self.box.run(["debvisor-timers", "plan", "--detailed-exitcode"], check=False)
        assert done.returncode in {0, 10}, done.stderr
        return done.returncode == 0

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Return properties of a unit as systemctl prints them."""
        options = [f"--property={name}" for name in properties]
        lines = self.box.run(["systemctl", "show", *options, "--", unit]).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def units(self, *options: str) -> list[str]:
        """Return the names of our units that systemctl list-units shows with `options`."""
        argv = ["systemctl", "list-units", "--plain", "--no-legend", *options]
        ours = ("debvisor-job-*", "debvisor-boot-*", "debvisor-path-*")
        lines = self.box.run([*argv, *ours]).stdout.splitlines()
        return sorted(line.split()[0] for line in lines)

    def running_timers(self) -> list[str]:
        """Return the names of the timers that wait for their schedule."""
        timers = self.units("--type=timer", "--state=active")
        return [name for name in timers if name.startswith("debvisor-job-")]

    def files(self) -> str:
        """Return every unit of ours with its digest, every script and every generation."""
        return self.box.run(_FILES).stdout

    def picture(self) -> list[str]:
        """Return, as lines, all that an apply changes and an undo has to bring back."""
        shown = "systemctl show -p Id -p ActiveState -p NextElapseUSecRealtime"
        timers = self.box.run(f"{shown} 'debvisor-job-*.timer'").stdout.split("\n\n")
        return [*self.files().splitlines(), *self.units("--all"), *sorted(map(str.strip, timers))]

    def records(self, *matches: str) -> list[dict[str, Any]]:
        """Return the records of the journal that match, oldest first."""
        self.box.run(["journalctl", "--sync"])
        argv = ["--output=json", "--all", *self._cursor, *matches]
        lines = self.box.journal(*argv).splitlines()
        return [json.loads(line) for line in lines]

    def started(self) -> list[str]:
        """Return the jobs that systemd has started since `watch`, in order."""
        self.box.wait_until(
            "! systemctl list-jobs --no-legend | grep -q 'waiting *$'", 10, "no job waits"
        )
        units = [record.get("UNIT", "") for record in self.records(f"MESSAGE_ID={STARTING}")]
        return [
            unit.removeprefix("debvisor-job-").removesuffix(".service")
            for unit in units
            if unit.startswith("debvisor-job-")
        ]

    def reloads(self) -> int:
        """Return how often systemd was asked to reload since `watch`."""
        return sum(
            "Reload requested" in str(record.get("MESSAGE")) for record in self.records("_PID=1")
        )

    def age_stamp(self, *jobs: str) -> None:
        """Let each job have been triggered for the last time three days ago."""
        for job in jobs:
            stamp = f"{STAMPS}/stamp-debvisor-job-{job}.timer"
            self.box.run(["touch", "--no-create", "--date=3 days ago", stamp])
            self.box.run(["test", "-e", stamp])

    def await_handlers(self) -> None:
        """Wait until nobody is telling of a run that has ended, and nobody is about to.

        The handler of a run that has ended can be a job in systemd's queue for a while.
        """
        handlers = "'debvisor-timers-notify@*' 'debvisor-timers-started@*'"
        ended = "'debvisor-job-*.service' --state=deactivating"
        self.box.wait_until(
            f'test -z "$(systemctl list-units --plain --no-legend {ended};'
            f" systemctl list-jobs --no-legend {handlers};"
            f' systemctl list-units --plain --no-legend --state=activating {handlers})"',
            20,
            "all handlers have ended",
        )

    def history(self, job: str, *options: str) -> list[dict[str, Any]]:
        """Return all runs of a job, newest first: more than the page that `history` shows."""
        found: list[dict[str, Any]] = self.json("history", job, "--limit=1000", *options)
        return found

    def await_run(self, job: str, outcome: str, count: int = 1) -> Sequence[dict[str, Any]]:
        """Return the job's runs with `outcome`, newest first, once there are `count` of them.

        Another, newer one may be under way.
        """

        def runs() -> list[dict[str, Any]]:
            found = [run for run in self.history(job) if run["outcome"] == outcome]
            return found if len(found) >= count else []

        return self.box.wait_until(runs, 20, f"{count} runs of {job} that {outcome}")
