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
JOURNAL = "/run/systemd/journal/socket"
JOURNAL_SECONDS = 5.0
REQUEST_SECONDS = 60
REQUEST_BYTES = 64 * 1024

DEFINITION = {
    ("[X-Debvisor]", "Generation"): "DEBVISOR_GENERATION",
    ("[X-Debvisor]", "Source"): "DEBVISOR_SOURCE",
    ("[Service]", "SyslogIdentifier"): "IDENTIFIER",
    ("[Service]", "IgnoreSIGPIPE"): "IGNORE_SIGPIPE",
    ("[Service]", "WorkingDirectory"): "DIRECTORY",
}


def begin(
    job: str, environ: dict[str, str], *, runtime: str = RUNTIME, units: str = UNITS
) -> dict[str, str]:
    """Write RUNTIME/runs/JOB and return what stands in it.

    Raises OSError and ValueError: the run must not start then.
    """
    now_usec = time.time_ns() // 1000
    fields = {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": run_id(now_usec),
        "DEBVISOR_INVOCATION_ID": environ["INVOCATION_ID"],
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_START_USEC": str(now_usec),
        **trigger(job, environ, f"{runtime}/requests", now_usec),
        **definition(f"{units}/debvisor-job-{job}.service"),
    }
    # Whatever may keep a run from starting is asked here, in this order: pause, maintenance,
    # exclusions, where; dependencies; locks. Its answer reaches `run` by the file.
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


def definition(path: str) -> dict[str, str]:
    """Return what the unit file says about itself; empty when it is gone (runs until reloaded)."""
    found: dict[str, str] = {}
    section = ""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                key, _, value = line.strip().partition("=")
                if key.startswith("["):
                    section = key
                elif field := DEFINITION.get((section, key)):
                    found[field] = value.replace("%%", "%")
    except FileNotFoundError:
        return {}
    return found


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
    return {
        "MESSAGE": f"Run {name} begins ({trigger})",
        "MESSAGE_ID": RUN_BEGIN,
        "PRIORITY": "6",
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
