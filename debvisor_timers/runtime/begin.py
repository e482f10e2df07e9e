#!/usr/bin/python3 -BISXutf8
# SPDX-License-Identifier: Apache-2.0
"""Begin a run of a job, or another attempt of it: name it, say what triggered it, wait for what
it needs, note all that for `run`, `end` and the journal.

Root's `ExecStartPre=+/usr/libexec/debvisor-timers/begin JOB`. A failure here fails the run, aloud.
Imports nothing of ours and little else; what several programs need lies beside it (`beside`).
"""

import os
import sys
import time
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


RUN_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
REQUEST_SECONDS = 60
REQUEST_BYTES = 64 * 1024

DEFINITION = {
    ("[X-Debvisor]", "Generation"): "DEBVISOR_GENERATION",
    ("[X-Debvisor]", "Source"): "DEBVISOR_SOURCE",
    ("[Service]", "SyslogIdentifier"): "IDENTIFIER",
    ("[Service]", "IgnoreSIGPIPE"): "IGNORE_SIGPIPE",
    ("[Service]", "WorkingDirectory"): "DIRECTORY",
    ("[Service]", "X-Delays"): "DELAYS",
    ("[Service]", "X-RetryOn"): "RETRY_ON",
    ("[Service]", "RestartPreventExitStatus"): "NEVER_ON_EXIT",
    ("[Service]", "X-Timeout"): "LIMIT",
    ("[Service]", "X-TotalTimeout"): "TOTAL",
}
"""What the service says that counts for all attempts of the run, whatever is applied meanwhile."""

QUESTIONS = [
    ("[Service]", f"X-{name}")
    for name in (
        *("Maintenance", "Exclude", "WhereHost", "WhereVm"),
        *("Requires", "Step", "After", "Conflict", "Pool"),
    )
]
"""What a service says of when its runs are skipped, and what they wait for."""


def beside(name: str) -> "Any":
    """Return the module `name` in the folder of this program: compiled once, by the package."""
    module = type(sys)(name)
    module.__file__ = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    code = SourceFileLoader(name, module.__file__).get_code(name)
    exec(code or "", module.__dict__)  # noqa: S102
    return module


notes, bus = beside("notes"), beside("bus")


class Run:
    """A run that begins, with all that decides whether it may.

    fields: what is noted of it. service: what its unit file says.
    """

    def __init__(self, job: str, fields: dict[str, str], places: dict[str, str]) -> None:
        """places: runtime, state, units and manager, as `begin` has them."""
        self.job, self.fields = job, fields
        self.runtime, self.state = places["runtime"], places["state"]
        self.units, self.manager = places["units"], places["manager"]
        self.service = notes.statements(f"{self.units}/debvisor-job-{job}.service")
        self.beside, self.notes, self.bus = beside, notes, bus

    def values(self, directive: str) -> list[str]:
        """Return the values of a directive of [Service]."""
        found: list[str] = self.service.get(("[Service]", directive), [])
        return found

    def note(self) -> None:
        """Write what is known of the run, for `run`, `end` and those who look."""
        notes.write(self.runtime, "runs", self.job, self.fields, lasting=False)

    def wait(self, reason: str) -> None:
        """Note for what the run waits: `for backup (running)`; tell the journal once."""
        before = self.fields.get("DEBVISOR_WAITING", "")
        if before == reason:
            return
        self.fields["DEBVISOR_WAITING"] = reason
        self.note()
        if before.partition(" (")[0] != reason.partition(" (")[0]:
            message = f"Run {self.fields['DEBVISOR_RUN_ID']} waits {reason}"
            said = {"MESSAGE": message, "SYSLOG_IDENTIFIER": "debvisor-timers", "PRIORITY": "6"}
            notes.send(said | notes.told(self.fields))


PLACES = {
    "runtime": notes.RUNTIME,
    "state": notes.STATE,
    "units": notes.UNITS,
    "manager": bus.PRIVATE,
}


def begin(job: str, environ: dict[str, str], places: dict[str, str] = PLACES) -> dict[str, str]:
    """Write RUNTIME/runs/JOB and return what stands in it.

    Raises OSError, ValueError and KeyError: the run must not start then.
    """
    run = Run(job, {}, places)
    asks = any(name in run.service for name in QUESTIONS)
    start = activation(run, environ, strict=asks or bool(run.values("X-Delays")))
    before = notes.read(f"{run.runtime}/runs/{job}")
    if "RETRY_AT" in before and before.get("SYSTEMD_JOB") == start.job:
        return again(run, before, environ)
    now_usec = time.time_ns() // 1000
    run.fields |= {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": notes.run_id(now_usec),
        "DEBVISOR_INVOCATION_ID": environ["INVOCATION_ID"],
        "DEBVISOR_ATTEMPT": str(start.restarts + 1),
        "DEBVISOR_MAX_ATTEMPTS": str(attempts(run)),
        "DEBVISOR_START_USEC": str(now_usec),
        "SYSTEMD_JOB": start.job,
        **trigger(job, start.details, f"{run.runtime}/requests", now_usec),
        **definition(run.service),
    }
    reason = paused(f"{run.state}/paused/{job}")
    if not reason and asks:
        reason = beside("gate").reason_to_skip(run)
    if reason:
        run.fields["DEBVISOR_SKIPPED"] = reason
    return ready(run, now_usec)


