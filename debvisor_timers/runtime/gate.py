# SPDX-License-Identifier: Apache-2.0
"""Whether a run may start, and what it waits for before: in this order maintenance windows and
exclusions, the host that it belongs to, a skip on request, what it depends on, its locks.

`begin` loads this file for a job that has any of these, and for no other. Imports nothing of ours.
"""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


PAUSE = 5.0
"""How long to wait before systemd is asked again, in seconds; less after a change."""
GIVE_UP_SECONDS = 2.0
JUST_NOW_USEC = 1_000_000  # AccuracySec= of our timers


def reason_not_to_run(run: "Any") -> str:
    """Return why a run is skipped, empty when it may start; by then it holds its locks.

    run: the Run of `begin`. Raises OSError, ValueError and KeyError: the run must not start then.
    """
    for question in (calendar, place, type(run).skip_asked, dependencies, locks):
        if reason := question(run):
            return reason
    return ""


def calendar(run: "Any") -> str:
    """Return the maintenance window or the exclusion that keeps the run from starting."""
    if not (run.values("X-Maintenance") or run.values("X-Exclude")):
        return ""
    timer = run.notes.statements(f"{run.units}/debvisor-job-{run.job}.timer")
    reason: str = run.beside("skip").by_calendar(run.fields, run.service, timer)
    return reason


def place(run: "Any") -> str:
    """Return why the run belongs to another host."""
    if not (run.values("X-WhereHost") or run.values("X-WhereVm")):
        return ""
    hosts, machines = run.values("X-WhereHost"), run.values("X-WhereVm")
    reason: str = run.beside("where").elsewhere(hosts, machines, run.wait)
    return reason


def locks(run: "Any") -> str:
    """Take all locks of the job; return why that was not possible."""
    if not (run.values("X-Conflict") or run.values("X-Pool")):
        return ""
    reason: str = run.beside("locks").take(run, default_limit)
    return reason


def default_limit(run: "Any") -> float:
    """Return how many seconds it is to the next elapse of the run's own timer, a bit less.

    A run that gives up in time does not swallow that elapse.
    """
    timer = run.notes.statements(f"{run.units}/debvisor-job-{run.job}.timer")
    now = time.time()
    moment = run.beside("skip").first_elapse(timer, int(now))
    return float("inf") if moment is None else moment - now - GIVE_UP_SECONDS


class Need:
    """One job that a run depends on: `KIND=JOB | WAIT | MAX AGE` of its service.

    left: why the run still waits for it, empty when it does not.
    """

    def __init__(self, kind: str, line: str) -> None:
        """Read one line."""
        parts = [*line.split(" | "), ""]
        self.kind, self.job = kind, parts[0]
        self.wait = float(parts[1].removesuffix("s"))
        self.max_age = float(parts[2].removesuffix("s")) if parts[2] else None
        self.service = f"debvisor-job-{self.job}.service"
        self.timer = f"debvisor-job-{self.job}.timer"
        self.until = 0.0
        self.busy = ""

    def __str__(self) -> str:
        """Return what is waited for: `for backup (running)`."""
        return f"for {self.job} ({self.busy})"


def dependencies(run: "Any") -> str:
    """Wait for the jobs that the run depends on; return which of them keeps it from starting.

    Steps come last: none runs for a run that another job keeps from starting.
    """
    if "FORCED" in run.fields:
        return ""
    for kinds in KINDS:
        needs = [Need(kind, line) for kind in kinds for line in run.values(kind)]
        if needs and (reason := await_all(run, needs)):
            return reason
    return ""


def await_all(run: "Any", needs: list[Need]) -> str:
    """Wait for the jobs of `needs`, steps are started; return which one keeps the run off."""
    began = time.monotonic()
    for need in needs:
        need.until = began + need.wait
    start_steps(run, [need for need in needs if need.kind == "X-Step"])
    number = 0
    while needs:
        ends = last_ends(run, needs)
        look(run, needs)
        for need in [need for need in needs if not need.busy]:
            needs.remove(need)
            if need.kind != "X-After" and (reason := verdict(run, need)):
                return reason
        for need in [need for need in needs if time.monotonic() >= need.until]:
            needs.remove(need)
            if need.kind != "X-After":
                return f"{need.job} is still {need.busy} after {words(need.wait)}"
        if needs:
            run.wait(" and ".join(map(str, needs)))
            pause = min([0.1 + number / 10, PAUSE, *(n.until - time.monotonic() for n in needs)])
            number = 0 if change_within(pause, ends) else number + 1
    return ""


def last_ends(run: "Any", needs: list[Need]) -> dict[str, int]:
    """Return the notes of the newest ends of these jobs, and when each was written."""
    paths = [f"{run.runtime}/ended/{need.job}" for need in needs]
    return {path: changed(path) for path in paths}


