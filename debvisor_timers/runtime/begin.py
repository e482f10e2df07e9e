#!/usr/bin/python3 -ISXutf8
# SPDX-License-Identifier: Apache-2.0
"""Begin a run of a job: name it, say what triggered it, note both for `run`, `end` and the journal.

Root's `ExecStartPre=+/usr/libexec/debvisor-timers/begin JOB`. A failure here fails the run, aloud.
Stays one file without imports of ours, and imports little: each start reads and compiles it anew.
"""

import _socket
import os
import sys
import time

RUN_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
RUNTIME = "/run/debvisor-timers"
UNITS = "/etc/systemd/system"
ANALYZE = "/usr/bin/systemd-analyze"
LOCALTIME = "/etc/localtime"
ZONEINFO = "/usr/share/zoneinfo"
JOURNAL = "/run/systemd/journal/socket"
JOURNAL_SECONDS = 5.0
REQUEST_SECONDS = 60
LATE_SECONDS = 60  # a reload of thousands of jobs keeps PID 1 busy for 20
REQUEST_BYTES = 64 * 1024

DEFINITION = {
    ("[X-Debvisor]", "Generation"): "DEBVISOR_GENERATION",
    ("[X-Debvisor]", "Source"): "DEBVISOR_SOURCE",
    ("[Service]", "SyslogIdentifier"): "IDENTIFIER",
    ("[Service]", "IgnoreSIGPIPE"): "IGNORE_SIGPIPE",
    ("[Service]", "WorkingDirectory"): "DIRECTORY",
}
MICROSECONDS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}

Unit = dict[tuple[str, str], list[str]]


def begin(
    job: str,
    environ: dict[str, str],
    *,
    runtime: str = RUNTIME,
    units: str = UNITS,
    analyze: str = ANALYZE,
) -> dict[str, str]:
    """Write RUNTIME/runs/JOB and return what stands in it.

    Raises OSError, ValueError and KeyError: the run must not start then.
    """
    now_usec = time.time_ns() // 1000
    service = statements(f"{units}/debvisor-job-{job}.service")
    fields = {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": run_id(now_usec),
        "DEBVISOR_INVOCATION_ID": environ["INVOCATION_ID"],
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_START_USEC": str(now_usec),
        **trigger(job, environ, f"{runtime}/requests", now_usec),
        **definition(service),
    }
    if reason := skip(fields, service, f"{units}/debvisor-job-{job}.timer", analyze):
        fields["DEBVISOR_SKIPPED"] = reason
    write(runtime, job, fields)
    return fields


