# SPDX-License-Identifier: Apache-2.0
"""End an attempt of a run: note its result in a file that survives a crash, and in the journal;
decide whether another attempt follows, and end the run where none does.

Root's `ExecStopPost=+/usr/libexec/debvisor-timers/end JOB`, or a user's,
with --user. A failure here fails the unit, aloud.
Imports nothing of ours and little else; what several programs need lies beside it (`beside`).
"""

import os
import sys
import time
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


RUN_END = "ec5c7d712daf4bf4a90b07764211903e"
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")  # the second: hosts with both hierarchies
MANAGER_SECONDS = 5.0
MANAGER_PATIENCE = 30.0  # where the run would go on without an answer
SUCCESS = ("DEBVISOR_SUCCESS_USEC", "DEBVISOR_SUCCESS_RUN")

POLICY = {
    "X-Delays": "DELAYS",
    "X-RetryOn": "RETRY_ON",
    "RestartPreventExitStatus": "NEVER_ON_EXIT",
}
"""What decides about another attempt, and the names that `begin` notes it by."""


def beside(name: str) -> "Any":
    """Return the module `name` in the folder of this program: compiled once, by the package."""
    module = type(sys)(name)
    module.__file__ = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    code = SourceFileLoader(name, module.__file__).get_code(name)
    exec(code or "", module.__dict__)  # noqa: S102
    return module


notes, bus, attempts = beside("notes"), beside("bus"), beside("attempts")


class Manager:
    """What systemd says of a unit that ends."""

    def __init__(self, stopped: bool = False, job: str = "", restarts: int = 0) -> None:  # noqa: FBT001, FBT002
        """stopped: somebody asked for the end; job: the number of systemd's job of the start."""
        self.stopped, self.job, self.restarts = stopped, job, restarts


def ask(job: str, *, retries: bool, address: str = "") -> Manager:
    """Return what systemd says of the unit of `job`: whether somebody, or a shutdown, stops it.

    $SERVICE_RESULT cannot tell: a stop looks like a signal from outside, or like a success.
    Raises OSError when the manager gives no answer.
    """
    name, seconds = f"debvisor-job-{job}.service", MANAGER_PATIENCE if retries else MANAGER_SECONDS

    def told(manager: "Any") -> Manager:
        unit = manager.units(name)[0]
        restarts = manager.number(unit.path, b"Service", b"NRestarts") if retries else 0
        stopped = unit.job_type in {b"stop", b"restart"}
        return Manager(stopped, "" if stopped else str(unit.job), restarts)

    found: Manager = bus.asking(told, address, seconds)
    return found


def end(
    state: dict[str, str],
    environ: dict[str, str],
    *,
    cgroups: tuple[str, ...] = CGROUPS,
) -> dict[str, str]:
    """Return all that is known of the attempt that ends now."""
    now_usec = time.time_ns() // 1000
    ran = "DEBVISOR_SKIPPED" not in state
    result, code = environ["SERVICE_RESULT"], environ.get("EXIT_CODE", "")
    status = environ.get("EXIT_STATUS", "")
    if attempts.timed_out(state, code, status):
        result, code, status = "timeout", "", ""
    fields = {
        **notes.told(state),
        "DEBVISOR_RESULT": result,
        # Both are absent where the job's program never ran.
        "DEBVISOR_EXIT_CODE": code if ran else "",
        "DEBVISOR_EXIT_STATUS": status if ran else "",
        **used(cgroups),
        "DEBVISOR_END_USEC": str(now_usec),
    }
    fields.pop("DEBVISOR_WAITING", None)
    return {name: value for name, value in fields.items() if value}