def again(run: Run, before: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    """Begin another attempt: what was asked for the first is not asked again.

    A reload of systemd 257 cuts the delay before it short; what is left of it is waited here.
    """
    began = time.time_ns() // 1000
    run.fields |= before
    run.fields["DEBVISOR_INVOCATION_ID"] = environ["INVOCATION_ID"]
    attempt = int(before["DEBVISOR_ATTEMPT"]) + 1
    run.fields["DEBVISOR_ATTEMPT"] = str(attempt)
    until = float(run.fields.pop("RETRY_AT"))
    while (left := until - time.monotonic()) > 0:
        run.wait(f"for attempt {attempt} of {run.fields['DEBVISOR_MAX_ATTEMPTS']}")
        time.sleep(left)
    run.fields.pop("DEBVISOR_RETRY_USEC", None)
    if "NOTIFY_SOCKET" in environ:
        beside("locks").close_door(environ["NOTIFY_SOCKET"])
    return ready(run, began)


def ready(run: Run, began_usec: int) -> dict[str, str]:
    """Note that the program of the job may start now, or that it must not; return the notes."""
    fields = run.fields
    if fields.pop("DEBVISOR_WAITING", ""):
        waited = time.time_ns() // 1000 - began_usec + int(fields.get("DEBVISOR_WAITED_USEC", "0"))
        fields["DEBVISOR_WAITED_USEC"] = str(waited)
    fields["READY_AT"] = f"{time.monotonic():.3f}"
    if "TOTAL" in fields and "TOTAL_UNTIL" not in fields:
        fields["TOTAL_UNTIL"] = f"{time.monotonic() + float(fields['TOTAL'][:-1]):.3f}"
    run.note()
    return fields


def attempts(run: Run) -> int:
    """Return how many attempts the run may have."""
    return 1 + sum(len(line.split()) for line in run.values("X-Delays"))


def paused(path: str) -> str:
    """Return why the job is paused, empty when it is not: the file says so by being there."""
    if not os.path.lexists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        reason = file.readline(200).strip()
    return f"paused: {reason}" if reason else "paused"


class Start:
    """What systemd tells of the start that is under way.

    job: the number of systemd's job; attempts of one run have the same. restarts: how many
    attempts came before. details: what triggered it, by the names that $TRIGGER_UNIT has.
    """

    def __init__(self, details: dict[str, str], job: str = "", restarts: int = 0) -> None:
        """Take what is known."""
        self.details, self.job, self.restarts = details, job, restarts


def activation(run: Run, environ: dict[str, str], *, strict: bool) -> Start:
    """Return what systemd tells of what started this run.

    While a unit stays loaded, as one with a timer does, its environment has its first trigger for
    ever, also in a run by hand (systemd 257): it counts only where systemd does not answer.
    Raises OSError in that case where a mistake would skip a run, or not.
    """
    try:
        manager = bus.Bus(run.manager)
        try:
            return told_by(manager, run, environ)
        finally:
            manager.close()
    except OSError:
        if strict:
            raise
        return Start(environ)


def told_by(manager: "Any", run: Run, environ: dict[str, str]) -> Start:
    """Ask `manager` about the start of the unit that is under way; nothing when there is none."""
    name = f"debvisor-job-{run.job}.service"
    unit = manager.units(name)[0]
    if not unit.job:
        return Start(environ)
    details = manager.pairs(unit.job_path, b"Job", b"ActivationDetails")
    restarts = 0
    if run.values("X-Delays"):
        restarts = manager.number(unit.path, b"Service", b"NRestarts")
        if not restarts:
            # The limit bounds attempts that fail before we run; no run must be refused by it.
            manager.forget_failures(name)
    return Start(details, str(unit.job), restarts)


def trigger(job: str, environ: dict[str, str], requests: str, now_usec: int) -> dict[str, str]:
    """Return what started this run; only its first process can know: the journal never has it."""
    unit = environ.get("TRIGGER_UNIT", "")
    if unit.startswith("debvisor-boot-"):
        return {"DEBVISOR_TRIGGER": "boot"}
    if unit.endswith(".path"):
        path = environ.get("TRIGGER_PATH", "")
        return {"DEBVISOR_TRIGGER": "path", **({"DEBVISOR_TRIGGER_PATH": path} if path else {})}
    if unit.endswith(".timer"):
        scheduled = {}
        if elapsed := environ.get("TRIGGER_TIMER_REALTIME_USEC"):
            scheduled["DEBVISOR_SCHEDULED_USEC"] = elapsed
        return {"DEBVISOR_TRIGGER": "timer", **scheduled}
    return {"DEBVISOR_TRIGGER": "manual", **requester(f"{requests}/{job}.json", now_usec)}


def requester(path: str, now_usec: int) -> dict[str, str]:
    """Return who or what asked for this run, and remove the request; empty without a fresh one.

    A request only says who asked: one that cannot be read or trusted keeps no run from starting.
    """
    try:
        request = take(*os.path.split(path))
        fresh = 0 <= now_usec - request["requested_usec"] <= REQUEST_SECONDS * 1_000_000
        user, uid, login_uid = request["user"], request["uid"], request["login_uid"]
        known = type(user) is str and type(uid) is int and type(login_uid) in {int, type(None)}
        user.encode("utf-8", "surrogateescape")
        asked = {name: as_text(request[key]) for key, name in ASKED.items() if key in request}
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return {}
    if not fresh or not known:
        return {}
    asked["REQUESTED_USEC"] = str(request["requested_usec"])
    if "DEBVISOR_TRIGGER" in asked:
        return asked  # another job, not a person
    names = {"DEBVISOR_BY": user, "DEBVISOR_BY_UID": str(uid), **asked}
    # None: nobody has logged in, as for a request from a container or a timer.
    return names if login_uid is None else {**names, "DEBVISOR_BY_LOGIN_UID": str(login_uid)}


ASKED = {
    "trigger": "DEBVISOR_TRIGGER",
    "runs": "DEBVISOR_TRIGGER_RUNS",
    "retry_of": "DEBVISOR_RETRY_OF",
    "force": "FORCED",
}
"""What a request can say besides; `runs` is a list of `JOB:RUN`."""


def as_text(value: object) -> str:
    """Return what a request says, on one line; raise ValueError for what it cannot say."""
    several = value if type(value) is list else [value]
    words = ["1" if word is True else word for word in several]
    if any(type(word) is not str for word in words):
        raise ValueError(f"a request says {value!r}")
    return " ".join(map(str, words))


def take(path: str, name: str) -> dict:  # type: ignore[type-arg]
    """Return the JSON of the file `name`, which is removed, in a folder that only we can write.

    Raises OSError and ValueError; what comes back may be something else than a mapping.
    """
    folder = notes.open_folder(path)
    try:
        # A named pipe would wait for a writer for ever.
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)
    with open(file, "rb") as opened:
        data = opened.read(REQUEST_BYTES)
    import json  # noqa: PLC0415 - as slow as the interpreter's whole start; few runs are manual

    request: dict = json.loads(data)  # type: ignore[type-arg]
    return request