def changed(path: str) -> int:
    """Return when a file was last written, 0 where it is missing."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def change_within(seconds: float, files: dict[str, int]) -> bool:
    """Return True as soon as one of the files is written anew, False after so long.

    To look at files costs much less than to ask systemd.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.05 if seconds < 1 else 0.2))
        if any(changed(path) != moment for path, moment in files.items()):
            return True
    return False


KINDS = (("X-Requires", "X-After"), ("X-Step",))


def activated_usec(run: "Any") -> int:
    """Return when this run was asked for: a step that has ended since then was run for it too."""
    fields = run.fields
    # A run that makes up for a time long ago is asked for now.
    is_past = fields["DEBVISOR_TRIGGER"] == "backfill"
    scheduled = "" if is_past else fields.get("DEBVISOR_SCHEDULED_USEC")
    asked = scheduled or fields.get("REQUESTED_USEC")
    return int(asked or fields["DEBVISOR_START_USEC"])


def start_steps(run: "Any", steps: list[Need]) -> None:
    """Start the steps that nobody has started for this moment yet.

    One after the other: who comes later finds the step running, or its end.
    """
    if not steps:
        return
    import fcntl  # noqa: PLC0415 - for the few jobs that have steps

    os.close(run.notes.open_folder(run.runtime))
    requests = run.beside("requests")
    # For nobody else to open: whoever can read a file can hold its lock for ever.
    number = os.open(f"{run.runtime}/steps.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    with open(number, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def start(manager: "Any") -> None:
            for step, unit in zip(steps, manager.units(*(s.service for s in steps)), strict=True):
                if not unit.is_busy and not has_run(run, step):
                    needed_by = [f"{run.job}:{run.fields['DEBVISOR_RUN_ID']}"]
                    requests.leave(run.notes, run.runtime, step.job, "dependency", needed_by)
                    manager.start(step.service)

        run.bus.asking(start, run.manager)


def has_run(run: "Any", step: Need) -> bool:
    """Return True when a run of the step has ended since this run was asked for."""
    ended = run.notes.read(f"{run.runtime}/ended/{step.job}")
    return int(ended.get("DEBVISOR_END_USEC", "0")) >= activated_usec(run)


def look(run: "Any", needs: list[Need]) -> None:
    """Note in each of `needs` what its job is busy with, if it is."""

    def ask(manager: "Any") -> None:
        names = [name for need in needs for name in (need.service, need.timer)]
        units = {unit.name.decode(): unit for unit in manager.units(*names)}
        for need in needs:
            if units[need.service].is_busy:
                need.busy = busy_with(run, need, units[need.service])
            elif is_due(run, need, manager, units[need.timer]):
                need.busy = "due"
            else:
                need.busy = ""

    run.bus.asking(ask, run.manager)


def busy_with(run: "Any", need: Need, unit: "Any") -> str:
    """Return what a job that is under way does: `running`, `waiting`, `retrying`."""
    if unit.sub.startswith(b"auto-restart"):
        return "retrying"
    noted = run.notes.read(f"{run.runtime}/runs/{need.job}")
    if "DEBVISOR_RETRY_USEC" in noted:
        return "retrying"
    return "waiting" if "DEBVISOR_WAITING" in noted else "running"


def is_due(run: "Any", need: Need, manager: "Any", timer: "Any") -> bool:
    """Return True when the timer of a job should have elapsed and has not: it is about to.

    With a jitter it is due from the time that its calendar says; then the wait counts from the end
    of the delay.
    """
    if need.kind == "X-Step" or timer.active != b"active":
        return False
    next_usec = manager.number(timer.path, b"Timer", b"NextElapseUSecRealtime")
    now_usec = time.time_ns() // 1000
    if next_usec in {0, 2**64 - 1}:
        return False
    if next_usec <= now_usec:
        return True
    said = run.notes.statements(f"{run.units}/{need.timer}")
    skip = run.beside("skip")
    jitter = sum(map(skip.microseconds, said.get(("[Timer]", "RandomizedDelaySec"), [])[-1:]))
    if not jitter or next_usec - jitter > now_usec:
        return False
    moment = skip.first_elapse(said, (next_usec - jitter - JUST_NOW_USEC) // 1_000_000)
    if moment is None or moment * 1_000_000 > now_usec:
        return False
    need.until = max(need.until, time.monotonic() + (next_usec - now_usec) / 1e6 + need.wait)
    return True


def verdict(run: "Any", need: Need) -> str:
    """Return why a job that is not under way does not do as a requirement, empty when it does."""
    if need.kind == "X-Step" and (reason := step_verdict(run, need)):
        return reason
    last = newest(run, need)
    if need.kind == "X-Step" and need.max_age is None:
        return "" if last else f"{need.job} never ran"
    reason = last_verdict(run, need, last)
    return last.get("CARRIED_DOUBT", "") or reason if reason else ""


def newest(run: "Any", need: Need) -> dict[str, str]:
    """Return the last result of a job: that of this host, or one that its machine has brought."""
    last: dict[str, str] = run.notes.read(f"{run.state}/last/{need.job}")
    said = run.notes.statements(f"{run.units}/{need.service}")
    if machine := said.get(("[Service]", "X-Carry")):
        last = run.beside("carried").known(run.beside("where"), need.job, machine[-1], last)
    return last


def last_verdict(run: "Any", need: Need, last: dict[str, str]) -> str:
    """Return why the last result of a job does not do, empty when it does."""
    if "DEBVISOR_RESULT" not in last:
        return f"{need.job} never ran{ended_where(last)}"
    if need.max_age is not None:
        return age_verdict(need, last)
    return due_verdict(run, need, last)


def due_verdict(run: "Any", need: Need, last: dict[str, str]) -> str:
    """Return why a job has not succeeded since it was last due, empty when it has.

    Whether it was due is asked of its calendar: what its timer remembers does not survive a boot.
    A job without a schedule is never due: there the last run counts.
    """
    said = run.notes.statements(f"{run.units}/{need.timer}")
    success = int(last.get("DEBVISOR_SUCCESS_USEC", "0"))
    if ("[Timer]", "OnCalendar") not in said or not success:
        doubt = last.get("CARRIED_DOUBT", "")
        return doubt or ("" if succeeded(last) else failure(need, last))
    due = run.beside("skip").first_elapse(said, success // 1_000_000)
    if due is None or due > time.time():
        return ""
    if not succeeded(last) and int(last["DEBVISOR_END_USEC"]) >= due * 1_000_000:
        return failure(need, last)
    ended = run.notes.read(f"{run.runtime}/ended/{need.job}")
    reason = ended.get("DEBVISOR_SKIPPED", "")
    # That the machine was elsewhere then is no reason any more: now it is here.
    is_reason = reason and not ("CARRIED_BY" in last and reason.startswith("virtual machine "))
    if is_reason and int(ended.get("DEBVISOR_END_USEC", "0")) >= due * 1_000_000:
        return f"{need.job} was skipped ({reason})"
    return f"{need.job} has not succeeded since it was due {moment(due)}{ended_where(last)}"


def ended_where(last: dict[str, str]) -> str:
    """Return where a result would have been known that ended elsewhere."""
    machine = last.get("CARRIED_BY")
    return f", here or where {machine} ran before" if machine else ""


def step_verdict(run: "Any", need: Need) -> str:
    """Return how the step that was started for this run has disappointed, empty when it did not."""
    ended = run.notes.read(f"{run.runtime}/ended/{need.job}")
    if int(ended.get("DEBVISOR_END_USEC", "0")) < activated_usec(run):
        return f"{need.job} did not run"
    if reason := ended.get("DEBVISOR_SKIPPED"):
        return f"{need.job} was skipped ({reason})"
    return "" if succeeded(ended) else failure(need, ended)


def age_verdict(need: Need, last: dict[str, str]) -> str:
    """Return why the newest success of a job is too old, empty when it is not."""
    success_usec = int(last.get("DEBVISOR_SUCCESS_USEC", "0"))
    if not success_usec:
        return failure(need, last)
    age = time.time() - success_usec / 1e6
    if need.max_age is not None and age > need.max_age:
        return f"the last success of {need.job} is too old ({words(age)})"
    return ""


def succeeded(last: dict[str, str]) -> bool:
    """Return True when a run that ended was a success."""
    return last.get("DEBVISOR_RESULT") == "success" and "DEBVISOR_STOPPED" not in last


def failure(need: Need, last: dict[str, str]) -> str:
    """Return that a job did not succeed, and how."""
    how = "was stopped" if "DEBVISOR_STOPPED" in last else "failed"
    if last.get("DEBVISOR_RESULT") == "timeout" and how == "failed":
        how = "timed out"
    host = f" on {last['CARRIED_HOST']}" if "CARRIED_HOST" in last else ""
    return f"{need.job} {how} (run {last.get('DEBVISOR_RUN_ID', 'unknown')}{host})"


def moment(seconds: float) -> str:
    """Return an instant in the zone of the host; never in that of the job's own $TZ."""
    os.environ["TZ"] = ":/etc/localtime"
    time.tzset()
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def words(seconds: float) -> str:
    """Return a time span for people: `1h 30min`, `45s`."""
    left = int(seconds + 0.5)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
