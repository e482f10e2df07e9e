# SPDX-License-Identifier: Apache-2.0
"""Start a job that waits for the ends of others, if they have ended as it wants since its last run.

Root's `ExecStart=/usr/libexec/debvisor-timers/chain SOURCE:TARGET` of debvisor-timers-chain@, which
OnSuccess= and OnFailure= of SOURCE start. systemd starts it for skips and stops as well, so TARGET
itself is started only when there is something to answer.
Imports nothing of ours and little else; what several programs need lies beside it (`beside`).
"""

import os
import sys
import time
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


TARGET = "debvisor-timers.target"
TRIES = 5
ENDING_SECONDS = 60
JUST_NOW_SECONDS = 5.0


def beside(name: str) -> "Any":
    """Return the module `name` in the folder of this program: compiled once, by the package."""
    module = type(sys)(name)
    module.__file__ = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    code = SourceFileLoader(name, module.__file__).get_code(name)
    exec(code or "", module.__dict__)  # noqa: S102
    return module


notes, bus = beside("notes"), beside("bus")


def unanswered(
    triggers: dict[str, list[str]], target: dict[str, str], lasts: dict[str, dict[str, str]]
) -> list[str]:
    """Return the runs, as JOB:RUN, that the target has to answer; empty when it has none.

    triggers: the lines of its service, each with the jobs of one trigger, by X-SuccessOf,
    X-AnySuccessOf and X-FailureOf. target: its last run. lasts: those of the jobs that it names.
    """
    for line in triggers.get("X-SuccessOf", []):
        runs = [success(job, lasts.get(job, {}), target) for job in line.split()]
        if runs and all(runs):
            return runs
    for name, ended in (("X-AnySuccessOf", success), ("X-FailureOf", failure)):
        jobs = [job for line in triggers.get(name, []) for job in line.split()]
        if runs := list(filter(None, (ended(job, lasts.get(job, {}), target) for job in jobs))):
            return runs
    return []


def success(job: str, last: dict[str, str], target: dict[str, str]) -> str:
    """Return the newest success of a job as JOB:RUN, empty when the target has answered it."""
    run, usec = last.get("DEBVISOR_SUCCESS_RUN", ""), last.get("DEBVISOR_SUCCESS_USEC", "0")
    return new(job, run, usec, target)


def failure(job: str, last: dict[str, str], target: dict[str, str]) -> str:
    """Return the last run of a job if it failed, empty when the target has answered it."""
    if last.get("DEBVISOR_RESULT", "success") == "success" or "DEBVISOR_STOPPED" in last:
        return ""
    return new(job, last.get("DEBVISOR_RUN_ID", ""), last.get("DEBVISOR_END_USEC", "0"), target)


def new(job: str, run: str, end_usec: str, target: dict[str, str]) -> str:
    """Return JOB:RUN for a run that ended after the target's last run began, else nothing."""
    name = f"{job}:{run}"
    answered = target.get("DEBVISOR_TRIGGER_RUNS", "").split()
    is_new = int(end_usec) > int(target.get("DEBVISOR_START_USEC", "0"))
    return name if run and is_new and name not in answered else ""


def triggers_of(target: str) -> dict[str, list[str]]:
    """Return what the service of a job says of the jobs that start it."""
    unit = notes.statements(f"{notes.UNITS}/debvisor-job-{target}.service")
    names = ("X-SuccessOf", "X-AnySuccessOf", "X-FailureOf")
    return {name: unit.get(("[Service]", name), []) for name in names}


def last(job: str) -> dict[str, str]:
    """Return the last run of a job: on this host, or what its virtual machine knows of another."""
    found: dict[str, str] = notes.read(f"{notes.STATE}/last/{job}")
    said = notes.statements(f"{notes.UNITS}/debvisor-job-{job}.service")
    if machine := said.get(("[Service]", "X-Carry")):
        found = beside("carried").known(beside("where"), job, machine[-1], found)
    return found


def await_record(source: str) -> None:
    """Wait until the last run of a job that failed before `end` could note it is noted.

    debvisor-timers-notify@ does that first; systemd starts it together with us.
    """
    handler = f"debvisor-timers-notify@{source}.service"
    for _ in range(600):
        noted = age(f"{notes.STATE}/last/{source}") < JUST_NOW_SECONDS
        if noted or not bus.asking(lambda manager: manager.units(handler)[0].is_busy):
            return
        time.sleep(0.1)


def age(path: str) -> float:
    """Return how many seconds ago a file was written; for ever where it is missing."""
    try:
        return time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        return float("inf")


def await_end(target: str) -> None:
    """Wait while a run of the target is ending: its own start is still under way.

    A start would be one with that, and lost (systemd 257); one that comes after `end` has stopped a
    run of retries would count twice for the start limit.
    """
    service = f"debvisor-job-{target}.service"
    for _ in range(ENDING_SECONDS * 20):
        if bus.asking(lambda manager: manager.units(service)[0].active) != b"deactivating":
            return
        time.sleep(0.05)


def start(target: str, runs: list[str]) -> bool:
    """Start the target for these runs; False while the timers are stopped: then nothing starts."""
    is_started: bool = bus.asking(lambda manager: start_by(manager, target, runs))
    return is_started


def start_by(manager: "Any", target: str, runs: list[str]) -> bool:
    """Do what `start` says by this connection."""
    timers, unit = manager.units(TARGET, f"debvisor-job-{target}.service")
    if timers.active != b"active":
        return False
    # While it runs, its `end` looks again; a request would be taken by a later start.
    if not unit.is_busy:
        beside("requests").leave(notes, notes.RUNTIME, target, "chain", runs)
    manager.start(f"debvisor-job-{target}.service")
    return True


def go_on(source: str, target: str) -> str:
    """Do what is to be done after an end of `source`; return what that was, for the journal."""
    if source != target:
        await_record(source)
    await_end(target)
    triggers = triggers_of(target)
    jobs = {job for lines in triggers.values() for line in lines for job in line.split()}
    lasts = {job: last(job) for job in jobs}
    runs = unanswered(triggers, last(target), lasts)
    if not runs:
        return f"{target} has nothing to answer"
    if not start(target, runs):
        return f"{target} is not started: {TARGET} is stopped"
    return f"{target} is started, for {' '.join(runs)}"


def main() -> int:
    """Look at the pair of jobs of the last argument; return the exit status."""
    if sys.argv[1] == notes.FOR_USER:
        notes.__dict__.update(notes.of_user())
        bus.PRIVATE = notes.MANAGER
    source, _, target = sys.argv[-1].partition(":")
    for number in range(TRIES):
        try:
            print(f"debvisor-timers: {go_on(source, target)}")
        except (OSError, ValueError) as error:
            print(f"debvisor-timers: chain {sys.argv[-1]}: {error}", file=sys.stderr)
            time.sleep(number)
        else:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
