#!/usr/bin/python3 -ISXutf8
# SPDX-License-Identifier: Apache-2.0
"""End a run of a job: note its result in a file that survives a crash, and in the journal.

Root's `ExecStopPost=+/usr/libexec/debvisor-timers/end JOB`. A failure here fails the unit, aloud.
Stays one file without imports of ours, and imports little: each start reads and compiles it anew.
"""

import _socket
import os
import sys
import time

RUN_END = "ec5c7d712daf4bf4a90b07764211903e"
RUNTIME = "/run/debvisor-timers"
STATE = "/var/lib/debvisor-timers"
JOURNAL = "/run/systemd/journal/socket"
UNITS = "/etc/systemd/system"
SHADOWS = "/run/systemd/system.control"
MANAGER = "/run/systemd/private"
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")  # the second: hosts with both hierarchies
MANAGER_SECONDS = 5.0
JOURNAL_SECONDS = 5.0


def end(
    job: str,
    environ: dict[str, str],
    *,
    runtime: str = RUNTIME,
    cgroups: tuple[str, ...] = CGROUPS,
) -> dict[str, str]:
    """Return all that is known of the run that ends now."""
    now_usec = time.time_ns() // 1000
    begun = started(job, environ.get("INVOCATION_ID", ""), runtime, now_usec)
    ran = "DEBVISOR_SKIPPED" not in begun
    fields = {
        **begun,
        "DEBVISOR_FINAL": "1",
        "DEBVISOR_RESULT": environ["SERVICE_RESULT"],
        # Both are absent where the job's program never ran.
        "DEBVISOR_EXIT_CODE": environ.get("EXIT_CODE", "") if ran else "",
        "DEBVISOR_EXIT_STATUS": environ.get("EXIT_STATUS", "") if ran else "",
        **used(cgroups),
        "DEBVISOR_END_USEC": str(now_usec),
    }
    return {name: value for name, value in fields.items() if value}


