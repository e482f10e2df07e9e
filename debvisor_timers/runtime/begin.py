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
MANAGER = "/run/systemd/private"
MANAGER_SECONDS = 30.0  # a reload of thousands of jobs keeps PID 1 busy for 20
REQUEST_SECONDS = 60
REQUEST_BYTES = 64 * 1024

DEFINITION = {
    ("[X-Debvisor]", "Generation"): "DEBVISOR_GENERATION",
    ("[X-Debvisor]", "Source"): "DEBVISOR_SOURCE",
    ("[Service]", "SyslogIdentifier"): "IDENTIFIER",
    ("[Service]", "IgnoreSIGPIPE"): "IGNORE_SIGPIPE",
    ("[Service]", "WorkingDirectory"): "DIRECTORY",
}
QUESTIONS = (("[Service]", "X-Maintenance"), ("[Service]", "X-Exclude"))
"""What a service says of when its runs are skipped."""

Unit = dict[tuple[str, str], list[str]]


def begin(
    job: str,
    environ: dict[str, str],
    *,
    runtime: str = RUNTIME,
    units: str = UNITS,
    manager: str = MANAGER,
) -> dict[str, str]:
    """Write RUNTIME/runs/JOB and return what stands in it.

    Raises OSError, ValueError and KeyError: the run must not start then.
    """
    now_usec = time.time_ns() // 1000
    service = statements(f"{units}/debvisor-job-{job}.service")
    is_asked = any(name in service for name in QUESTIONS)
    fields = {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": run_id(now_usec),
        "DEBVISOR_INVOCATION_ID": environ["INVOCATION_ID"],
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_START_USEC": str(now_usec),
        **trigger(
            job, activation(job, environ, manager, strict=is_asked), f"{runtime}/requests", now_usec
        ),
        **definition(service),
    }
    # Whatever may keep a run from starting is asked here, in this order: pause, maintenance,
    # exclusions, where; dependencies; locks. Its answer reaches `run` by the file.
    if is_asked:
        timer = statements(f"{units}/debvisor-job-{job}.timer")
        if reason := beside("skip")["skip"](fields, service, timer):
            fields["DEBVISOR_SKIPPED"] = reason
    write(runtime, job, fields)
    return fields


