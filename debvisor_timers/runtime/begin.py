# SPDX-License-Identifier: Apache-2.0
"""Begin a run of a job, or another attempt of it: name it, say what triggered it, wait for what
it needs, note all that for `run`, `end` and the journal.

Root's `ExecStartPre=+/usr/libexec/debvisor-timers/begin JOB`, or a user's,
with --user. A failure here fails the run, aloud.
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
    ("[Service]", "X-Notify"): "NOTIFY",
}
"""What the service says that counts for all attempts of the run, whatever is applied meanwhile."""

SINCE = "TIMER_SINCE_MONOTONIC_USEC"
"""What `missed` is told besides: since when the timer is active, for jobs that catch up."""

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

    def catches_up(self) -> bool:
        """Return True when the timer of the job makes up for times that it has missed."""
        timer = notes.statements(f"{self.units}/debvisor-job-{self.job}.timer")
        found: bool = timer.get(("[Timer]", "X-CatchUp"), ["skip"])[-1] != "skip"
        return found

    def held(self) -> str:
        """Return why somebody holds the run back, empty when nobody does."""
        marks = (f"{self.state}/paused/{self.job}", f"{self.state}/maintenance.json")
        if not any(map(os.path.lexists, marks)):
            return ""
        reason: str = beside("holding").held(self)
        return reason

    def skip_asked(self) -> str:
        """Return that somebody wants this run of the schedule skipped, empty when nobody does."""
        if not os.path.lexists(f"{self.state}/skip_next/{self.job}"):
            return ""
        reason: str = beside("holding").skip_asked(self)
        return reason

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
            tell(self.job, said | notes.told(self.fields))


def tell(job: str, fields: dict[str, str]) -> None:
    """Send a record to the journal; the job counts for more, and `end` repeats all of it."""
    try:
        notes.send(fields)
    except OSError as error:
        reason = f"journald takes no record: {error}"
        print(f"<3>debvisor-timers: run of {job}: {reason}", file=sys.stderr)


PATH_SECONDS = 3.0
PLACES = {
    "runtime": notes.RUNTIME,
    "state": notes.STATE,
    "units": notes.UNITS,
    "manager": notes.MANAGER,
}


def begin(job: str, environ: dict[str, str], places: dict[str, str] = PLACES) -> dict[str, str]:
    """Write RUNTIME/runs/JOB and return what stands in it.

    Raises OSError, ValueError and KeyError: the run must not start then.
    """
    run = Run(job, {}, places)
    asks = any(name in run.service for name in QUESTIONS)
    before = notes.read(f"{run.runtime}/runs/{job}")
    # The run that is under way keeps its definition, whatever is applied meanwhile.
    retries = bool(run.values("X-Delays")) or "DELAYS" in before
    start = activation(run, environ, retries=retries, strict=asks or retries)
    began_usec = time.time_ns() // 1000
    attempt = start.restarts + 1
    # A reset-failed, by whomever, sets systemd's count back; what `end` expects holds nevertheless.
    is_expected = "RETRY_AT" in before
    if (start.restarts or is_expected) and before.get("SYSTEMD_JOB") == start.job:
        run.fields |= before
        attempt = max(attempt, int(before["DEBVISOR_ATTEMPT"]) + is_expected)
    else:
        run.fields |= named(run, start, began_usec)
    run.fields["DEBVISOR_INVOCATION_ID"] = environ["INVOCATION_ID"]
    run.fields["DEBVISOR_ATTEMPT"] = str(attempt)
    keep_delay(run)
    is_new = "ADMITTED" not in run.fields
    if is_new:
        try:
            ask(run, asks=asks)
        except (OSError, ValueError, KeyError) as error:
            run.fields["DEBVISOR_REASON"] = f"begin: {error}"
            run.note()  # for `end`, which tells it
            raise
    elif "NOTIFY_SOCKET" in environ:
        beside("locks").close_door(environ["NOTIFY_SOCKET"])
    fields = ready(run, began_usec)
    if is_new and "ADMITTED" in fields:
        remember(run, before.get("DEBVISOR_RUN_ID", ""))
    return fields


def remember(run: Run, before: str) -> None:
    """Note on the disk that the run was let in: a boot that finds the note tells it as lost.

    before: the run that was noted before in this boot. A note of any other is of one that a crash
    has cut off, and that `recover` has not seen yet: it is put where `recover` looks as well.
    """
    path = f"{run.state}/running/{run.job}"
    try:
        name = notes.read(path).get("DEBVISOR_RUN_ID", "")
        if name and name not in {before, run.fields["DEBVISOR_RUN_ID"]}:
            os.close(notes.open_folder(f"{run.state}/lost"))
            os.rename(path, f"{run.state}/lost/{run.job}:{name}")
        notes.write(run.state, "running", run.job, run.fields, lasting=True)
    except OSError as error:
        # A full disk must not keep the job from running that makes room on it.
        reason = f"a crash will leave no trace of it: {error}"
        print(f"<4>debvisor-timers: run of {run.job}: {reason}", file=sys.stderr)


def named(run: Run, start: "Start", now_usec: int) -> dict[str, str]:
    """Return what is known of a run at its first attempt."""
    return {
        "DEBVISOR_JOB": run.job,
        "DEBVISOR_RUN_ID": notes.run_id(now_usec),
        "DEBVISOR_INVOCATION_ID": "",
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_MAX_ATTEMPTS": str(1 + sum(len(x.split()) for x in run.values("X-Delays"))),
        "DEBVISOR_START_USEC": str(now_usec),
        "SYSTEMD_JOB": start.job,
        **trigger(run.job, start.details, f"{run.runtime}/requests", now_usec),
        **definition(run.service),
        **made_up(run, start.details),
    }


def made_up(run: Run, details: dict[str, str]) -> dict[str, str]:
    """Return what is different for a run that makes up for a time that its timer has missed."""
    if not details.get(SINCE):
        return {}
    try:
        found: dict[str, str] = beside("missed").made_up(run, details)
    except OSError as error:
        # It is a run of its timer all the same.
        reason = f"for which time it is cannot be told: {error}"
        print(f"<4>debvisor-timers: run of {run.job}: {reason}", file=sys.stderr)
        return {}
    return found


def keep_delay(run: Run) -> None:
    """Wait for what is left of the delay before an attempt: a reload of systemd 257 ends it.

    Raises ValueError where no attempt is left: systemd makes one more when `end` was killed.
    """
    attempt, most = run.fields["DEBVISOR_ATTEMPT"], run.fields["DEBVISOR_MAX_ATTEMPTS"]
    if int(attempt) > int(most):
        raise ValueError(f"all {most} attempts have been made")
    until = float(run.fields.pop("RETRY_AT", "0"))
    while (left := until - time.monotonic()) > 0:
        run.wait(f"for attempt {attempt} of {most}")
        time.sleep(left)
    run.fields.pop("DEBVISOR_RETRY_USEC", None)


def ask(run: Run, *, asks: bool) -> None:
    """Ask all that decides whether the run may start; note why it may not, or that it may.

    What was asked for one attempt is not asked for the next; an attempt that was never let in, as
    one whose `begin` was killed, counts for nothing.
    """
    reason = run.held()
    if not reason:
        reason = beside("gate").reason_not_to_run(run) if asks else run.skip_asked()
    run.fields["DEBVISOR_SKIPPED" if reason else "ADMITTED"] = reason or "1"
    if run.values("X-Carry") and not reason:
        beside("carried").begun(run)
    if reason and run.fields["DEBVISOR_TRIGGER"] == "path":
        # A path that is still there triggers the next run at once, and thirty in a minute are the
        # most that its unit may have before it fails.
        time.sleep(PATH_SECONDS)


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


class Start:
    """What systemd tells of the start that is under way.

    details: what triggered it, by the names that $TRIGGER_UNIT has. job: the number of systemd's
    job; attempts of one run have the same. restarts: how many attempts came before.
    """

    def __init__(self, details: dict[str, str], job: str = "", restarts: int = 0) -> None:
        """Take what is known."""
        self.details, self.job, self.restarts = details, job, restarts


def activation(run: Run, environ: dict[str, str], *, retries: bool, strict: bool) -> Start:
    """Return what systemd tells of what started this run; retries: it may have been before.

    While a unit stays loaded, as one with a timer does, its environment has its first trigger for
    ever, also in a run by hand (systemd 257): it counts only where systemd does not answer.
    Raises OSError in that case where a mistake would skip a run, or not.
    """
    try:
        start: Start = bus.asking(
            lambda manager: told_by(manager, run, environ, retries=retries), run.manager
        )
    except OSError:
        if strict:
            raise
        return Start(environ)
    return start


def told_by(manager: "Any", run: Run, environ: dict[str, str], *, retries: bool) -> Start:
    """Ask `manager` about the start of the unit that is under way."""
    name, timer = (f"debvisor-job-{run.job}.{kind}" for kind in ("service", "timer"))
    unit = manager.units(name)[0]
    details, restarts = environ, 0
    if unit.job:  # systemctl cancel takes it away
        details = manager.pairs(unit.job_path, b"Job", b"ActivationDetails")
    if retries:
        restarts = manager.number(unit.path, b"Service", b"NRestarts")
        if not restarts:
            # The limit bounds attempts that fail before we run; no run must be refused by it.
            manager.forget_failures(name)
    if not restarts and details.get("TRIGGER_UNIT") == timer and run.catches_up():
        path = manager.units(timer)[0].path
        since = manager.number(path, b"Unit", b"ActiveEnterTimestampMonotonic")
        details = {**details, SINCE: str(since)}
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
    asked = {}
    if os.path.lexists(f"{requests}/{job}.json"):
        asked = beside("requests").asked(requests, job, now_usec)
    by_person = "backfill" if "DEBVISOR_SCHEDULED_USEC" in asked else "manual"
    by_person = "retry" if "DEBVISOR_RETRY_OF" in asked else by_person
    return {"DEBVISOR_TRIGGER": by_person, **asked}


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


def announce(job: str, fields: dict[str, str], manager: str) -> None:
    """Have somebody told that the run begins, where anybody wants to know; once for all attempts.

    Told is what `runs/JOB` says, by a unit of its own: the run waits for nothing.
    """
    is_new = "ADMITTED" in fields and fields["DEBVISOR_ATTEMPT"] == "1"
    if not is_new or "started" not in fields.get("NOTIFY", "").split():
        return
    unit = f"debvisor-timers-started@{job}.service"
    try:
        bus.asking(lambda systemd: systemd.start(unit), manager)
    except OSError as error:
        print(f"<4>debvisor-timers: run of {job}: nobody is told: {error}", file=sys.stderr)


def main() -> int:
    """Begin the run of the job named by the last argument; return the exit status."""
    os.umask(0o022)  # the job's own UMask= holds for us too
    job, places = sys.argv[-1], PLACES
    if sys.argv[1] == notes.FOR_USER:
        places = {name.lower(): place for name, place in notes.of_user().items()}
    try:
        fields = begin(job, dict(os.environ), places)
    except (OSError, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        print(f"<3>debvisor-timers: no run of {job}: begin failed: {reason}", file=sys.stderr)
        return 1
    tell(job, record(fields))
    announce(job, fields, places["manager"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