def started(job: str, invocation: str, runtime: str, now_usec: int) -> dict[str, str]:
    """Return what `begin` noted of this run, or a new name for one that it never began."""
    try:
        with open(f"{runtime}/runs/{job}", encoding="utf-8", errors="surrogateescape") as file:
            state = dict(line.rstrip("\n").split("=", 1) for line in file)
    except (FileNotFoundError, ValueError):
        state = {}
    if state.get("DEBVISOR_INVOCATION_ID") == invocation:
        return {name: value for name, value in state.items() if name.startswith("DEBVISOR_")}
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_usec // 1_000_000))
    return {
        "DEBVISOR_JOB": job,
        "DEBVISOR_RUN_ID": f"{moment}-{os.urandom(3).hex()}",
        "DEBVISOR_INVOCATION_ID": invocation,
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


def stop_job(unit: str, address: str = MANAGER) -> bool:
    """Return True when systemd is stopping `unit` because somebody, or a shutdown, asked for it.

    $SERVICE_RESULT cannot tell: a stop looks like a signal from outside, or like a success.
    Raises OSError when the manager gives no answer.
    """
    name = unit.encode()
    names = uint32(len(name) + 5) + string(name)
    return job_type(ask(call(b"ListUnitsByNames", b"as", names), address)) in {b"stop", b"restart"}


def release(job: str, *, units: str = UNITS, shadows: str = SHADOWS) -> bool:
    """Remove the definition that an apply kept for this run; True when systemd must reload.

    Where the job itself is gone it stays, so that systemd can forget the unit by it.
    """
    name = f"debvisor-job-{job}.service"
    if not (os.path.exists(f"{shadows}/{name}") and os.path.exists(f"{units}/{name}")):
        return False
    os.unlink(f"{shadows}/{name}")
    return True


def ask(message: bytes, address: str) -> bytes:
    """Return the body of the manager's reply to `message`; OSError when there is none."""
    manager = connect(address)
    try:
        # Not sent together with BEGIN: systemd 257 looks at such a call only when more arrives.
        manager.sendall(message)
        return reply(manager)
    finally:
        manager.close()


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


def job_type(units: bytes) -> bytes:
    """Return the type of the job of the first unit in a(ssssssouso), empty for none."""
    at = 8
    for _ in range(7):
        at += -at % 4
        at += 4 + int.from_bytes(units[at : at + 4], "little") + 1
    at += -at % 4 + 4
    return units[at + 4 : at + 4 + int.from_bytes(units[at : at + 4], "little")]


def is_run(fields: dict[str, str]) -> bool:
    """Return True when the job was to run: a skip must not hide the result of the last real run."""
    return fields["DEBVISOR_RESULT"] != "exec-condition" and not is_skipped(fields)


def is_skipped(fields: dict[str, str]) -> bool:
    """Return True when `begin` kept the run from starting, and nothing failed besides."""
    return "DEBVISOR_SKIPPED" in fields and fields["DEBVISOR_RESULT"] == "success"


def write_last(state: str, job: str, fields: dict[str, str]) -> None:
    """Write `fields` to STATE/last/JOB, a line each, all or nothing; durable when it returns."""
    os.close(open_folder(state))
    folder = open_folder(f"{state}/last")
    new = os.open(f".{job}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=folder)
    with open(new, "wb") as file:
        file.write(lines(fields))
        file.flush()
        os.fsync(new)
    os.rename(f".{job}", job, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
    os.close(folder)


def record(fields: dict[str, str]) -> dict[str, str]:
    """Return the journal record of a run that ended."""
    name, result = fields["DEBVISOR_RUN_ID"], fields["DEBVISOR_RESULT"]
    how = ""
    if "DEBVISOR_STOPPED" in fields:
        how = " (stopped)"
    elif result != "success" and "DEBVISOR_EXIT_CODE" in fields:
        how = f" ({fields['DEBVISOR_EXIT_CODE']} {fields.get('DEBVISOR_EXIT_STATUS', '')})"
    what = f"ended: {result}{how}"
    if is_skipped(fields):
        what = f"was skipped: {fields['DEBVISOR_SKIPPED']}"
    return {
        "MESSAGE": f"Run {name} {what}",
        "MESSAGE_ID": RUN_END,
        "PRIORITY": "6" if result == "success" else "4",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        **fields,
    }


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


def is_stopped(job: str) -> bool:
    """Return True when somebody stopped the run; False, with a message, when nobody knows."""
    try:
        return stop_job(f"debvisor-job-{job}.service")
    except OSError as error:
        # No failure of the run's own: systemd's record of the stop says it as well.
        complain(job, f"systemd gives no answer: {error}")
        return False


def keep(job: str, fields: dict[str, str]) -> bool:
    """Note the result, first in the file, then in the journal; each failure is told."""
    kept = True
    try:
        if is_run(fields):
            write_last(STATE, job, fields)
    except OSError as error:
        complain(job, f"its result is not on disk: {error}")
        kept = False
    try:
        send(record(fields))
    except OSError as error:
        complain(job, f"journald takes no record: {error}")
        kept = False
    return kept


def renew(job: str) -> bool:
    """Let a definition that came during the run count from now on."""
    try:
        if release(job):
            ask(call(b"Reload"), MANAGER)
    except TimeoutError:
        pass  # with thousands of timers a reload takes longer than we wait
    except OSError as error:
        complain(job, f"its new definition does not count: {error}; fix: systemctl daemon-reload")
        return False
    return True


def complain(job: str, text: str) -> None:
    """Say on standard error what went wrong."""
    print(f"debvisor-timers: run of {job}: {text}", file=sys.stderr)


def main() -> int:
    """End the run of the job named by the only argument; return the exit status."""
    os.umask(0o022)  # the job's own UMask= holds for us too
    job = sys.argv[1]
    fields = end(job, dict(os.environ))
    if is_stopped(job):
        fields["DEBVISOR_STOPPED"] = "1"
    kept = keep(job, fields)
    if os.path.exists(f"{RUNTIME}/runs/{job}"):
        os.unlink(f"{RUNTIME}/runs/{job}")
    return 0 if renew(job) and kept else 1


if __name__ == "__main__":
    sys.exit(main())