def run_id(now_usec: int) -> str:
    """Return a new name for a run: sorts by time, and is valid without an invocation."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_usec // 1_000_000))
    return f"{moment}-{os.urandom(3).hex()}"


def trigger(job: str, environ: dict[str, str], requests: str, now_usec: int) -> dict[str, str]:
    """Return what started this run; only the first process of a run can know.

    A daemon-reload erases $TRIGGER_UNIT (systemd 257), and the journal never has it.
    """
    unit = environ.get("TRIGGER_UNIT", "")
    if unit.startswith("debvisor-boot-"):
        return {"DEBVISOR_TRIGGER": "boot"}
    if unit.endswith(".timer"):
        scheduled = {}
        if elapsed := environ.get("TRIGGER_TIMER_REALTIME_USEC"):
            scheduled["DEBVISOR_SCHEDULED_USEC"] = elapsed
        return {"DEBVISOR_TRIGGER": "timer", **scheduled}
    return {"DEBVISOR_TRIGGER": "manual", **requester(f"{requests}/{job}.json", now_usec)}


def requester(path: str, now_usec: int) -> dict[str, str]:
    """Return who asked for this run, and remove the request; empty when there is no fresh one.

    A request only names who asked: one that cannot be read or trusted keeps no run from starting.
    """
    try:
        request = take(*os.path.split(path))
        fresh = 0 <= now_usec - request["requested_usec"] <= REQUEST_SECONDS * 1_000_000
        user, uid, login_uid = request["user"], request["uid"], request["login_uid"]
        known = type(user) is str and type(uid) is int and type(login_uid) in {int, type(None)}
        user.encode("utf-8", "surrogateescape")
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return {}
    if not fresh or not known:
        return {}
    names = {"DEBVISOR_BY": user, "DEBVISOR_BY_UID": str(uid)}
    # None: nobody has logged in, as for a request from a container or a timer.
    return names if login_uid is None else {**names, "DEBVISOR_BY_LOGIN_UID": str(login_uid)}


def take(path: str, name: str) -> dict:  # type: ignore[type-arg]
    """Return the JSON of the file `name`, which is removed, in a folder that only we can write.

    Raises OSError and ValueError; what comes back may be something else than a mapping.
    """
    folder = open_folder(path)
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


def statements(path: str) -> Unit:
    """Return the values of each directive of a unit file, by section and name.

    Nothing for a file that is gone: its unit runs until systemd is reloaded.
    """
    found: Unit = {}
    section = ""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                key, equals, value = line.strip().partition("=")
                if equals:
                    found.setdefault((section, key), []).append(value.replace("%%", "%"))
                elif key.startswith("["):
                    section = key
    except FileNotFoundError:
        return {}
    return found


def definition(service: Unit) -> dict[str, str]:
    """Return what the unit file says about itself."""
    return {field: service[name][-1] for name, field in DEFINITION.items() if name in service}


def skip(fields: dict[str, str], service: Unit, timer: str, analyze: str) -> str:
    """Return why this run is skipped, empty when it is not; nobody keeps a run by hand off.

    Whatever may keep a run from starting is asked here, in this order: pause, maintenance,
    exclusions, where; dependencies; locks. Its answer reaches `run` by the file.
    """
    trigger, now_usec = fields["DEBVISOR_TRIGGER"], int(fields["DEBVISOR_START_USEC"])
    windows = service.get(("[Service]", "X-Maintenance"))
    if (
        windows
        and trigger in {"timer", "boot"}
        and (why := maintenance(windows, now_usec, analyze))
    ):
        return why
    excluded = service.get(("[Service]", "X-Exclude"))
    if excluded and trigger == "timer":
        set_zone(service.get(("[Service]", "X-ExcludeZone"), [""])[-1])
        fired_usec = int(fields.get("DEBVISOR_SCHEDULED_USEC", now_usec))
        return exclusion(excluded, scheduled_day(statements(timer), fired_usec, analyze))
    return ""


def maintenance(windows: list[str], now_usec: int, analyze: str) -> str:
    """Return the window that holds now, of lines `SECONDSs | CALENDAR LINE | REASON`."""
    by_length: dict[int, list[tuple[str, str]]] = {}
    for window in windows:
        length, line, reason = (*window.split(" | ", 2), "")[:3]
        by_length.setdefault(int(length.removesuffix("s")), []).append((line, reason))
    now = now_usec // 1_000_000
    for seconds, several in by_length.items():
        begins = elapses([line for line, _ in several], now - seconds, analyze)
        for (_, reason), begun in zip(several, begins, strict=True):
            if "" < begun <= utc(now):
                return f"maintenance: {reason}" if reason else "maintenance"
    return ""


def exclusion(excluded: list[str], day: str) -> str:
    """Return which of the lines `CALENDAR DAYS...` has `day`; `-` is the job itself."""
    for line in excluded:
        name, *several = line.split(" ")
        if any(holds(days, day) for days in several):
            return f"excluded: {day}" if name == "-" else f"excluded: {name} ({day})"
    return ""


def holds(days: str, day: str) -> bool:
    """Return True when `days`, a date or range as the YAML has it, holds `day`.

    Dates of this form are in order as texts are. See debvisor_timers.calendar.exclusions.
    """
    first, _, last = days.partition("..")
    last = last or first
    if first.startswith("*"):
        first, last, day = first[2:], last[2:], day[5:]
        if last < first:
            return day >= first or day <= last
    return first <= day <= last


def scheduled_day(timer: Unit, fired_usec: int, analyze: str) -> str:
    """Return the local date, `2026-12-25`, of the time for which the run was due.

    systemd tells when the timer fired: later than that time by up to the jitter, and by as long as
    PID 1 was busy. Only where there is a midnight between is it asked for the time itself.
    """
    jitter = sum(map(microseconds, timer.get(("[Timer]", "RandomizedDelaySec"), [])[-1:]))
    fired = fired_usec // 1_000_000
    first = fired - jitter // 1_000_000 - LATE_SECONDS
    day = local_date(fired)
    lines = timer.get(("[Timer]", "OnCalendar"))
    if not lines or local_date(first) == day:
        return day
    before, after = first, fired
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if local_date(middle) == day else (middle, after)
    if due(lines, before, fired, analyze):
        return day
    earlier = due(lines, first, fired, analyze)
    if not earlier:
        return day  # a run that catches up
    from datetime import datetime  # noqa: PLC0415 - 2 ms that few runs pay

    return local_date(int(datetime.fromisoformat(f"{max(earlier)}+00:00").timestamp()))


def due(lines: list[str], after: int, until: int, analyze: str) -> list[str]:
    """Return the first elapse of each OnCalendar= line after `after`, if not after `until`."""
    return [moment for moment in elapses(lines, after, analyze) if "" < moment <= utc(until)]


def elapses(lines: list[str], after: int, analyze: str) -> list[str]:
    """Return the first elapse of each OnCalendar= line after that second, as `utc` has them.

    Empty for a line that never elapses again. Raises ChildProcessError when systemd cannot say.
    Not by the module subprocess, which takes twice as long to import as the answer.
    """
    reader, writer = os.pipe()
    command = [analyze, "calendar", "--iterations=1", f"--base-time=@{after}", "--", *lines]
    environment = {"LC_ALL": "C", "TZ": f":{LOCALTIME}"}
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1)]
    try:
        process = os.posix_spawn(analyze, command, environment, file_actions=actions)
    finally:
        os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as answer:
        text = answer.read()
    found: list[str] = []
    for line in text.splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "Normalized form":
            found.append("")
        elif name in {"Next elapse", "(in UTC)"} and found and value.strip() != "never":
            found[-1] = " ".join(value.split()[1:3])[:19]
    status = os.waitpid(process, 0)[1]
    if status != 0 or len(found) != len(lines):
        raise ChildProcessError(f"{' '.join(command)} fails: status {status}")
    return found


def microseconds(span: str) -> int:
    """Return a time span of a unit of ours, such as `1h30min`, in microseconds."""
    total = 0
    while span:
        rest = span.lstrip("0123456789")
        after = rest.lstrip("abcdefghijklmnopqrstuvwxyz")
        number, unit = span[: len(span) - len(rest)], rest[: len(rest) - len(after)]
        total += int(number) * MICROSECONDS[unit]
        span = after
    return total


def set_zone(name: str) -> None:
    """Let local times be those of the zone, or of the host; never those of the job's own $TZ."""
    path = f"{ZONEINFO}/{name}" if name else LOCALTIME
    if name:
        os.stat(path)  # the C library would take UTC for a zone that it does not find
    os.environ["TZ"] = f":{path}"
    time.tzset()