def started(job: str, environ: dict[str, str], manager: Manager, runtime: str) -> dict[str, str]:
    """Return what `begin` noted of this attempt, or what is known of one that it never noted."""
    state: dict[str, str] = notes.read(f"{runtime}/runs/{job}")
    invocation = environ.get("INVOCATION_ID", "")
    if state.get("DEBVISOR_INVOCATION_ID") == invocation:
        return state
    attempt = str(manager.restarts + 1)
    # The number of the job that started it is not told any more once there is one that stops it.
    if manager.restarts and (manager.stopped or state.get("SYSTEMD_JOB") == manager.job):
        return state | {"DEBVISOR_INVOCATION_ID": invocation, "DEBVISOR_ATTEMPT": attempt}
    unit = notes.statements(f"{notes.UNITS}/debvisor-job-{job}.service")
    policy = {
        name: unit["[Service]", key][-1]
        for key, name in POLICY.items()
        if ("[Service]", key) in unit
    }
    return policy | {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": notes.run_id(time.time_ns() // 1000),
        "DEBVISOR_INVOCATION_ID": invocation,
        "DEBVISOR_ATTEMPT": attempt,
        "DEBVISOR_MAX_ATTEMPTS": str(1 + len(policy.get("DELAYS", "").split())),
        "SYSTEMD_JOB": manager.job,
    }


def used(cgroups: tuple[str, ...]) -> dict[str, str]:
    """Return the CPU time and the peak memory of the unit; absent where the kernel has no number.

    Read here, since systemd tells the journal of large amounts only (systemd 257).
    """
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        paths = [line[3:].rstrip("\n") for line in file if line.startswith("0::")]
    found = {}
    for folder in (root + path.removesuffix("/.control") for root in cgroups for path in paths):
        for line in read_lines(f"{folder}/cpu.stat"):
            if line.startswith("usage_usec "):
                found["DEBVISOR_CPU_USEC"] = line.split()[1]
        for line in read_lines(f"{folder}/memory.peak"):
            found["DEBVISOR_MEMORY_PEAK"] = line.strip()
    return found


def read_lines(path: str) -> list[str]:
    """Return the lines of a file of the kernel; none when it is not there."""
    try:
        with open(path, encoding="ascii") as file:
            return file.readlines()
    except OSError:
        return []


def is_run(fields: dict[str, str]) -> bool:
    """Return True when the job was to run: a skip must not hide the result of the last real run."""
    return fields["DEBVISOR_RESULT"] != "exec-condition" and not is_skipped(fields)


def is_skipped(fields: dict[str, str]) -> bool:
    """Return True when `begin` kept the run from starting, and nothing failed besides."""
    return "DEBVISOR_SKIPPED" in fields and fields["DEBVISOR_RESULT"] == "success"