def run_id(now_usec: int) -> str:
    """Return a new name for a run: sorts by time, and is valid without an invocation."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_usec // 1_000_000))
    return f"{moment}-{os.urandom(3).hex()}"


def beside(name: str) -> dict:  # type: ignore[type-arg]
    """Return what a module of ours beside this program defines; for what few runs need.

    The package compiles it; one that is not of the file that lies there now, as in the middle of an
    upgrade, is not believed: the file is compiled here, and nothing is written.
    """
    from _frozen_importlib_external import SourceFileLoader  # noqa: PLC0415 - few runs need it

    sys.dont_write_bytecode = True
    path = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    found: dict = {"__name__": name, "__file__": path}  # type: ignore[type-arg]
    exec(SourceFileLoader(name, path).get_code(name), found)  # noqa: S102
    return found


def activation(job: str, environ: dict[str, str], manager: str, *, strict: bool) -> dict[str, str]:
    """Return what systemd tells of what started this run, by the names that $TRIGGER_UNIT has.

    While a unit stays loaded, as one with a timer does, its environment has its first trigger for
    ever, also in a run by hand (systemd 257): it counts only where systemd does not answer.
    Raises OSError in that case where a mistake would skip a run, or not.
    """
    try:
        told = start_details(f"debvisor-job-{job}.service".encode(), manager)
    except OSError:
        if strict:
            raise
        return environ
    return environ if told is None else told


def start_details(unit: bytes, address: str) -> dict[str, str] | None:
    """Return what systemd knows of the start of `unit` that is under way, None when none is."""
    manager = connect(address)
    try:
        names = uint32(len(unit) + 5) + string(unit)
        manager.sendall(call(b"ListUnitsByNames", b"as", names))
        path = job_path(reply(manager))
        if path == b"/":
            return None
        body = string(b"org.freedesktop.systemd1.Job")
        body += padding(body, 4) + string(b"ActivationDetails")
        manager.sendall(call(b"Get", b"ss", body, path, b"org.freedesktop.DBus.Properties"))
        return details(reply(manager))
    finally:
        manager.close()


def trigger(job: str, environ: dict[str, str], requests: str, now_usec: int) -> dict[str, str]:
    """Return what started this run; only its first process can know: the journal never has it."""
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


def connect(address: str) -> _socket.socket:
    """Return a connection to the manager, let in; OSError when it does not answer.

    This takes PID 1 ten times as long as to answer a call (systemd 257).
    """
    manager = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    manager.settimeout(MANAGER_SECONDS)
    try:
        manager.connect(address)
        manager.sendall(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")
        if not receive(manager, 37).startswith(b"OK "):
            raise PermissionError("systemd does not let us in")
    except OSError:
        manager.close()
        raise
    return manager


def call(
    member: bytes,
    signature: bytes = b"",
    body: bytes = b"",
    path: bytes = b"/org/freedesktop/systemd1",
    interface: bytes = b"org.freedesktop.systemd1.Manager",
) -> bytes:
    """Return the D-Bus call of a method, of the manager where nothing else is said; little-endian.

    Source: D-Bus specification, Message Protocol; systemd's own socket needs no Hello.
    """
    fields = b""
    for code, kind, value in (
        (b"\1", b"o", path),
        (b"\2", b"s", interface),
        (b"\3", b"s", member),
    ):
        fields += padding(fields, 8) + code + b"\1" + kind + b"\0" + string(value)
    if signature:
        size = len(signature).to_bytes(1, "little")
        fields += padding(fields, 8) + b"\10\1g\0" + size + signature + b"\0"
    head = b"l\1\0\1" + uint32(len(body)) + uint32(1) + uint32(len(fields))
    return head + fields + padding(fields, 8) + body


def uint32(number: int) -> bytes:
    """Return `number` as D-Bus has it."""
    return number.to_bytes(4, "little")


def string(text: bytes) -> bytes:
    """Return `text` as a D-Bus string."""
    return uint32(len(text)) + text + b"\0"


def padding(data: bytes, size: int) -> bytes:
    """Return the zeros between `data` and the next multiple of `size`."""
    return bytes(-len(data) % size)


def receive(manager: _socket.socket, size: int) -> bytes:
    """Return the next `size` bytes."""
    data = b""
    while len(data) < size:
        data += manager.recv(size - len(data)) or hung_up()
    return data


def hung_up() -> bytes:
    """Raise what a closed connection means."""
    raise ConnectionError("systemd hung up")


def reply(manager: _socket.socket) -> bytes:
    """Return the body of the reply to our last call; signals that come before it are skipped."""
    while True:
        head = receive(manager, 16)
        body, fields = (int.from_bytes(head[at : at + 4], "little") for at in (4, 12))
        rest = receive(manager, fields + -fields % 8 + body)
        if head[1] == 3:
            raise PermissionError("systemd refuses to tell about the unit")
        if head[1] == 2:
            return rest[len(rest) - body :]


def job_path(units: bytes) -> bytes:
    """Return the path of the job of the first unit in a(ssssssouso), `/` for none."""
    at = strings(units, 8, 7)[1]
    return strings(units, at + -at % 4 + 4, 2)[0][1]


def details(variant: bytes) -> dict[str, str]:
    """Return the pairs of a variant that holds a(ss), their names in capitals."""
    at, end = 16, 16 + int.from_bytes(variant[8:12], "little")
    found = {}
    while at < end:
        (name, value), at = strings(variant, at + -at % 8, 2)
        found[name.decode().upper()] = value.decode()
    return found


def strings(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Return so many D-Bus strings or paths from a place on, and where they end."""
    found = []
    for _ in range(count):
        at += -at % 4
        size = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size + 1
    return found, at


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
