# SPDX-License-Identifier: Apache-2.0
"""Jobs that mean harm, on a real systemd: what begin, run and end note and hold stays true."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from tests.box import Box, Layer
from tests.system.handmade import (
    LIBEXEC,
    STRICT,
    entries,
    last,
    printed,
    put,
    replaced,
    runs,
    said,
    start,
    write,
)
from tests.system.host import Host

LOCK = ["X-Pool=p | 1 | 1", "FileDescriptorStoreMax=1", "NotifyAccess=exec"]
RETRY = [
    *("Restart=on-failure", "RestartMode=direct", "RestartSec=1s"),
    *("X-Delays=1s", "X-RetryOn=failure timeout signal"),
]
LIMITED = ["StartLimitBurst=2", "StartLimitIntervalSec=60"]

ATTACK = r"""#!/usr/bin/python3 -S
"Try all that could free the lock of this run, make its time longer, or forge what is noted of it."
import ctypes, fcntl, os, signal, socket, sys, time

def attempt(what, do):
    try:
        do()
        print(f"done: {what}", flush=True)
    except OSError as error:
        print(f"refused: {what}: {error.strerror}", flush=True)

job, hold = sys.argv[1], sys.argv[2]
for name in "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES":
    if name in os.environ:
        print(f"has {name}", flush=True)
for number in range(3, 256):
    if os.path.exists(f"/proc/self/fd/{number}"):
        print(f"has descriptor {number}", flush=True)
    for operation in fcntl.LOCK_UN, fcntl.LOCK_EX | fcntl.LOCK_NB:
        try: fcntl.flock(number, operation)
        except OSError: pass
while not os.path.exists(hold):
    time.sleep(0.05)

def tell(text):
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.sendto(text, "/run/systemd/notify")
for text in (b"FDSTOREREMOVE=1\nFDNAME=lock", b"NOTIFYACCESS=all", b"FDSTOREREMOVE=1\nFDNAME=lock",
             b"EXTEND_TIMEOUT_USEC=600000000", b"MAINPID=1", b"STOPPING=1", b"RELOADING=1"):
    attempt("", lambda: tell(text))

library = ctypes.CDLL(None, use_errno=True)
for process in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
    try:
        said = open(f"/proc/{process}/cmdline").read().replace("\0", " ")
    except OSError:
        continue
    if process != os.getpid() and "/usr/libexec/debvisor-timers/" in said and os.getuid():
        attempt(f"kill {said}", lambda: os.kill(process, signal.SIGSTOP))

def write(path):
    with open(path, "w") as file:
        file.write("DEBVISOR_RESULT=success\n")
RUN, STATE = "/run/debvisor-timers", "/var/lib/debvisor-timers"
if os.getuid():
    for path in (f"{RUN}/runs/{job}", f"{RUN}/ended/{job}", f"{RUN}/requests/{job}.json",
                 f"{RUN}/queue/{job}", f"{RUN}/queue/forged", f"{RUN}/locks/pool-p.0",
                 f"{RUN}/locks/pool-p.1", f"{RUN}/locks.mutex", f"{RUN}/lock",
                 f"{STATE}/last/{job}", f"{STATE}/paused/{job}", f"{LIBEXEC}/begin.py"):
        attempt(f"write {path}", lambda: write(path))
        attempt(f"remove {path}", lambda: os.unlink(path))
    attempt("rename runs", lambda: os.rename(f"{RUN}/runs", f"{RUN}/old"))
print("attacked", flush=True)
if sys.argv[3].startswith("/"):
    with open(f"{RUN}/runs/{job}") as file:
        number = file.read().partition("DEBVISOR_ATTEMPT=")[2].split()[0]
    while not os.path.exists(sys.argv[3] + number):
        time.sleep(0.05)
else:
    time.sleep(float(sys.argv[3]))