def with_success(fields: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    """Return `fields` with the end and the id of the newest success, this one or that of before."""
    if fields["DEBVISOR_RESULT"] == "success" and "DEBVISOR_STOPPED" not in fields:
        run, usec = fields["DEBVISOR_RUN_ID"], fields["DEBVISOR_END_USEC"]
        return {**fields, "DEBVISOR_SUCCESS_USEC": usec, "DEBVISOR_SUCCESS_RUN": run}
    if (
        before.get("DEBVISOR_RESULT") == "success"
        and not {*SUCCESS, "DEBVISOR_STOPPED"} & before.keys()
    ):
        before = with_success(before, {})  # by a version that did not note it
    return {**fields, **{name: before[name] for name in SUCCESS if name in before}}


def release(job: str, *, units: str = "", shadows: str = "") -> bool:
    """Remove the definition that an apply kept for this run; True when systemd must reload.

    Where the job itself is gone it stays, so that systemd can forget the unit by it.
    """
    units, shadows = units or notes.UNITS, shadows or notes.SHADOWS
    name = f"debvisor-job-{job}.service"
    if not (os.path.exists(f"{shadows}/{name}") and os.path.exists(f"{units}/{name}")):
        return False
    os.unlink(f"{shadows}/{name}")
    return True


def record(fields: dict[str, str]) -> dict[str, str]:
    """Return the journal record of an attempt that ended."""
    name, result = fields["DEBVISOR_RUN_ID"], fields["DEBVISOR_RESULT"]
    how = ""
    if "DEBVISOR_STOPPED" in fields:
        how = " (stopped)"
    elif result != "success" and "DEBVISOR_EXIT_CODE" in fields:
        how = f" ({fields['DEBVISOR_EXIT_CODE']} {fields.get('DEBVISOR_EXIT_STATUS', '')})"
    what = f"ended: {result}{how}"
    if is_skipped(fields):
        what = f"was skipped: {fields['DEBVISOR_SKIPPED']}"
    elif "DEBVISOR_FINAL" not in fields:
        attempt = f"{fields['DEBVISOR_ATTEMPT']} of {fields['DEBVISOR_MAX_ATTEMPTS']}"
        what = f"goes on after attempt {attempt}, which ended: {result}{how}"
    return {
        "MESSAGE": f"Run {name} {what}",
        "MESSAGE_ID": RUN_END,
        "PRIORITY": "6" if result == "success" else "4",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        **fields,
    }


class Ending:
    """The end of an attempt of `job`: each step is told on standard error when it fails."""

    def __init__(self, job: str, environ: dict[str, str]) -> None:
        """Find out what ended, and whether another attempt follows."""
        self.job, self.failed = job, False
        self.beside, self.notes, self.bus = beside, notes, bus
        unit = notes.statements(f"{notes.UNITS}/debvisor-job-{job}.service")
        noted = notes.read(f"{notes.RUNTIME}/runs/{job}")
        self.unit = unit
        self.retries = ("[Service]", "X-Delays") in unit or "DELAYS" in noted
        manager = self.try_to(
            "systemd gives no answer",
            lambda: ask(job, retries=self.retries),
            Manager(),
            fatal=False,
        )
        self.state = started(job, environ, manager, notes.RUNTIME)
        self.fields = end(self.state, environ)
        if manager.stopped:
            self.fields["DEBVISOR_STOPPED"] = "1"
        self.delay = attempts.next_delay(self.state, self.fields)

    def try_to(
        self, problem: str, step: "Any", default: "Any" = None, *, fatal: bool = True
    ) -> "Any":
        """Return what `step` does; say `problem` when it fails, and go on."""
        try:
            return step()
        except (OSError, ValueError, KeyError) as error:
            complain(self.job, f"{problem}: {error}")
            self.failed = self.failed or fatal
            return default

    def go_on(self) -> None:
        """Note when the next attempt follows; systemd makes it, `begin` keeps the delay."""
        delay = self.delay or 0.0
        usec = str(time.time_ns() // 1000 + round(delay * 1_000_000))
        self.fields["DEBVISOR_RETRY_USEC"] = usec
        state = {name: value for name, value in self.state.items() if name not in OF_AN_ATTEMPT}
        state |= {"RETRY_AT": f"{time.monotonic() + delay:.3f}", "DEBVISOR_RETRY_USEC": usec}
        self.try_to("the next attempt will be a run of its own", lambda: self.note(state))
        self.send()

    def note(self, state: dict[str, str]) -> None:
        """Write the note of the run that is under way."""
        notes.write(notes.RUNTIME, "runs", self.job, state, lasting=False)

    def finish(self) -> None:
        """Keep the result, then let the run be over."""
        job, fields = self.job, self.fields
        fields["DEBVISOR_FINAL"] = "1"
        if is_run(fields):
            self.try_to("its result is not on disk", self.keep)
        ended = fields | {"MONOTONIC": f"{time.monotonic():.3f}"}
        self.try_to(
            "those that wait for it will not know its result",
            lambda: notes.write(notes.RUNTIME, "ended", job, ended, lasting=False),
        )
        self.send()
        self.try_to("the next boot will look for its end", self.forget)
        if (carry := self.unit.get(("[Service]", "X-Carry"))) and is_run(fields):
            beside("carried").ended(self, carry[-1])
        if os.path.exists(f"{notes.RUNTIME}/runs/{job}"):
            os.unlink(f"{notes.RUNTIME}/runs/{job}")
        after = any(("[Service]", name) in self.unit for name in AFTERWARDS) and is_run(fields)
        if after or self.lasted():
            module = beside("afterwards")
            self.try_to("what came meanwhile is lost", lambda: module.afterwards(self))

    def keep(self) -> None:
        """Write the result of the run to the disk."""
        before = notes.read(f"{notes.STATE}/last/{self.job}")
        notes.write(notes.STATE, "last", self.job, with_success(self.fields, before), lasting=True)

    def forget(self) -> None:
        """Remove the note that would make the run a lost one; one of another run stays."""
        path = f"{notes.STATE}/running/{self.job}"
        if notes.read(path).get("DEBVISOR_RUN_ID") == self.fields["DEBVISOR_RUN_ID"]:
            os.unlink(path)  # comes back by a crash at worst; `last/` tells that it has ended

    def send(self) -> None:
        """Tell the journal."""
        self.try_to("journald takes no record", lambda: notes.send(record(self.fields)))

    def announce(self) -> None:
        """Have somebody told of a recovery or a skip; systemd does so for other ends by itself."""
        is_wanted = ("[Service]", "X-Notify") in self.unit
        if not is_wanted and not os.path.exists(f"{notes.STATE}/notified/{self.job}"):
            return
        if beside("telling").is_to_be_told(self):
            unit = f"debvisor-timers-notify@{self.job}.service"
            bus.asking(lambda manager: manager.start(unit), seconds=MANAGER_SECONDS)

    def would_restart(self) -> bool:
        """Return True when systemd would make another attempt, though this was the last."""
        fields = self.fields
        is_over = fields["DEBVISOR_RESULT"] in {"success", "exec-condition"}
        return not (
            is_over or "DEBVISOR_STOPPED" in fields or attempts.never(self.state, fields)
        ) and bool(self.state.get("DELAYS"))

    def stop(self) -> None:
        """End the run: jobs that wait for it start, and decide by its result, which is noted."""
        name = f"debvisor-job-{self.job}.service"
        bus.asking(lambda manager: manager.end(name), seconds=MANAGER_PATIENCE)

    def leave(self) -> None:
        """End the run where systemd would go on; then be gone at once.

        A start that comes between the two counts twice for the start limit (systemd 257: once when
        it is put off, once when the unit has ended), which would refuse it and all that follow.
        """
        if self.would_restart():
            sys.stderr.flush()
            self.try_to("systemd makes another attempt", self.stop)
            os._exit(1 if self.failed else 0)

    def lasted(self) -> bool:
        """Return True when the run was long enough for its timer to elapse meanwhile."""
        begun = int(self.fields.get("DEBVISOR_START_USEC", "0")) // 1_000_000
        now = int(time.time())
        if not begun:
            return False
        return begun // 60 != now // 60 or (now > begun and self.counts_seconds())

    def counts_seconds(self) -> bool:
        """Return True when the timer can elapse within a minute."""
        timer = notes.statements(f"{notes.UNITS}/debvisor-job-{self.job}.timer")
        lines = timer.get(("[Timer]", "OnCalendar"), [])
        # Not `*:*:00/2`; other ways to write a whole minute only make us look for nothing.
        return not all(any(word.endswith(":00") for word in line.split()) for line in lines)

    def renew(self) -> None:
        """Let a definition that came during the run count from now on."""
        if release(self.job):
            try:
                bus.asking(lambda manager: manager.reload(), seconds=MANAGER_SECONDS)
            except TimeoutError:
                return  # with thousands of timers a reload takes longer than we wait


OF_AN_ATTEMPT = {"READY_AT", "DEBVISOR_WAITING", "DEBVISOR_RETRY_USEC", "DEBVISOR_REASON"}
"""What is noted of an attempt alone, not of the run."""
AFTERWARDS = ("X-SuccessOf", "X-AnySuccessOf", "X-FailureOf")


def complain(job: str, text: str) -> None:
    """Say on standard error what went wrong; systemd 257 takes it for an output like any other."""
    print(f"<3>debvisor-timers: run of {job}: {text}", file=sys.stderr)


def serve_user() -> None:
    """Let all places be those of the user whose own manager has started us."""
    notes.__dict__.update(notes.of_user())
    bus.PRIVATE = notes.MANAGER


def main() -> int:
    """End the attempt of the job named by the last argument; return the exit status."""
    os.umask(0o022)  # the job's own UMask= holds for us too
    if sys.argv[1] == notes.FOR_USER:
        serve_user()
    ending = Ending(sys.argv[-1], dict(os.environ))
    if ending.delay is not None:
        ending.go_on()
    else:
        ending.finish()
        problem = "its new definition does not count (fix: systemctl daemon-reload)"
        ending.try_to(problem, ending.renew)
        ending.try_to("nobody is told that it succeeds again", ending.announce, fatal=False)
        ending.leave()
    return 1 if ending.failed else 0


if __name__ == "__main__":
    sys.exit(main())
