# SPDX-License-Identifier: Apache-2.0
"""Run the program of a job, with its standard error kept apart, and be replaced by it; or watch it,
where an attempt may take less time than the unit's TimeoutStartSec=, which has room for waits.

The job's user's `ExecStart=/usr/libexec/debvisor-timers/run JOB PROGRAM ARGUMENT...`; with --user
before JOB where that user's own manager has started it.
Stays one file without imports of ours, and imports little.
"""

import _signal  # type: ignore[import-not-found]  # the module `signal` takes 4 ms to import
import _socket
import errno
import os
import sys
import time

RUNS = "/run/debvisor-timers/runs"
JOURNAL = "/run/systemd/journal/stdout"
JOURNAL_SECONDS = 5.0
CANNOT_CHANGE_DIRECTORY = 200
CANNOT_EXECUTE = 203
USER_ERR = 1 << 3 | 3
DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"

TIMED_OUT = 251
"""The exit status after an attempt that took too long; `end` knows it, and looks at the time."""

TOLD = (
    "DEBVISOR_JOB",
    "DEBVISOR_RUN_ID",
    "DEBVISOR_TRIGGER",
    "DEBVISOR_TRIGGER_RUNS",
    "DEBVISOR_TRIGGER_PATH",
    "DEBVISOR_ATTEMPT",
    "DEBVISOR_MAX_ATTEMPTS",
)
"""What the program is told of its run, by variables of these names; and DEBVISOR_SCHEDULED_FOR."""
NOT_FOR_PROGRAMS = (b"NOTIFY_SOCKET", b"LISTEN_FDS", b"LISTEN_FDNAMES", b"LISTEN_PID", b"FDSTORE")
"""What systemd tells of the locks of a run; they are no business of its program."""

Environment = dict[bytes, bytes]


def read_state(path: str) -> dict[str, str]:
    """Return what `begin` noted for this run; OSError when it did not."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file)


def inherited() -> Environment:
    """Return the environment that systemd gave us, byte for byte.

    Not os.environb: in the C locale CPython adds LC_CTYPE to it (PEP 538). That is what is left
    where a sandbox hides /proc.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            block = file.read()
    except OSError:
        return dict(os.environb)
    entries = (entry.partition(b"=") for entry in block.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in entries}


def described(state: dict[str, str]) -> Environment:
    """Return the variables that tell a program which run it is."""
    variables = {name: state[name] for name in TOLD if name in state}
    if usec := state.get("DEBVISOR_SCHEDULED_USEC"):
        moment = time.gmtime(int(usec) // 1_000_000)
        variables["DEBVISOR_SCHEDULED_FOR"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
    return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}


def stderr_stream() -> bytes:
    """Return the device and inode of standard error as $JOURNAL_STREAM has them, if open."""
    try:
        status = os.fstat(2)
    except OSError:
        return b""
    return b"%d:%d" % (status.st_dev, status.st_ino)


def separate_stderr(environment: Environment, unit: str, identifier: str) -> None:
    """Give standard error a journal stream of its own.

    systemd 257 gives both streams one socket, and journald cannot tell them apart. Where standard
    error is no journal stream, the administrator has sent it elsewhere: it stays as it is. Where a
    sandbox forbids the connection, it stays with standard output.
    """
    if environment.get(b"JOURNAL_STREAM") != stderr_stream():
        return
    try:
        stream = connect(unit, identifier)
    except OSError:
        return
    os.dup2(stream.fileno(), 2)
    # As systemd has it: the variable is about standard error where both are journal streams.
    environment[b"JOURNAL_STREAM"] = stderr_stream()


def connect(unit: str, identifier: str, address: str = JOURNAL) -> _socket.socket:
    """Return a new stream to journald: with level prefixes, forwarded nowhere.

    Facility user and priority err: that of standard output is daemon, and a level prefix changes
    the priority alone, so by the facility each line is told which stream it came by.

    journald believes the unit's name from root only, and needs it for lines that it comes to read
    when the process is gone. For other users the empty first line, which is not stored, lets it
    look at the process at once.
    """
    stream = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    stream.settimeout(JOURNAL_SECONDS)
    stream.connect(address)
    stream.shutdown(_socket.SHUT_RD)
    stream.sendall(os.fsencode(f"{identifier}\n{unit}\n{USER_ERR}\n1\n0\n0\n0\n\n"))
    stream.settimeout(None)
    return stream


def restore_signals(state: dict[str, str]) -> None:
    """Undo what CPython does to signals at its start: the program would inherit it."""
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    if state.get("IGNORE_SIGPIPE", "").lower() in {"no", "false", "off", "n", "f", "0"}:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)


def candidates(program: bytes, path: bytes) -> list[bytes]:
    """Return the files that `program` can mean, as execvp(3) looks for them."""
    if b"/" in program:
        return [program]
    return [folder + b"/" + program if folder else program for folder in path.split(b":")]


def execute(command: list[bytes], environment: Environment) -> tuple[bytes, OSError]:
    """Become the program of `command`; return the file and the reason when that cannot be.

    As execvp(3): a file that may not be executed counts only where no later one can be.
    """
    failed = command[0], OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for file in candidates(command[0], environment.get(b"PATH", DEFAULT_PATH)):
        try:
            os.execve(file, command, environment)  # noqa: S606
        except PermissionError as error:
            failed = file, error
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.exists(file):
                return file, error
        except OSError as error:
            return file, error
    return failed


