# SPDX-License-Identifier: Apache-2.0
"""Debian's cron beside our jobs, on one crontab: what each of them ran, and with what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.box import CRON, Box, Guest, installed_layer
from tests.system.host import Host

SEEN = "/var/tmp/seen"
SEE = "/usr/local/bin/see"
_PROGRAM = f"""\
#!/usr/bin/python3 -I
# see NAME ...: note how this was run, and by whom.
import json, os, sys, time
# Not os.environ: in the C locale Python adds LC_CTYPE to it.
block = open("/proc/self/environ").read().split("\\0")
environment = dict(entry.split("=", 1) for entry in block if entry)
seen = dict(
    by="job" if "DEBVISOR_JOB" in environment else "cron",
    name=sys.argv[1], argv=sys.argv[2:], environment=environment, folder=os.getcwd(),
    input=sys.stdin.read(), uid=os.geteuid(), nice=os.nice(0), at=time.time(),
)
with open("{SEEN}", "a") as file:
    file.write(json.dumps(seen) + "\\n")
"""

CRONTAB = f"""\
# Before any setting.
* * * * * root {SEE} default "a b" $HOME
* * * * * alice {SEE} user ; {SEE} again
FOO = bar  # baz
QUOTED="two  words"
PATH=/opt/own:/usr/local/bin:/usr/bin:/bin
MAILTO=""
* * * * * alice see path $FOO "$QUOTED" 50\\%
* * * * * root see input%one%two \\% signs%%last
SHELL=/bin/bash
HOME=/opt/own
* * * * * alice [[ $0 == /bin/bash ]] && see shell {{1..3}} $PWD
* * * * * root see backslash 'x\\\\\\%y' z\\\\ w\\%
TZ=Asia/Tokyo
LOGNAME=mallory
*/1 0-23 * * * alice see zone $(date +\\%Z)
"""
NAMES = ("default", "user", "again", "path", "input", "shell", "backslash", "zone")

_NOT_THE_SAME = {
    "MAILTO",  # cron's own affair: a comment of the job file has it
    *("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH"),
    *("MEMORY_PRESSURE_WRITE", "USER", "LANG"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One run as the program saw it; minute: whole minutes since 1970."""

    by: str
    name: str
    minute: int
    second: float
    what: Mapping[str, object]


def beside() -> Iterator[Host]:
    """Yield a booted host with our package, cron (not started), the program `see` and a user."""
    with Box.boot(installed_layer(CRON)) as box:
        box.run(f"useradd --create-home alice; mkdir /opt/own; : >{SEEN}; chmod 666 {SEEN}")
        box.write(SEE, _PROGRAM, 0o755)
        # What the package has there: it would run beside what a test looks at.
        box.run("rm -f /etc/cron.d/*")
        yield Host(box)


def strike(box: Guest) -> None:
    """Let a cron of its own find that a minute begins, in three seconds."""
    second = datetime.now(UTC).second
    ahead = (57 - second) % 60
    box.run(
        f"systemd-run --quiet --unit=strike --collect -- faketime -f +{ahead}s /usr/sbin/cron -f"
    )


def calm(box: Guest) -> None:
    """End the cron that `strike` has started."""
    box.run("systemctl stop strike.service; rm -f /run/crond.pid /run/crond.reboot")


def seen(box: Guest) -> Sequence[Seen]:
    """Return every run so far, in order."""
    return [_seen(json.loads(line)) for line in box.read(SEEN).splitlines()]


def _seen(line: dict[str, object]) -> Seen:
    environment = line["environment"]
    assert isinstance(environment, dict)
    at = line["at"]
    assert isinstance(at, float)
    mattering = {
        name: value
        for name, value in environment.items()
        if name not in _NOT_THE_SAME and not name.startswith(("DEBVISOR_", "TRIGGER_"))
    }
    what = {key: line[key] for key in ("argv", "folder", "input", "uid")}
    return Seen(
        by=str(line["by"]),
        name=str(line["name"]),
        minute=int(at // 60),
        second=at % 60,
        what={**what, "environment": mattering},
    )


def of(runs: Sequence[Seen], by: str) -> dict[str, Mapping[str, object]]:
    """Return what was run by cron, or by jobs: by name."""
    return {run.name: run.what for run in runs if run.by == by}
