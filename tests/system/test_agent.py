# SPDX-License-Identifier: Apache-2.0
"""The agent on a real systemd: its callers, its policy, and who wants to break it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system import work
from tests.system.host import JOBS as JOBS_D
from tests.system.host import Host
from tests.system.waiting import Waiting

SOCKET = "/run/debvisor-timers/io.debvisor.Timers"
SERVICE = "debvisor-timers-agent.service"
JOBS = """\
jobs:
  nightly: {command: [/bin/true], schedule: "0 2 * * *"}
  fails: {command: [/bin/false]}
"""
CONFIG = "policy: {members: editor}\n"
TASK = "--task-type=vm_snapshot", '--task-config={"vm_id": "vm-1"}'
ATTACK = """
import json, os, random, socket, sys, time
random.seed(int(sys.argv[1]))
SOCKET = "/run/debvisor-timers/io.debvisor.Timers"
def connect():
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(20)
    made.connect(SOCKET)
    return made
def ask(method, **parameters):
    with connect() as line:
        line.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\\0")
        said = b""
        while not said.endswith(b"\\0"):
            part = line.recv(65536)
            if not part:
                raise SystemExit("no answer to " + method)
            said += part
    return json.loads(said[:-1])
VALUES = [None, True, -1, 2**70, 1e308, "", "a" * 5000, "\\x00", "../../etc", [], [[]] * 50, {},
          {"path": ["a"]}, {"@": "os.system"}, [{"job": "a", "kind": "create", "keys": [{}]}]]
FIELDS = ["job", "changes", "jobs", "tags", "all", "until", "behalf", "count", "path", "before",
          "after", "removals", "timeout_seconds", "number", "name", "role", "expires", "versions"]
METHODS = ["Run", "Retry", "Stop", "Pause", "Resume", "SkipNext", "Edit", "TryEdit", "Rewrite",
           "OpenJob", "Apply", "Try", "Rollback", "Diff", "Plan", "CreateToken", "Nothing"]
def nonsense():
    kind = random.randrange(6)
    if kind == 0:
        return random.randbytes(random.randrange(1, 4000)) + b"\\0"
    if kind == 1:
        return b"[" * random.randrange(1, 100000) + b"\\0"
    if kind == 2:
        return b'{"method": "io.debvisor.Timers.Run", "param'
    if kind == 3:
        return b"x" * 300000
    method = "io.debvisor.Timers." + random.choice(METHODS)
    given = {name: random.choice(VALUES) for name in random.sample(FIELDS, random.randrange(6))}
    # Root would be obeyed: it asks for somebody who may do nothing.
    given["behalf"] = random.choice([None, 5, "a", {"name": "x", "role": "viewer", "kind": "token",
                                     "address": "", "request": ""}]) if kind == 4 else {}
    return json.dumps({"method": method, "parameters": given}).encode() + b"\\0"
lines = []
for number in range(int(sys.argv[2])):
    try:
        line = connect()
        line.sendall(nonsense())
        if random.random() < 0.5:
            line.settimeout(0.2)
            line.recv(1000)
        if random.random() < 0.3:
            lines.append(line)
        else:
            line.close()
    except (OSError, TimeoutError):
        pass
    if len(lines) > 8:
        for line in lines:
            line.close()
        lines.clear()