def local_date(seconds: int) -> str:
    """Return the local date of an instant."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def utc(seconds: int) -> str:
    """Return an instant as `2026-12-25 02:00:00`, in UTC: in order as texts are."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def write(runtime: str, job: str, fields: dict[str, str]) -> None:
    """Write `fields` to RUNTIME/runs/JOB, a line each, all or nothing; everybody may read it."""
    os.close(open_folder(runtime))
    folder = open_folder(f"{runtime}/runs")
    new = os.open(f".{job}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=folder)
    with open(new, "wb") as file:
        file.write(lines(fields))
    os.rename(f".{job}", job, src_dir_fd=folder, dst_dir_fd=folder)
    os.close(folder)


def open_folder(path: str) -> int:
    """Return a descriptor of the folder `path`, made where missing; nobody else may write in it."""
    os.makedirs(path, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"others may write in the folder {path}; fix: chmod go-w {path}")
    return folder


def lines(fields: dict[str, str]) -> bytes:
    """Return `fields` as `NAME=value` lines; a value stays on its line."""
    text = "".join(f"{name}={value.replace(chr(10), ' ')}\n" for name, value in fields.items())
    return text.encode("utf-8", "surrogateescape")


def send(fields: dict[str, str], address: str = JOURNAL) -> None:
    """Send one record to journald by its native protocol; OSError when it takes none."""
    record = b""
    for name, text in fields.items():
        value = text.encode("utf-8", "surrogateescape")
        size = len(value).to_bytes(8, "little")
        record += name.encode() + (b"\n" + size if b"\n" in value else b"=") + value + b"\n"
    journal = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    # systemd holds the socket: while journald restarts, records queue, and a full queue blocks.
    journal.settimeout(JOURNAL_SECONDS)
    journal.sendto(record, address)
    journal.close()


def record(fields: dict[str, str]) -> dict[str, str]:
    """Return the journal record of a run that begins."""
    name, by = fields["DEBVISOR_RUN_ID"], fields.get("DEBVISOR_BY", "")
    trigger = fields["DEBVISOR_TRIGGER"] + (f" by {by}" if by else "")
    skipped = fields.get("DEBVISOR_SKIPPED", "")
    what = f"is skipped: {skipped}" if skipped else f"begins ({trigger})"
    return {
        "MESSAGE": f"Run {name} {what}",
        "MESSAGE_ID": RUN_BEGIN,
        "PRIORITY": "5" if skipped else "6",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        **{key: value for key, value in fields.items() if key.startswith("DEBVISOR_")},
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
        send(record(fields))
    except OSError as error:
        # The job counts for more than this note: what `end` records repeats all of it.
        print(f"debvisor-timers: run of {job}: journald takes no record: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