sys.exit(int(sys.argv[4]))
""".replace("{LIBEXEC}", LIBEXEC)


@pytest.fixture(scope="module")
def box(module_box: Box) -> Box:
    module_box.write("/usr/local/bin/attack", ATTACK, 0o755)
    return module_box


def begin(box: Box, *jobs: str) -> None:
    """Start jobs without waiting for them."""
    box.run(["systemctl", "start", "--no-block", *(f"debvisor-job-{job}" for job in jobs)])


def has_ended(box: Box, job: str) -> None:
    """Wait until the unit of a job is at rest."""
    command = f"systemctl show -P ActiveState debvisor-job-{job} | grep -qE '^(inactive|failed)$'"
    box.wait_until(f"{command} && systemctl show -P Job debvisor-job-{job} | grep -q '^$'", 30)


def waits_for(box: Box, job: str, text: str) -> None:
    box.wait_until(f"grep -q '^DEBVISOR_WAITING={text}' /run/debvisor-timers/runs/{job}", 30)


def prints(box: Box, job: str, text: str, count: int = 1) -> None:
    box.wait_until(lambda: printed(box, job).count(text) >= count, 30, f"{job} prints {text}")


def processes(box: Box, job: str) -> str:
    """Return the processes of a unit, and those that carry this word in their command line."""
    return box.run(f"pgrep -af '[m]arked-{job}' || :").stdout


def is_free(box: Box) -> bool:
    """Return whether nobody holds the only place of the pool."""
    look = (
        "import os, sys; pipe = os.open('/run/debvisor-timers/locks/pool-p.0',"
        " os.O_RDONLY | os.O_NONBLOCK)\n"
        "try: sys.exit(os.read(pipe, 1) != b'')\n"
        "except BlockingIOError: sys.exit(1)"
    )
    return box.run(["python3", "-c", look], check=False).returncode == 0


# --- runs end as they do -------------------------------------------------------------------------

TREE = (
    "import os, signal, time\n"
    "for number in range(3):\n"
    "    if os.fork() == 0: os.setsid()\n"
    "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, 1)\n"
    "time.sleep(600)\n"
)
LEAVES = (
    "import os, time\n"
    "for number in range(4):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork(): os._exit(0)\n"
    "        os.closerange(0, 99); time.sleep(600)\n"
)
CLOSES = "import os; os.closerange(0, 4096); os._exit(4)"
FLOOD = "head -c {} /dev/zero | tr '\\\\0' x | fold -w 4000"


def python(job: str) -> str:
    return f"/usr/bin/python3 -S /root/{job}.py marked-{job}"


WATCHED = ["TimeoutStartSec=600", "X-Timeout=1s", "TimeoutStopSec=1"]
# systemd's own time counts for `begin` as well.
NATIVE = ["TimeoutStartSec=8", "TimeoutStopSec=1"]
ENDS = {
    "leaves": (python("leaves"), LOCK, "succeeded"),
    "leaves-watched": (python("leaves-watched"), ["X-Timeout=60s"], "succeeded"),
    "closes-all": (python("closes-all"), LOCK, "failed (exit status 4)"),
    "closes-watched": (python("closes-watched"), ["X-Timeout=60s"], "failed (exit status 4)"),
    "floods": (f"/bin/sh -c '{FLOOD.format('200M')} >&2; exit 6'", [], "failed (exit status 6)"),
    "floods-out": (f"/bin/sh -c '{FLOOD.format('20M')}'", [], "succeeded"),
    "stays": (python("stays"), NATIVE, "timed out"),
    "stays-watched": (python("stays-watched"), WATCHED, "timed out"),
    "kills": ("/bin/sh -c 'kill -KILL $$$$'", ["X-Timeout=60s"], "failed (killed by SIGKILL)"),
    "kills-watcher": (
        *("/bin/sh -c 'kill -KILL $PPID; sleep 600 marked-kills-watcher'", ["X-Timeout=60s"]),
        "failed (killed by SIGKILL)",
    ),
    "kills-watcher-user": (
        "/bin/sh -c 'kill -KILL $PPID; sleep 600 marked-kills-watcher-user'",
        ["X-Timeout=60s", "User=daemon"],
        "failed (killed by SIGKILL)",
    ),
    "term-watched": ("/bin/sh -c 'kill $$$$'", ["X-Timeout=60s"], "failed (killed by SIGTERM)"),
    "strict-locked": ("/bin/true", [*STRICT, *LOCK], "succeeded"),
    "strict-watched": ("/bin/true", [*STRICT, "X-Timeout=60s"], "succeeded"),
    "bare": ("/bin/true", ["LimitNOFILE=16", "LimitFSIZE=1M", "UMask=0777", *LOCK], "succeeded"),
    "removes-watched": (
        *("/bin/sh -c 'rmdir $PWD'", ["WorkingDirectory=-/opt/gone", "X-Timeout=60s"]),
        "succeeded",
    ),
}
SCRIPTS = {
    "leaves": LEAVES,
    "leaves-watched": LEAVES,
    "closes-all": CLOSES,
    "closes-watched": CLOSES,
    "stays": TREE,
    "stays-watched": TREE,
}


@pytest.fixture(scope="module")
def ended(box: Box) -> Box:
    """A box in which every job of the table above was started, and has ended."""
    box.run("mkdir -p /opt/gone")
    for job, (command, service, _) in ENDS.items():
        write(box, job, command, service)
    for job, script in SCRIPTS.items():
        box.write(f"/root/{job}.py", script)
    box.run(["systemctl", "daemon-reload"])
    units = [f"debvisor-job-{job}" for job in ENDS]
    box.run(["systemctl", "start", *units], check=False, timeout=120)
    return box


@pytest.mark.parametrize("job", ENDS)
def test_a_run_ends_as_it_does_and_leaves_no_process(ended: Box, job: str) -> None:
    *_, words = ENDS[job]
    (run,) = runs(ended, job)
    assert run.outcome_words == words
    assert (last(ended, job).outcome_words, last(ended, job).id) == (words, run.id)
    assert processes(ended, job) == ""
    cgroup = ended.run(f"systemctl show -P ControlGroup debvisor-job-{job}").stdout.strip()
    assert (
        cgroup in {"", "/"}
        or ended.run(f"cat /sys/fs/cgroup{cgroup}/cgroup.procs || :").stdout == ""
    )


def test_a_time_out_leaves_no_room_for_a_process_that_ignores_it(ended: Box) -> None:
    for job in ("stays", "stays-watched"):
        (run,) = runs(ended, job)
        assert run.start is not None
        assert run.end is not None
        assert 1.5 < (run.end - run.start).total_seconds() < 20
    assert "debvisor-timers: time-out after 1 s (job stays-watched, /etc" in "\n".join(
        printed(ended, "stays-watched", priority=3)
    )


def test_owner_description_and_environment_may_have_any_bytes(installed: Layer) -> None:
    with Box.boot(installed) as box:
        apply_odd(box)
        assert start(box, "odd-bytes") == 0
        assert printed(box, "odd-bytes") == ['é " $HOME ${X} %n %% \\ ;#']
        assert runs(box, "odd-bytes")[0].outcome_words == "succeeded"


def apply_odd(box: Box) -> None:
    host = Host(box)
    odd = 'é \\" $HOME ${X} %n %% \\\\ ;#'
    host.apply(
        "jobs:\n  odd-bytes:\n"
        f'    description: "{odd}"\n    owner: "{odd}"\n'
        f'    environment: {{ODD: "{odd}", EMPTY: ""}}\n'
        "    command: [/usr/bin/printenv, ODD]\n"
    )


# --- what a job may not do -----------------------------------------------------------------------

USERS: dict[str, Sequence[str]] = {
    "daemon": ["User=daemon"],
    "strict": [line for line in STRICT if "PrivateUsers" not in line],
    "root": [],
}


@pytest.mark.parametrize("user", USERS)
def test_a_job_cannot_release_its_lock_nor_forge_what_is_noted(box: Box, user: str) -> None:
    job, other = f"attack-{user}", f"next-{user}"
    go = f"/run/go-{user}"
    put(box, job, f"/usr/local/bin/attack {job} {go} {go}-on- 5", [*LOCK, *USERS[user]])
    put(box, other, "/bin/echo ran", LOCK)
    begin(box, job)
    box.wait_until(f"grep -q READY_AT /run/debvisor-timers/runs/{job}", 20)
    begin(box, other)
    waits_for(box, other, "for pool p (running)")
    # Neither opens the door again, nor loses the lock.
    box.run("systemctl daemon-reload && systemctl daemon-reexec")
    box.run(["touch", go])
    prints(box, job, "attacked")
    assert not is_free(box)
    assert printed(box, other) == []
    box.run(["touch", f"{go}-on-1"])
    has_ended(box, other)
    said_by_job = printed(box, job)
    assert [line for line in said_by_job if line.startswith(("has", "done: k", "done: w"))] == []
    assert [line for line in said_by_job if line.startswith(("done: r", "done: f"))] == []
    attack, after = runs(box, job)[0], runs(box, other)[0]
    assert attack.end is not None
    assert attack.outcome_words == "failed (exit status 5)"
    assert last(box, job).id == attack.id
    assert after.outcome_words == "succeeded"
    ran = entries(box, f"SYSLOG_IDENTIFIER={other}", "_TRANSPORT=stdout")[0]
    assert int(str(ran["__REALTIME_TIMESTAMP"])) / 1e6 >= attack.end.timestamp()
    assert is_free(box)


@pytest.mark.parametrize("user", ["daemon", "root"])
def test_no_job_lengthens_its_own_time_out(box: Box, user: str) -> None:
    job = f"longer-{user}"
    box.run("touch /run/go")
    command = f"/usr/local/bin/attack {job} /run/go 600 0"
    put(box, job, command, [*LOCK, *USERS[user], "TimeoutStartSec=10", "TimeoutStopSec=1"])
    began = time.monotonic()
    assert start(box, job) == 1
    assert time.monotonic() - began < 20
    assert "attacked" in printed(box, job)
    assert runs(box, job)[0].outcome_words == "timed out"


@pytest.mark.parametrize("user", ["daemon", "root"])
def test_the_door_is_closed_for_the_second_attempt_too(box: Box, user: str) -> None:
    job, other = f"again-{user}", f"next-again-{user}"
    box.run("touch /run/go")
    on = f"/run/go-on-{job}-"
    command = f"/usr/local/bin/attack {job} /run/go {on} 5"
    put(box, job, command, [*LOCK, *USERS[user], *RETRY], LIMITED)
    put(box, other, "/bin/echo ran", LOCK)
    begin(box, job)
    prints(box, job, "attacked")
    begin(box, other)
    waits_for(box, other, "for pool p")
    box.run(["touch", f"{on}1"])
    prints(box, job, "attacked", 2)
    assert not is_free(box)
    box.run(["touch", f"{on}2"])
    has_ended(box, other)
    attack = runs(box, job)[0]
    assert (attack.outcome_words, attack.attempts) == ("failed (exit status 5)", 2)
    assert printed(box, job).count("attacked") == 2
    assert attack.end is not None
    ran = entries(box, f"SYSLOG_IDENTIFIER={other}", "_TRANSPORT=stdout")[0]
    assert int(str(ran["__REALTIME_TIMESTAMP"])) / 1e6 >= attack.end.timestamp()


FORGED = {
    "begin": "MESSAGE_ID=f1c63ac425f94a3b9894b31bb73a2710\\nDEBVISOR_ATTEMPT=1\\n",
    "end": "MESSAGE_ID=ec5c7d712daf4bf4a90b07764211903e\\nDEBVISOR_RESULT=success\\n",
    "skip": "MESSAGE_ID=3d0f0a1c5e1b4b6f9a0c7d2e8b514f63\\nDEBVISOR_REASON=lie\\n",
}


@pytest.mark.parametrize("kind", FORGED)
def test_no_record_that_a_job_sends_is_believed(box: Box, kind: str) -> None:
    job = f"forge-{kind}"
    fields = (
        f"MESSAGE=lie\\n{FORGED[kind]}DEBVISOR_JOB={job}\\nDEBVISOR_RUN_ID=lie\\nDEBVISOR_FINAL=1\\n"
        "DEBVISOR_INVOCATION_ID=%s\\n_UID=0\\n_PID=1\\n"
    )
    text = f"#!/bin/sh\nprintf '{fields}' $INVOCATION_ID | logger --journald\nexit 5\n"
    box.write(f"/usr/local/bin/{job}", text, 0o755)
    put(box, job, f"/usr/local/bin/{job}", ["User=daemon"])
    assert start(box, job) == 1
    assert entries(box, "DEBVISOR_RUN_ID=lie", f"DEBVISOR_JOB={job}") != [], "the lie has arrived"
    (run,) = runs(box, job)
    assert (run.outcome_words, run.id == "lie") == ("failed (exit status 5)", False)


# --- locks outlive nothing -----------------------------------------------------------------------


def test_a_lock_is_free_when_every_process_of_the_unit_was_killed(box: Box) -> None:
    put(box, "slain", "/bin/sleep 600", LOCK)
    begin(box, "slain")
    box.wait_until("pgrep -fx '/bin/sleep 600'", 20)
    box.run("systemctl daemon-reload; systemctl daemon-reexec; systemctl daemon-reload")
    assert not is_free(box)
    box.run(
        "echo 1 > /sys/fs/cgroup$(systemctl show -P ControlGroup debvisor-job-slain)/cgroup.kill"
    )
    has_ended(box, "slain")
    assert is_free(box)
    assert runs(box, "slain")[0].outcome_words == "failed (killed by SIGKILL)"


@pytest.fixture
def holder(box: Box) -> Iterator[str]:
    """A job that holds the only place of the pool until it is told to end."""
    put(box, "holder", "/bin/sh -c 'until test -e /run/enough; do sleep 0.1; done'", LOCK)
    box.run("rm -f /run/enough")
    begin(box, "holder")
    box.wait_until("grep -q READY_AT /run/debvisor-timers/runs/holder", 20)
    yield "holder"
    box.run("touch /run/enough")
    has_ended(box, "holder")


def kill_begin(box: Box, job: str) -> None:
    box.run(f"systemctl kill --kill-whom=control -s KILL debvisor-job-{job}")


def test_a_begin_that_is_killed_while_it_waits_lets_nothing_through(box: Box, holder: str) -> None:
    put(box, "cut-off", "/bin/touch /root/cut-off-ran", LOCK)
    begin(box, "cut-off")
    waits_for(box, "cut-off", "for pool p")
    kill_begin(box, "cut-off")
    has_ended(box, "cut-off")
    assert runs(box, "cut-off")[0].outcome_words.startswith("failed (begin: ")
    assert last(box, "cut-off").outcome == "failed"
    assert box.run("test -e /root/cut-off-ran", check=False).returncode == 1


def test_an_attempt_after_a_killed_begin_waits_for_its_lock(box: Box, holder: str) -> None:
    put(box, "cut-twice", "/bin/echo ran", [*LOCK, *RETRY], LIMITED)
    begin(box, "cut-twice")
    waits_for(box, "cut-twice", "for pool p")
    kill_begin(box, "cut-twice")
    box.wait_until("grep -q DEBVISOR_ATTEMPT=2 /run/debvisor-timers/runs/cut-twice", 20)
    waits_for(box, "cut-twice", "for pool p")
    assert printed(box, "cut-twice") == []
    box.run("touch /run/enough")
    has_ended(box, "cut-twice")
    (run,) = runs(box, "cut-twice")
    assert (run.outcome_words, run.attempts) == ("succeeded", 2)
    assert printed(box, "cut-twice") == ["ran"]


def test_a_begin_that_is_killed_while_it_waits_for_a_job_lets_nothing_through(box: Box) -> None:
    put(box, "slow", "/bin/sleep 600")
    put(box, "needs", "/bin/touch /root/needs-ran", ["X-Requires=slow | 60s"])
    begin(box, "slow")
    begin(box, "needs")
    waits_for(box, "needs", "for slow (running)")
    kill_begin(box, "needs")
    has_ended(box, "needs")
    box.run("systemctl stop debvisor-job-slow")
    assert runs(box, "needs")[0].outcome_words.startswith("failed (begin: ")
    assert box.run("test -e /root/needs-ran", check=False).returncode == 1


KILLED = "#!/bin/sh\nkill -KILL $$\n"


def test_an_end_that_is_killed_fails_the_unit_and_frees_its_lock(box: Box) -> None:
    put(box, "no-end", "/bin/true", LOCK)
    with replaced(box, "end", KILLED):
        assert start(box, "no-end") == 1
    (run,) = runs(box, "no-end")
    assert run.outcome_words == "failed (end: killed by SIGKILL)"
    assert is_free(box)


def test_where_end_is_killed_no_attempt_is_made_beyond_the_last(box: Box) -> None:
    limit = ["StartLimitBurst=5", "StartLimitIntervalSec=60"]
    put(box, "no-ends", "/bin/sh -c 'echo ran; exit 3'", [*LOCK, *RETRY], limit)
    with replaced(box, "end", KILLED):
        begin(box, "no-ends")
        prints(box, "no-ends", "ran", 2)
        box.wait_until(lambda: "all 2 attempts have been made" in said(box, "no-ends"), 20)
    has_ended(box, "no-ends")
    assert printed(box, "no-ends").count("ran") == 2
    assert is_free(box)


# --- nothing stays without need ------------------------------------------------------------------


def test_where_nothing_is_watched_the_main_process_is_the_program(box: Box) -> None:
    put(box, "plain", "/bin/sleep 600", [*LOCK, "User=daemon"])
    begin(box, "plain")
    box.wait_until("pgrep -fx '/bin/sleep 600'", 20)
    main = box.run("systemctl show -P MainPID debvisor-job-plain").stdout.strip()
    program = box.run(f"readlink /proc/{main}/exe").stdout.strip()
    pids = box.run("systemctl show -P ControlGroup debvisor-job-plain").stdout.strip()
    alone = box.run(f"cat /sys/fs/cgroup{pids}/cgroup.procs").stdout.split()
    box.run("systemctl stop debvisor-job-plain")
    assert program.rpartition("/")[2] in {"sleep", "coreutils"}
    assert alone == [main]


def memory(box: Box, process: str) -> dict[str, int]:
    """Return how many KiB a process has in memory: all of it, and its share."""
    text = box.run(f"grep -E '^(Rss|Pss):' /proc/{process}/smaps_rollup").stdout
    return {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}


def test_what_waits_or_watches_takes_little_memory(box: Box, holder: str) -> None:
    put(box, "patient", "/bin/true", LOCK)
    put(box, "watched", "/bin/sleep 600", ["X-Timeout=600s"])
    begin(box, "patient", "watched")
    waits_for(box, "patient", "for pool p")
    box.wait_until("pgrep -fx '/bin/sleep 600'", 20)
    waits = memory(box, box.run("systemctl show -P ControlPID debvisor-job-patient").stdout.strip())
    watches = memory(box, box.run("systemctl show -P MainPID debvisor-job-watched").stdout.strip())
    box.run("systemctl stop debvisor-job-watched")
    print(f"begin while it waits: {waits} KiB; run while it watches: {watches} KiB")  # noqa: T201
    assert waits["Rss"] < 16 * 1024
    assert watches["Rss"] < 14 * 1024
