# SPDX-License-Identifier: Apache-2.0
"""What `begin`, `end` and `chain` read and write: unit files, notes of a run, journal records.

Loaded by the programs beside it; imports nothing of ours, and little else. A note is a file of
`NAME=value` lines in a folder that only we can write.
"""

import _socket
import os
import sys
import time

RUNTIME = "/run/debvisor-timers"
STATE = "/var/lib/debvisor-timers"
UNITS = "/etc/systemd/system"
MANAGER = "/run/systemd/private"
SHADOWS = "/run/systemd/system.control"
JOURNAL = "/run/systemd/journal/socket"
JOURNAL_SECONDS = 5.0

UnitFile = dict[tuple[str, str], list[str]]
"""The values of each directive of a unit file, by section (`[Service]`) and name."""


FOR_USER = "--user"
"""The first argument of a program that the manager of a user has started, not PID 1."""


def of_user() -> dict[str, str]:
    """Return the places, by the names above, of the user whose own manager has started us.

    Not by $HOME and $XDG_*: each job may set those. The same as Layout.of_user.
    """
    import pwd  # noqa: PLC0415 - not for PID 1's jobs

    home, runtime = pwd.getpwuid(os.getuid()).pw_dir, f"/run/user/{os.getuid()}"
    return {
        "RUNTIME": f"{runtime}/debvisor-timers",
        "STATE": f"{home}/.local/state/debvisor-timers",
        "UNITS": f"{home}/.config/systemd/user",
        "MANAGER": f"{runtime}/systemd/private",
        "SHADOWS": f"{runtime}/systemd/user.control",
    }


def run_id(now_usec: int) -> str:
    """Return a new name for a run: sorts by time, and is valid without an invocation."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_usec // 1_000_000))
    return f"{moment}-{os.urandom(3).hex()}"


def statements(path: str) -> UnitFile:
    """Return what a unit file says.

    Nothing for a file that is gone: its unit runs until systemd is reloaded.
    """
    found: UnitFile = {}
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


def read(path: str) -> dict[str, str]:
    """Return what a note says; nothing for one that is missing or makes no sense."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file)
    except (FileNotFoundError, ValueError):
        return {}


def write(root: str, folder: str, name: str, fields: dict[str, str], *, lasting: bool) -> None:
    """Write `fields` to ROOT/FOLDER/NAME, all or nothing; everybody may read it.

    lasting: durable when it returns. Raises OSError.
    """
    os.close(open_folder(root))
    place = open_folder(f"{root}/{folder}")
    new = os.open(f".{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=place)
    with open(new, "wb") as file:
        file.write(lines(fields))
        if lasting:
            file.flush()
            os.fsync(new)
    os.rename(f".{name}", name, src_dir_fd=place, dst_dir_fd=place)
    if lasting:
        os.fsync(place)
    os.close(place)


def open_folder(path: str) -> int:
    """Return a descriptor of the folder `path`, made where missing; nobody else may write in it."""
    os.makedirs(path, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"others may write in the folder {path}; fix: chmod go-w {path}")
    return folder


def lines(fields: dict[str, str]) -> bytes:
    """Return `fields` as `NAME=value` lines.

    A value stays on its line, whatever its reader takes for a line break: it may be the name of a
    file that anybody can make.
    """
    text = "".join(f"{name}={' '.join(value.splitlines())}\n" for name, value in fields.items())
    return text.encode("utf-8", "surrogateescape")


def send(fields: dict[str, str], address: str = JOURNAL, *, is_last: bool = False) -> None:
    """Send one record to journald by its native protocol; OSError when it takes none.

    is_last: the process may end at once. journald asks /proc from which unit a record comes, so the
    process has to be there until it was read.
    """
    record = b""
    for name, text in fields.items():
        value = text.encode("utf-8", "surrogateescape")
        size = len(value).to_bytes(8, "little")
        record += name.encode() + (b"\n" + size if b"\n" in value else b"=") + value + b"\n"
    journal = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    # systemd holds the socket: while journald restarts, records queue, and a full queue blocks.
    journal.settimeout(JOURNAL_SECONDS)
    try:
        journal.sendto(record, address)
        deadline = time.monotonic() + (JOURNAL_SECONDS if is_last else 0)
        while time.monotonic() < deadline and _unread(journal):
            time.sleep(0.002)
    finally:
        journal.close()


def _unread(sender: "_socket.socket") -> int:
    """Return how many bytes its receiver has not read yet (SIOCOUTQ, unix(7))."""
    import fcntl  # noqa: PLC0415 - few need it

    answer = fcntl.ioctl(sender.fileno(), 0x5411, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def told(fields: dict[str, str]) -> dict[str, str]:
    """Return those fields of a note that the journal has as well."""
    return {name: value for name, value in fields.items() if name.startswith("DEBVISOR_")}