def definition(service: dict[tuple[str, str], list[str]]) -> dict[str, str]:
    """Return what the unit file says about itself."""
    return {field: service[name][-1] for name, field in DEFINITION.items() if name in service}


def record(fields: dict[str, str]) -> dict[str, str]:
    """Return the journal record of a run that begins, or of an attempt."""
    name, by = fields["DEBVISOR_RUN_ID"], fields.get("DEBVISOR_BY", "")
    trigger = fields["DEBVISOR_TRIGGER"] + (f" by {by}" if by else "")
    skipped = fields.get("DEBVISOR_SKIPPED", "")
    what = f"is skipped: {skipped}" if skipped else f"begins ({trigger})"
    if fields["DEBVISOR_ATTEMPT"] != "1" and not skipped:
        what = f"begins attempt {fields['DEBVISOR_ATTEMPT']} of {fields['DEBVISOR_MAX_ATTEMPTS']}"
    return {
        "MESSAGE": f"Run {name} {what}",
        "MESSAGE_ID": RUN_BEGIN,
        "PRIORITY": "5" if skipped else "6",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        **notes.told(fields),
    }


def main() -> int:
    """Begin the run of the job named by the only argument; return the exit status."""
    os.umask(0o022)  # the job's own UMask= holds for us too
    job = sys.argv[1]
    try:
        fields = begin(job, dict(os.environ))
    except (OSError, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        print(f"debvisor-timers: no run of {job}: begin failed: {reason}", file=sys.stderr)
        return 1
    try:
        notes.send(record(fields))
    except OSError as error:
        # The job counts for more than this note: what `end` records repeats all of it.
        print(f"debvisor-timers: run of {job}: journald takes no record: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
