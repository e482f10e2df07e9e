# SPDX-License-Identifier: Apache-2.0
"""Records that a job forges, by each way into journald: nothing that is told of any job changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from debvisor_timers.history.records import MessageId
from tests.box import Box, Layer
from tests.system.host import Host

FORGE = r"""#!/usr/bin/python3
"Send what only PID 1, begin and end may say of the job `victim`: its run, and its invocation."
import json, os, socket, sys

run, invocation, own = sys.argv[1], sys.argv[2], os.environ["INVOCATION_ID"]
UNIT, MINE = "debvisor-job-victim.service", "debvisor-job-forger.service"
MESSAGES = {MESSAGES}
sent = 0

def native(*pairs):
    global sent
    text = b""
    for name, value in pairs:
        text += f"{name}={value}\n".encode()
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.sendto(text, "/run/systemd/journal/socket")
    sent += 1

TRUST = [("_PID", "1"), ("_UID", "0"), ("_SYSTEMD_UNIT", UNIT), ("_TRANSPORT", "stdout"),
         ("_SYSTEMD_INVOCATION_ID", invocation), ("_BOOT_ID", "0" * 32), ("OBJECT_PID", "1"),
         ("OBJECT_SYSTEMD_UNIT", UNIT), ("COREDUMP_UNIT", UNIT), ("SYSLOG_FACILITY", "1")]
for message in MESSAGES:
    for unit in ([UNIT], [MINE, UNIT], [UNIT, MINE]):
        for of in (invocation, own, "f" * 32, ""):
            about = [("MESSAGE", "lie"), ("MESSAGE_ID", message), ("INVOCATION_ID", of),
                     ("JOB_ID", "7"), ("JOB_TYPE", "start"), ("JOB_RESULT", "failed"),
                     ("UNIT_RESULT", "timeout"), ("EXIT_CODE", "exited"), ("EXIT_STATUS", "99"),
                     ("COMMAND", "ExecStart"), ("PRIORITY", "3"), ("SYSLOG_IDENTIFIER", "systemd")]
            native(*about, *(("UNIT", each) for each in unit), *TRUST)
    for jobs in (["victim"], ["forger", "victim"], ["victim", "forger"]):
        for name in (run, "lie", ""):
            ours = [("MESSAGE", "lie"), ("MESSAGE_ID", message), ("DEBVISOR_RUN_ID", name),
                    ("DEBVISOR_INVOCATION_ID", invocation), ("DEBVISOR_RESULT", "timeout"),
                    ("DEBVISOR_FINAL", "1"), ("DEBVISOR_STOPPED", "1"), ("DEBVISOR_ATTEMPT", "9"),
                    ("DEBVISOR_TRIGGER", "boot"), ("DEBVISOR_BY", "mallory"),
                    ("DEBVISOR_COUNT", "99"), ("DEBVISOR_OVERLAPPED", run),
                    ("DEBVISOR_REASON", "lie"), ("SYSLOG_IDENTIFIER", "debvisor-timers"),
                    ("DEBVISOR_START_USEC", "1"), ("DEBVISOR_END_USEC", "2")]
            native(*ours, *(("DEBVISOR_JOB", each) for each in jobs), *TRUST)

for facility in (11, 30, 3):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect("/run/systemd/journal/stdout")
    stream.sendall(f"victim\n{UNIT}\n{facility}\n1\n0\n0\n0\nlie\n<3>lie\n".encode())
    stream.close()
    sent += 2
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for identifier in ("victim", "debvisor-timers", "systemd"):
    log.sendto(f"<11>{identifier}[1]: lie".encode(), "/run/systemd/journal/dev-log")
    sent += 1
print("sent", sent)
"""
MESSAGES = [*map(str, MessageId), "a596d6fe7bfa4994828e72309e95d61e"]
JOBS = """\
jobs:
  victim:
    schedule: "0 3 1 1 *"
    script: 'echo truth; echo "true error" >&2; test ! -e /run/fail'
  forger:
    user: nobody
    tags: {DEBVISOR_JOB: victim, note: "UNIT=debvisor-job-victim.service"}
    command: [/usr/local/bin/forge, RUN, INVOCATION]
"""


@pytest.fixture
def host(installed: Layer) -> Iterator[Host]:
    """A box in which `victim` has succeeded and then failed."""
    with Box.boot(installed) as box:
        host = Host(box)
        box.write("/usr/local/bin/forge", FORGE.replace("{MESSAGES}", repr(MESSAGES)), 0o755)
        host.apply(JOBS)
        host.cli("run", "--wait", "victim")
        box.run("touch /run/fail")
        host.cli("run", "--wait", "victim", expect=5)
        yield host


def told(host: Host) -> dict[str, Any]:
    """Return all that is told of `victim`, but for what depends on the clock."""
    host.box.run("journalctl --sync")
    history = host.json("history", "victim")
    logs = ("--last", "--stderr"), ("--stderr",), ("--last",), ("--failed", "--stderr"), ()
    return {
        "history": history,
        "list": [row for row in host.json("list") if row["job"] == "victim"],
        "runs": [host.json("show", "victim", "--run", run["run"]) for run in history],
        "logs": [host.cli("logs", "victim", *options).stdout for options in logs],
        "systemd": host.box.run("systemctl list-units --failed --plain --no-legend").stdout,
    }


def test_no_record_that_a_job_forges_changes_what_is_told_of_another(host: Host) -> None:
    before = told(host)
    ok, failed = before["history"][1], before["history"][0]
    assert (ok["outcome"], failed["outcome"]) == ("succeeded", "failed")
    for index in (False, True):
        for number, run in enumerate((ok, failed)):
            invocation = before["runs"][1 - number]["invocations"][0]
            words = JOBS.replace("RUN", run["run"]).replace("INVOCATION", invocation)
            host.apply(words)
            host.cli("run", "--wait", "forger")
        if not index:
            host.box.run("rm -f /var/lib/debvisor-timers/history.sqlite*")
        assert told(host) == before
    said = host.box.journal("-o", "json", "MESSAGE=lie").splitlines()
    assert len(said) > 1000, "the lies are there"
    assert {json.loads(line)["_UID"] for line in said} == {"65534"}
    everything = host.cli("logs", "--all", "-n", "100000").stdout.splitlines()
    lies = [line for line in everything if line.endswith(": lie")]
    assert lies != []
    assert all(" debvisor-job-forger.service[" in line for line in lies)


def test_a_forger_changes_its_own_runs_by_what_it_does_alone(host: Host) -> None:
    host.cli("run", "--wait", "forger")
    (run,) = host.json("history", "forger")
    assert (run["outcome"], run["trigger"], run["by"], run["attempts"]) == (
        *("succeeded", "manual", "root", 1),
    )
    document = host.json("show", "forger", "--run", run["run"])
    assert document["stdout"].startswith("sent ")
    by_unit = host.box.journal("-o", "json", "DEBVISOR_JOB=victim", "_PID=1").splitlines()
    units = {str(json.loads(line).get("UNIT")) for line in by_unit}
    assert units == {"debvisor-job-victim.service"}, "no tag becomes a field of its own"
