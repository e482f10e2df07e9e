# SPDX-License-Identifier: Apache-2.0
"""What the last run of a job gave that belongs to a virtual machine: it goes with the machine, in
libvirt's metadata of it, where a live migration takes it along; `last/` stays on its host.

Loaded by `begin`, `gate`, `end`, `chain` and `carry` for jobs whose service says X-Carry; imports
nothing of ours.
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


URI = "https://debvisor.org/timers/result/1/"
"""With the job's id behind it: each job has an element of its own, so none loses another's."""
SECONDS = 10  # libvirt refuses a change during a migration, after half a minute
AHEAD_USEC = 60_000_000

FIELDS = {
    "machine": "CARRIED_MACHINE",
    "host": "CARRIED_HOST",
    "begun": "CARRIED_BEGUN",
    "begun-start": "CARRIED_BEGUN_START",
    "run": "DEBVISOR_RUN_ID",
    "start": "DEBVISOR_START_USEC",
    "answers": "DEBVISOR_TRIGGER_RUNS",
    "result": "DEBVISOR_RESULT",
    "stopped": "DEBVISOR_STOPPED",
    "end": "DEBVISOR_END_USEC",
    "success": "DEBVISOR_SUCCESS_USEC",
    "success-run": "DEBVISOR_SUCCESS_RUN",
}
"""The attributes of the element, and how a note has them. machine: its UUID, since a clone has the
metadata of what it was made from. begun: a run whose end nobody has told the machine."""

NUMBERS = {
    *("CARRIED_BEGUN_START", "DEBVISOR_START_USEC"),
    *("DEBVISOR_END_USEC", "DEBVISOR_SUCCESS_USEC"),
}
SUCCESS = ("DEBVISOR_SUCCESS_USEC", "DEBVISOR_SUCCESS_RUN")
DOUBT = "CARRIED_DOUBT"
"""In what `known` returns: why the newest result is not known here."""
MACHINE = "CARRIED_BY"
"""In what `known` returns: the machine, where it is on this host and was asked."""


def known(where: "Any", job: str, machine: str, last: dict[str, str]) -> dict[str, str]:
    """Return the newest result of `job`: `last`, which is that of this host, or a carried one.

    machine: the one that it belongs to. Raises OSError when libvirt gives no answer.
    """
    uuid = identity(where, machine)
    if not uuid:
        return last
    carried = read(where, machine, job)
    if carried.get("CARRIED_MACHINE") != uuid:
        return last | {MACHINE: machine}
    found, host = newest(last, carried) | {MACHINE: machine}, carried.get("CARRIED_HOST", "")
    if host == os.uname().nodename:
        return found  # whatever it says, this host knows better
    if int(carried.get("DEBVISOR_END_USEC", "0")) > time.time_ns() // 1000 + AHEAD_USEC:
        return last | {DOUBT: f"{job} ended in the future: the clock of {host} is ahead"}
    if begun := carried.get("CARRIED_BEGUN", ""):
        found[DOUBT] = f"{job} began on {host} (run {begun}), how it ended is not known here"
        starts = (found.get("DEBVISOR_START_USEC", "0"), carried.get("CARRIED_BEGUN_START", "0"))
        found["DEBVISOR_START_USEC"] = max(starts, key=int)
    return found


def newest(last: dict[str, str], carried: dict[str, str]) -> dict[str, str]:
    """Return the run of the two that ended last, with the newest success of both."""

    def usec(note: dict[str, str], name: str) -> int:
        return int(note.get(name, "0"))

    found = max(last, carried, key=lambda note: usec(note, "DEBVISOR_END_USEC"))
    success = max(last, carried, key=lambda note: usec(note, "DEBVISOR_SUCCESS_USEC"))
    return found | {name: success[name] for name in SUCCESS if name in success}


def begun(run: "Any") -> None:
    """Let the machine know of a run that was let in; what it knows of earlier ones stays.

    Where its end is not told, as the machine leaves meanwhile, this much is known on the next host.
    """
    machine = run.values("X-Carry")[-1]

    def step() -> None:
        where = run.beside("where")
        uuid = identity(where, machine)
        carried = read(where, machine, run.job)
        if carried.get("CARRIED_MACHINE") != uuid:
            carried = {}
        last = run.notes.read(f"{run.state}/last/{run.job}")
        carry(where, machine, run.job, newest(last, carried) | here(uuid, run.fields))

    def here(uuid: str, fields: dict[str, str]) -> dict[str, str]:
        start = fields["DEBVISOR_START_USEC"]
        begun = {"CARRIED_BEGUN": fields["DEBVISOR_RUN_ID"], "CARRIED_BEGUN_START": start}
        return origin(uuid) | begun

    attempt(run.job, machine, step)


def ended(ending: "Any", machine: str) -> None:
    """Let the machine know how the run has ended."""

    def step() -> None:
        where = ending.beside("where")
        uuid = identity(where, machine)
        if not uuid:
            raise FileNotFoundError("it is not on this host any more")
        carried = read(where, machine, ending.job)
        if carried.get("CARRIED_MACHINE") != uuid:
            carried = {}
        last = ending.notes.read(f"{ending.notes.STATE}/last/{ending.job}")
        found = newest(last, carried) | origin(uuid)
        for name in ("CARRIED_BEGUN", "CARRIED_BEGUN_START"):
            found.pop(name, None)
        carry(where, machine, ending.job, found)

    attempt(ending.job, machine, step)


def noted(ending: "Any", machine: str) -> None:
    """Let the machine know of a last run that failed before `begin`, or was cut off by a crash.

    Of those `end` has told nothing. The mark of a run that began after that stays.
    """

    def step() -> None:
        where = ending.beside("where")
        last = ending.notes.read(f"{ending.notes.STATE}/last/{ending.job}")
        uuid = identity(where, machine)
        if not uuid or not last:
            return
        carried = read(where, machine, ending.job)
        if carried.get("CARRIED_MACHINE") != uuid:
            carried = {}
        ended = int(last.get("DEBVISOR_END_USEC", "0"))
        is_over = int(carried.get("CARRIED_BEGUN_START", "0")) <= ended
        is_newer = int(carried.get("DEBVISOR_END_USEC", "0")) < ended
        if not is_newer and not (is_over and "CARRIED_BEGUN" in carried):
            return
        found = newest(last, carried) | origin(uuid)
        for name in ("CARRIED_BEGUN", "CARRIED_BEGUN_START") if is_over else ():
            found.pop(name, None)
        carry(where, machine, ending.job, found)

    attempt(ending.job, machine, step)


def attempt(job: str, machine: str, step: "Any") -> None:
    """Do what `step` does; where that fails, the run is none the worse, but it is said."""
    try:
        step()
    except OSError as error:
        told = f"on another host its result will not be known: {machine} does not take it: {error}"
        print(f"<4>debvisor-timers: run of {job}: {told}", file=sys.stderr)


def origin(uuid: str) -> dict[str, str]:
    """Return who says it, of which machine."""
    return {"CARRIED_MACHINE": uuid, "CARRIED_HOST": os.uname().nodename}


def identity(where: "Any", machine: str) -> str:
    """Return the UUID of a machine, empty when libvirt does not know it on this host."""
    status, said = where.virsh("domuuid", "--domain", machine)
    if status != 0:
        if any(text in said for text in where.ABSENT):
            return ""
        raise ChildProcessError(f"libvirt gives no answer about {machine}: {said}")
    return str(said)


def read(where: "Any", machine: str, job: str) -> dict[str, str]:
    """Return what a machine has of a job, by the names of a note; nothing where it has nothing."""
    status, said = where.virsh("metadata", "--domain", machine, "--uri", URI + job)
    if status != 0:
        if "metadata" in said and "not present" in said:
            return {}
        raise ChildProcessError(f"libvirt gives no answer about {machine}: {said}")
    return parse(said)


def parse(element: str) -> dict[str, str]:
    """Return the attributes of the element that `carry` wrote, by the names of a note."""
    parts = element.split('"')
    pairs = zip(parts[::2], parts[1::2], strict=False)
    said = {before.split()[-1].rstrip("="): value for before, value in pairs if before.split()}
    found = {note: plain(said[name]) for name, note in FIELDS.items() if said.get(name)}
    numbers = [value for name, value in found.items() if name in NUMBERS]
    return found if all(map(str.isdecimal, numbers)) else {}


def carry(where: "Any", machine: str, job: str, note: dict[str, str]) -> None:
    """Put what `note` says into the metadata of the machine: of the one that runs, and for good."""
    said = {name: note[field] for name, field in FIELDS.items() if note.get(field)}
    attributes = "".join(f' {name}="{plain(value)}"' for name, value in said.items())
    element = f"<result{attributes}/>"
    change = ["metadata", "--domain", machine, "--uri", URI + job, "--key", "result"]
    change += ["--set", element]
    status, told = where.virsh(*change, "--live", "--config", seconds=SECONDS, change=True)
    if status != 0 and "not running" in told:
        status, told = where.virsh(*change, "--config", seconds=SECONDS, change=True)
    elif status != 0 and "transient" in told:
        status, told = where.virsh(*change, "--live", seconds=SECONDS, change=True)
    if status != 0:
        raise ChildProcessError(told or f"no answer within {SECONDS} s")


def plain(text: str) -> str:
    """Return what may stand in an attribute: ids, numbers, words and names of hosts."""
    return "".join(sign for sign in text if sign.isalnum() or sign in "-_.: ")