def drop_locks(environment: Environment) -> None:
    """Close the descriptors by which systemd holds the locks of this run, for us alone."""
    count = environment.get(b"LISTEN_FDS", b"")
    if count.isdigit():
        os.closerange(3, 3 + min(int(count), 4096))
    if b"LISTEN_FDS" in environment or b"NOTIFY_SOCKET" in environment:
        for name in NOT_FOR_PROGRAMS:
            environment.pop(name, None)


def limit(state: dict[str, str]) -> float | None:
    """Return for how many seconds the attempt may last, None where systemd alone watches it."""
    limits = []
    if "LIMIT" in state:
        limits.append(float(state["LIMIT"][:-1]))
    if "TOTAL_UNTIL" in state:
        limits.append(float(state["TOTAL_UNTIL"]) - time.monotonic())
    return min(limits) if limits else None


def watch(command: list[bytes], environment: Environment, seconds: float, where: str) -> int:
    """Run the program as a child for `seconds` at most; return its exit status, or die as it did.

    When its time is over we end, which makes systemd do what it does after a time-out of its own:
    SIGTERM to every process of the unit, SIGKILL after TimeoutStopSec=. All signals but SIGKILL are
    for the program to answer: systemd sends them to it as well. One of root's ends our watch.
    """
    if seconds <= 0:
        complain(f"no time is left for another attempt {where}")
        return TIMED_OUT
    started = time.monotonic()
    # Before the fork: else one that comes between would be lost for the program.
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    child = os.fork()
    if child == 0:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        if b"SYSTEMD_EXEC_PID" in environment:
            environment[b"SYSTEMD_EXEC_PID"] = b"%d" % os.getpid()
        os._exit(become(command, environment, where))
    os.closerange(0, 1)  # the program alone reads its input
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return die_like(status)
        left = seconds - (time.monotonic() - started)
        if left <= 0:
            complain(f"time-out after {seconds:.0f} s {where}")
            return TIMED_OUT
        came = _signal.sigtimedwait({_signal.SIGCHLD, _signal.SIGTERM}, min(left, 3600.0))
        if came and came.si_signo == _signal.SIGTERM and came.si_uid == 0:
            # systemd ends the unit, and kills what is left in the end. Were we to end before, it
            # would not wait for the program to clean up (systemd 257).
            seconds = float("inf")


def die_like(status: int) -> int:
    """Return the exit status that a child's wait status has; die by the signal that killed it."""
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    import resource  # noqa: PLC0415 - few programs die by a signal

    # The program has left its own core file. 1: not even through a pipe; 0 would still do that.
    most = 0 if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    number = os.WTERMSIG(status)
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {number})
    return 128 + number


def become(command: list[bytes], environment: Environment, where: str) -> int:
    """Become the program of `command`; return an exit status when that cannot be."""
    file, failure = execute(command, environment)
    complain(f"cannot execute {os.fsdecode(file)} {where}: {explain(file, failure)}")
    return CANNOT_EXECUTE


def explain(file: bytes, error: OSError) -> str:
    """Return why `file` could not be executed, and how to mend it."""
    if error.errno == errno.ENOENT and os.path.exists(file):
        return "the interpreter that it names is missing; fix: correct its #! line, or install it"
    if os.path.isdir(file):
        return "it is a folder; fix: name a program in it"
    return {
        errno.ENOENT: "there is no such program; fix: install it, or correct the job's command",
        errno.EACCES: f"user {os.geteuid()} may not execute it; fix: chmod a+x, or set `user`",
        errno.ENOEXEC: "it is no program of this machine; fix: begin a script with #!/bin/sh",
        errno.E2BIG: "arguments and environment are too long; fix: pass them in a file",
    }.get(error.errno or 0, error.strerror or str(error))


def enter(directory: str) -> str:
    """Change to the job's working directory; return why that cannot be, empty when it is done.

    The unit says WorkingDirectory=-PATH, since systemd 257 changes to it for `end` as well, also
    with `+`: a job that removes the folder must not keep its result from being noted.
    """
    if not directory.startswith("-"):
        return ""
    try:
        os.chdir(directory[1:])
    except OSError as error:
        return f"cannot change to {directory[1:]}: {error.strerror}; fix: make it"
    return ""


def main() -> int:
    """Become the program; return the exit status when that cannot be."""
    for_user = sys.argv[1] == "--user"  # no id of a job
    job, *arguments = sys.argv[1 + for_user :]
    command = [os.fsencode(argument) for argument in arguments]
    runs = f"/run/user/{os.getuid()}/debvisor-timers/runs" if for_user else RUNS
    try:
        state = read_state(f"{runs}/{job}")
    except (OSError, ValueError) as error:
        print(f"debvisor-timers: no run of {job}: nothing from begin: {error}", file=sys.stderr)
        return 1
    if "DEBVISOR_SKIPPED" in state:
        return 0  # `begin` has said why, and `end` will
    environment = inherited() | described(state)
    separate_stderr(environment, f"debvisor-job-{job}.service", state.get("IDENTIFIER", job))
    where = f"(job {job}, {state.get('DEBVISOR_SOURCE', 'source unknown')})"
    if problem := enter(state.get("DIRECTORY", "")):
        complain(f"{problem} {where}")
        return CANNOT_CHANGE_DIRECTORY
    restore_signals(state)
    drop_locks(environment)
    seconds = limit(state)
    if seconds is not None:
        return watch(command, environment, seconds, where)
    return become(command, environment, where)


def complain(text: str) -> None:
    """Say `text` on standard error, whatever bytes are in it."""
    os.write(2, os.fsencode(f"debvisor-timers: {text}\n"))


if __name__ == "__main__":
    sys.exit(main())
