# SPDX-License-Identifier: Apache-2.0
"""Jobs at work in a box: a program that notes what it does, and what is noted of their runs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.system.host import Host

CONFIG = "/etc/debvisor/timers/config.yaml"
NEVER = '{on_calendar: "2099-01-01 00:00:00"}'
RUN_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
RUN_END = "ec5c7d712daf4bf4a90b07764211903e"
RUN_SKIPPED = "3d0f0a1c5e1b4b6f9a0c7d2e8b514f63"
FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
"""systemd's message "Failed with result ..."; source: systemd 257, sd-messages.h."""

WORK = "/usr/local/bin/work"
_LOG = "/var/log/work"
_PROGRAM = f"""\
#!/bin/sh
# work [SECONDS | FILE [STATUS]]: note the begin, sleep or wait for the file, note the end.
echo "$DEBVISOR_JOB begin $(date +%s%N) ${{DEBVISOR_TRIGGER_RUNS:--}}" >>{_LOG}
case "${{1:-0}}" in
    0) ;;
    /*) until [ -e "$1" ]; do sleep 0.05; done ;;
    *) sleep "$1" ;;
esac
echo "$DEBVISOR_JOB end $(date +%s%N)" >>{_LOG}
exit "${{2:-0}}"
"""


def yaml(jobs: Mapping[str, str], **usual: str) -> str:
    """Return a file of jobs: by the id of each its keys in flow style, and the `usual` ones.

    A schedule that never elapses is usual where a job has no triggers.
    """
    lines = ["jobs:"]
    for job, keys in jobs.items():
        more = {"schedule": NEVER, **usual}
        if "triggers:" in keys:
            del more["schedule"]
        added = [f"{name}: {value}" for name, value in more.items() if f"{name}: " not in keys]
        lines.append(f"  {job}: {{{', '.join(filter(None, [keys, *added]))}}}")
    return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that the program `work` has written. seconds: since 1970."""

    job: str
    what: str
    seconds: float
    runs: str = ""


def install(host: Host) -> None:
    """Install the program `work`."""
    host.box.write(WORK, _PROGRAM, 0o755)
    forget(host)


def forget(host: Host) -> None:
    """Let `lines` begin anew; everybody may write there."""
    host.box.write(_LOG, "", 0o666)


def lines(host: Host) -> Sequence[Line]:
    """Return what the program `work` has written, in order."""
    found = [line.split(" ", 3) for line in host.box.read(_LOG).splitlines()]
    return [
        Line(job=job, what=what, seconds=int(ns) / 1e9, runs="".join(more))
        for job, what, ns, *more in found
    ]


def order(host: Host) -> Sequence[str]:
    """Return what the program `work` has written as `JOB begin` and `JOB end`."""
    return [f"{line.job} {line.what}" for line in lines(host)]


def begun(host: Host) -> Sequence[str]:
    """Return the jobs whose program has begun, in order, as often as it has."""
    return [line.job for line in lines(host) if line.what == "begin"]


def most_at_once(host: Host, *jobs: str, slots: Mapping[str, int] | None = None) -> int:
    """Return how many programs of the jobs ran at once; each counts as often as `slots` says.

    Killed programs have no end in the log. The order of its lines is what counts, no clock.
    """
    most = now = 0
    for line in lines(host):
        if line.job in jobs:
            weight = (slots or {}).get(line.job, 1)
            now += weight if line.what == "begin" else -weight
            most = max(most, now)
    return most


def unit(job: str) -> str:
    """Return the name of the service of a job."""
    return f"debvisor-job-{job}.service"


def arm(host: Host, yaml: str) -> int:
    """Apply `yaml`, whose `{schedule}` is one moment, soon; return when, in seconds since 1970."""
    began = time.monotonic()
    host.apply(yaml.replace("{schedule}", NEVER))
    took = time.monotonic() - began
    for patience in 2, 6, 20:
        moment = math.ceil(time.time() + 2 + patience * took)
        words = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
        host.write(yaml.replace("{schedule}", f'{{on_calendar: "{words}"}}'))
        # That the moment has passed is an error, too.
        done = host.box.run(["debvisor-timers", "apply", "--yes"], check=False, timeout=120)
        if time.time() < moment:
            assert done.returncode == 0, done.stderr
            return moment
    raise AssertionError("each apply took longer than it was given")


def begin(host: Host, *jobs: str) -> None:
    """Start jobs as systemctl does, and do not wait for them."""
    host.box.run(["systemctl", "start", "--no-block", *map(unit, jobs)])


def start(host: Host, job: str) -> Mapping[str, str]:
    """Start a job as systemctl does, wait for its end, return what is noted of it."""
    host.box.run(["systemctl", "start", unit(job)], check=False)
    return ended(host, job)


def ends(host: Host, *jobs: str) -> Sequence[Mapping[str, str]]:
    """Return what is noted of the newest run of each job that has ended, empty where none has."""
    return _notes(host, "ended", jobs)


def ended(host: Host, job: str) -> Mapping[str, str]:
    """Return what is noted of the newest run of a job that has ended."""
    return ends(host, job)[0]


def under_way(host: Host, job: str) -> Mapping[str, str]:
    """Return what is noted of the run of a job that is under way, empty where none is."""
    return _notes(host, "runs", [job])[0]


def _notes(host: Host, folder: str, jobs: Sequence[str]) -> Sequence[Mapping[str, str]]:
    read = f"for job in {' '.join(jobs)}; do echo .; cat $job 2>/dev/null || :; done"
    text = host.box.run(f"cd /run/debvisor-timers/{folder} 2>/dev/null || :; {read}").stdout
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        if line == ".":
            found.append({})
        else:
            name, _, value = line.partition("=")
            found[-1][name.removeprefix("DEBVISOR_")] = value
    return found


def await_waiting(host: Host, job: str, reason: str, seconds: float = 10) -> None:
    """Wait until the run of a job says that it waits for this."""

    def waits() -> bool:
        return under_way(host, job).get("WAITING") == reason

    host.box.wait_until(waits, seconds, f"{job} waits {reason}")


def await_program(host: Host, job: str, count: int = 1) -> None:
    """Wait until the program of a job has begun so often."""
    host.box.wait_until(lambda: begun(host).count(job) >= count, 20, f"{job} runs")


def await_ends(host: Host, *jobs: str, seconds: float = 20) -> Sequence[Mapping[str, str]]:
    """Wait until none of the jobs is under way; return what is noted of each."""
    units = " ".join(map(unit, jobs))
    busy = "=(activating|deactivating|[1-9])"
    ask = f"! systemctl show --property=ActiveState,Job {units} | grep -Eq '{busy}'"
    host.box.wait_until(ask, seconds, f"{', '.join(jobs)} have ended")
    return ends(host, *jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt of a run as the journal has it; begin and end in seconds since 1970.

    end: 0 while it is under way.
    """

    run: str
    number: int
    begin: float
    end: float = 0.0
    result: str = ""
    is_last: bool = False