print("attacked")
"""


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    new = Host(module_box)
    module_box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    module_box.run(
        "useradd -m alice -G debvisor-timers,systemd-journal; useradd -m bob;"
        " id debvisor-timers-web >/dev/null 2>&1 || useradd -r debvisor-timers-web"
    )
    module_box.write("/root/attack.py", ATTACK)
    new.apply(JOBS)
    return new


def call(host: Host, method: str, *, user: str = "", **parameters: object) -> dict[str, Any]:
    """Return what varlinkctl prints, which calls the agent; or its error."""
    argv = ["varlinkctl", "--json=short", "call", SOCKET, f"io.debvisor.Timers.{method}"]
    done = host.box.run([*argv, json.dumps(parameters)], check=False, user=user)
    if done.returncode:
        return {"error": done.stderr + done.stdout}
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    return found


def main_pid(host: Host) -> str:
    return host.show(SERVICE, "MainPID")["MainPID"]


def test_it_is_described_and_started_by_its_socket(host: Host) -> None:
    described = host.box.run(f"varlinkctl introspect {SOCKET} io.debvisor.Timers").stdout
    assert "method Run(" in described
    assert "# Starts a job now." in described
    assert host.box.run(f"stat -c '%U:%G %a' {SOCKET}").stdout == "root:debvisor-timers 660\n"
    assert call(host, "Run", job="nightly")["job_id"] == "nightly"
    host.await_run("nightly", "succeeded")
    work.await_ends(host, "nightly")


def test_a_member_s_commands_go_through_it(host: Host) -> None:
    assert "nightly succeeded" in host.cli("run", "nightly", "--wait", user="alice").stdout
    assert "failed" in host.cli("run", "fails", "--wait", user="alice", expect=5).stdout
    host.cli("pause", "nightly", "--reason", "moving", user="alice")
    assert "by alice: moving" in host.cli("show", "nightly").stdout
    assert host.cli("resume", "nightly", user="alice").stdout == "resumed nightly\n"
    made = host.cli("job", "create", "--name=Snap", "--cron=0 4 * * *", *TASK, user="alice")
    assert made.stdout.startswith("Created job: snap\n")
    host.cli("job", "update", "snap", "--cron=0 5 * * *", user="alice")
    assert "0 5 * * *" in host.box.read(f"{JOBS_D}/snap.yaml")
    assert (
        host.box.run("stat -c '%U %a' /etc/debvisor/timers/jobs.d/snap.yaml").stdout == "root 640\n"
    )
    host.cli("job", "delete", "snap", "--force", user="alice")
    who = {record["user"] for record in host.json("audit") if record["verb"] == "delete"}
    assert who == {"alice"}
    assert host.json("audit", "--verify")["whole"] is True


def test_a_member_tries_an_edit_and_waits_for_its_end(host: Host) -> None:
    host.cli("job", "create", "--id=tried", "--cron=0 4 * * *", *TASK, user="alice")
    file = f"{JOBS_D}/tried.yaml"
    before = host.box.read(file)
    edit = ("job", "update", "tried", "--cron=0 5 * * *")

    waiting = Waiting(host, *edit, "--try=10min", user="alice")
    assert "0 5 * * *" in host.box.read(file)
    waiting.signal("INT")
    status, said = waiting.end()
    assert (status, "it was taken back" in said) == (130, True), said
    assert host.box.read(file) == before

    status, said = Waiting(host, *edit, "--try=20", user="alice").end()
    assert (status, "not confirmed: taken back" in said) == (4, True), said
    assert host.box.read(file) == before

    waiting = Waiting(host, *edit, "--try=10min", user="alice")
    waiting.signal("USR1")
    status, said = waiting.end()
    assert (status, "confirmed: it stays" in said) == (0, True), said
    assert "0 5 * * *" in host.box.read(file)

    host.cli("job", "delete", "tried", "--force", "--try=10min", "--no-wait", user="alice")
    host.cli("confirm", user="alice")
    host.box.run(f"test ! -e {file}")


def test_the_policy_holds_for_members_and_not_for_root(host: Host) -> None:
    raw = ("job", "create", "--name=Raw", "--command=/bin/true")
    said = host.cli(*raw, user="alice", expect=4).stderr
    assert "raw: command: only tasks are allowed" in said
    assert "widen `policy` in config.yaml" in said
    host.cli(*raw)
    said = host.cli("job", "update", "raw", "--priority=high", user="alice", expect=4).stderr
    assert "raw: command: only tasks are allowed" in said
    host.cli("job", "delete", "raw", "--force")


def test_what_is_root_s_is_left_to_root(host: Host) -> None:
    for command in (
        ("job", "delete", "nightly", "--force"),
        ("job", "update", "nightly", "--priority=low"),
    ):
        said = host.cli(*command, user="alice", expect=4).stderr
        assert "command: only tasks are allowed" in said
    task = {"path": ["task"], "value": {"type": "vm_snapshot", "config": {"vm_id": "vm-1"}}}
    keys = [{"path": ["command"], "value": None}, task]
    change = {"job": "nightly", "kind": "update", "keys": keys}
    said = call(host, "Edit", user="alice", changes=[change])["error"]
    assert "nightly, as it is: command: only tasks are allowed" in said
    assert "nightly" in host.cli("list").stdout


def test_what_root_tries_is_ended_by_root_alone(host: Host) -> None:
    made = {"job": "tried", "kind": "create"}
    made["keys"] = [{"path": ["command"], "value": ["/bin/true"]}]  # type: ignore[assignment]
    call(host, "TryEdit", changes=[made], timeout_seconds=600.0)
    assert "is tried by root" in host.cli("confirm", user="alice", expect=4).stderr
    assert "is tried by root" in call(host, "TakeBack", user="alice")["error"]
    whom = {"name": "boss", "role": "admin", "kind": "token", "address": "", "request": ""}
    assert "is tried by root" in call(host, "Rollback", behalf=whom, removals=["tried"])["error"]
    host.cli("rollback", "--yes")
    assert "tried" not in host.cli("list").stdout


def test_no_task_lets_a_member_become_root(host: Host) -> None:
    inline = "/root/attack.py {\\n postrotate\\n touch /root/owned\\n endscript\\n}\\n"
    config = f'--task-config={{"inline": "{inline}", "force": true}}'
    made = ("job", "create", "--name=Owned", "--task-type=log_rotation", config)
    said = host.cli(*made, user="alice", expect=4).stderr
    assert "owned: task.config.inline: only root may set it" in said
    allowed = "policy: {members: editor, directives: [task.log_rotation.inline]}\n"
    host.box.write("/etc/debvisor/timers/config.yaml", allowed, 0o640)
    host.cli(*made, user="alice")
    host.cli("job", "delete", "owned", "--force", user="alice")
    host.box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    host.cli("apply")


def test_what_root_has_edited_stands_under_the_policy_when_a_member_applies_it(host: Host) -> None:
    host.write("jobs:\n  more: {command: [/bin/true]}\n", "more.yaml")
    said = host.cli("apply", "--yes", user="alice", expect=4).stderr
    assert "more: command: only tasks are allowed" in said
    host.box.run("rm /etc/debvisor/timers/jobs.d/more.yaml")
    assert host.plan_is_empty()


def test_others_are_told_how_to_get_in(host: Host) -> None:
    said = host.cli("pause", "nightly", user="bob", expect=4).stderr
    assert "debvisor-timers" in said
    assert "Permission denied" in call(host, "Run", user="bob", job="nightly")["error"]


def test_the_web_server_says_for_whom_it_asks_and_nobody_else_may(host: Host) -> None:
    whom = {"name": "deploy", "role": "operator", "kind": "token"}
    whom |= {"address": "192.0.2.7", "request": "r-1"}
    host.box.run("usermod -a -G debvisor-timers debvisor-timers-web")
    web = "debvisor-timers-web"
    assert "error" in call(host, "Run", user=web, job="nightly")
    assert call(host, "Pause", user=web, jobs=["nightly"], behalf=whom)["jobs"]
    call(host, "Resume", user=web, jobs=["nightly"], behalf=whom)
    refused = call(host, "Apply", user=web, behalf=whom)
    assert "error" in refused
    forged = call(host, "Pause", user="alice", jobs=["nightly"], behalf={**whom, "role": "admin"})
    assert "error" in forged
    newest = next(record for record in host.json("audit") if record["verb"] == "pause")
    known = (newest["token"], newest["address"], newest["request"])
    assert known == ("deploy", "192.0.2.7", "r-1")


def test_a_broken_file_elsewhere_blocks_no_change_of_a_member(host: Host) -> None:
    host.write("jobs: {broken: {command: 5}}\n", "broken.yaml")
    made = host.cli("job", "create", "--name=Snap", "--cron=0 4 * * *", *TASK, user="alice")
    assert "broken.yaml" in made.stderr
    host.cli("job", "delete", "snap", "--force", user="alice")
    host.box.run("rm /etc/debvisor/timers/jobs.d/broken.yaml")


def test_nobody_waits_for_who_says_half_a_message(host: Host) -> None:
    holder = (
        "import socket, time; lines = [socket.socket(socket.AF_UNIX) for _ in range(20)];"
        f"[line.connect('{SOCKET}') or line.sendall(b'half') for line in lines];"
        "open('/root/held', 'w').close(); time.sleep(600)"
    )
    host.box.spawn(["python3", "-c", holder])
    host.box.wait_until("test -e /root/held")
    assert call(host, "Run", job="nightly")["job_id"] == "nightly"
    work.await_ends(host, "nightly")
    assert "nightly" in host.cli("run", "nightly", "--wait", user="alice").stdout
    host.box.run("pkill -f 'open(./root/held'", check=False)


def test_nonsense_in_masses_neither_breaks_it_nor_lets_it_grow(host: Host) -> None:
    call(host, "Generations")
    pid, restarts = main_pid(host), host.show(SERVICE, "NRestarts")
    before = data(host, pid)
    files = host.files()
    attackers = [["python3", "/root/attack.py", str(seed), "150"] for seed in range(4)]
    host.box.run(" & ".join(" ".join(argv) for argv in attackers) + " & wait")
    assert call(host, "Generations")["kept"]
    assert (main_pid(host), host.show(SERVICE, "NRestarts")) == (pid, restarts)
    host.box.wait_until(f'test -z "$(pgrep -P {pid})"', 90, "all connections have ended")
    assert data(host, pid) <= before + 2_000
    assert host.files() == files
    said = host.box.journal("--unit", SERVICE, "--output=cat")
    assert "by a bug" not in said
    assert "a connection is closed: what came is not JSON that can be read" in said


def data(host: Host, pid: str) -> int:
    """Return the size of the data of a process in kilobytes; what forks share counts as well."""
    status = host.box.run(["cat", f"/proc/{pid}/status"]).stdout
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmData")))


def test_a_kill_in_the_middle_of_a_change_leaves_all_or_nothing(host: Host) -> None:
    change = {
        "job": "killed",
        "kind": "create",
        "keys": [{"path": ["command"], "value": ["/bin/true"]}],
    }
    host.box.write("/root/change.json", json.dumps({"changes": [change]}))
    for delay in ("0.02", "0.1", "0.2", "0.3", "0.4"):
        host.box.run(
            f'varlinkctl call {SOCKET} io.debvisor.Timers.Edit "$(cat /root/change.json)" & sleep'
            f" {delay}; systemctl kill --signal=KILL {SERVICE}; wait",
            check=False,
        )
        host.cli("recover")
        is_listed = "killed" in {row["job"] for row in host.json("list")}
        has_unit = "debvisor-job-killed.service" in host.files()
        has_file = not host.box.run(f"test -e {JOBS_D}/killed.yaml", check=False).returncode
        assert is_listed == has_unit == has_file
        assert host.plan_is_empty()
        if is_listed:
            host.cli("job", "delete", "killed", "--force")


def test_it_ends_when_it_is_idle_and_comes_back(host: Host) -> None:
    host.box.run(f"systemctl stop {SERVICE}; systemctl reset-failed {SERVICE} 2>/dev/null || :")
    assert host.show(SERVICE, "ActiveState") == {"ActiveState": "inactive"}
    assert call(host, "Generations")["kept"]
    assert host.show(SERVICE, "ActiveState") == {"ActiveState": "active"}
    host.box.wait_until(f"! systemctl is-active --quiet {SERVICE}", 90, "it has ended")
    assert host.show(SERVICE, "Result") == {"Result": "success"}
    assert call(host, "Generations")["kept"]