def attempts(host: Host, job: str) -> Sequence[Attempt]:
    """Return the attempts of the runs of a job since the last `watch`, in order."""
    found: dict[tuple[str, str], Attempt] = {}
    for record in host.records(f"DEBVISOR_JOB={job}", "SYSLOG_IDENTIFIER=debvisor-timers"):
        if record.get("MESSAGE_ID") not in {RUN_BEGIN, RUN_END}:
            continue
        key = record["DEBVISOR_RUN_ID"], record["DEBVISOR_ATTEMPT"]
        if record["MESSAGE_ID"] == RUN_BEGIN:
            begun = int(record["_SOURCE_REALTIME_TIMESTAMP"]) / 1e6
            found[key] = Attempt(run=key[0], number=int(key[1]), begin=begun)
        else:
            found[key] = Attempt(
                run=key[0],
                number=int(key[1]),
                begin=found[key].begin if key in found else 0.0,
                end=int(record["DEBVISOR_END_USEC"]) / 1e6,
                result=record["DEBVISOR_RESULT"],
                is_last="DEBVISOR_FINAL" in record,
            )
    return list(found.values())


def retries(host: Host, job: str) -> Sequence[float]:
    """Return for when each attempt but the last had the next one be made, in seconds since 1970."""
    records = host.records(f"DEBVISOR_JOB={job}", f"MESSAGE_ID={RUN_END}")
    due = [record.get("DEBVISOR_RETRY_USEC") for record in records]
    return [int(usec) / 1e6 for usec in due if usec]


def gaps(found: Sequence[Attempt]) -> Sequence[float]:
    """Return the seconds between each attempt and the one before."""
    return [after.begin - before.end for before, after in pairwise(found)]


def run(host: Host, job: str) -> dict[str, Any]:
    """Run a job, and return what `history` has of it, its result too."""
    start(host, job)
    host.box.run(["journalctl", "--sync"])
    found: dict[str, Any] = host.json("history", job)[0]
    return found
