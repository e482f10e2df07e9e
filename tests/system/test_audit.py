# SPDX-License-Identifier: Apache-2.0
"""The audit on a real host: who did what, and what becomes of a journal that was tampered with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import Host
from tests.system.work import NEVER, yaml

AUDIT = "974f72e112d142cc8e09cb96778de9f7"
SECRET = "s3cr3tValue"
SUDO = {"SUDO_UID": "4711", "SUDO_USER": "alice"}
JOBS = yaml({"one": "command: [/bin/true]", "long": "command: [/bin/sleep, 1000]"})
LEAKY = f"""\
jobs:
  leaky:
    schedule: {NEVER}
    environment: {{DB_PASSWORD: {SECRET}, DSN: "postgres://me:{SECRET}@db/x"}}
    command: [/bin/true, --password, "{SECRET}", "--token={SECRET}"]
    input: "{SECRET}"
"""
_FORGE = """
import sys
from systemd.journal import sendv
pairs = dict(line.split("=", 1) for line in sys.stdin.read().splitlines())
sendv(*(f"{name}={value}" for name, value in pairs.items()))
"""


@pytest.fixture
def host(box: Box) -> Host:
    host = Host(box)
    host.box.run("useradd --system mallory")
    return host


def audit(host: Host, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = host.json("audit", *options)
    return found


def verify(host: Host, *options: str) -> dict[str, Any]:
    done = host.box.run(["debvisor-timers", "audit", "--verify", "--json", *options], check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if document["whole"] else 10), done.stderr
    return document


def faults(host: Host) -> set[str]:
    return {finding["fault"] for finding in verify(host)["findings"]}


def rotate(host: Host) -> None:
    host.box.run("journalctl --sync; journalctl --rotate")


def archives(host: Host) -> list[str]:
    """Return the journal files that are closed, oldest first."""
    return host.box.run("ls -tr /var/log/journal/*/system@*.journal").stdout.split()


def test_what_was_done_by_whom_is_in_it(host: Host) -> None:
    host.write(JOBS)
    host.cli("apply", env=SUDO)
    host.cli("apply")  # nothing to do
    host.cli("run", "one", "--wait")
    host.cli("run", "long")
    host.cli("run", "long", expect=4)
    host.cli("stop", "long")
    host.cli("stop", "long")  # nothing to stop
    host.cli("run", "lnog", expect=2)
    host.cli("apply", "--yes", user="mallory", expect=4)
    host.cli("run", "one", user="mallory", expect=4)

    rows = audit(host)

    assert [(row["verb"], row["jobs"], row["result"], row["user"]) for row in rows] == [
        ("run", ["one"], "refused", "mallory"),
        ("apply", [], "refused", "mallory"),
        ("stop", ["long"], "done", "root"),
        ("run", ["long"], "refused", "root"),
        ("run", ["long"], "done", "root"),
        ("run", ["one"], "done", "root"),
        ("apply", ["long", "one"], "done", "root"),
    ]
    assert (rows[-1]["sudo_user"], rows[-1]["sudo_uid"]) == ("alice", 4711)
    assert (rows[-1]["generation"], rows[-1]["door"]) == (1, "cli")
    assert rows[3]["error"] == "job 'long' is running already"
    (run,) = host.json("history", "one")
    assert rows[5]["what"] == f"run {run['run']}"
    assert "+ExecStart=" in rows[-1]["diff"]
    assert verify(host)["whole"]
    assert verify(host)["attempts"] == 2
    text = host.cli("audit", "--who", "alice").stdout
    assert "root (sudo by alice)" in text


def test_no_secret_comes_into_the_journal(host: Host) -> None:
    host.apply(LEAKY)
    host.apply(LEAKY.replace(SECRET, f"{SECRET}2"))
    host.cli("run", "leaky", "--wait")

    diff = audit(host, "--verb", "apply")[0]["diff"]
    assert "Environment=DB_PASSWORD=[redacted]" in diff
    units = host.box.run("cat /etc/systemd/system/debvisor-job-leaky.service").stdout
    assert SECRET in units
    said = host.box.run("journalctl --sync; journalctl --all --output=export").stdout
    assert SECRET not in said
    assert SECRET not in host.box.read("/var/lib/debvisor-timers/audit.json")


def test_the_vacuum_of_the_journal_is_told_from_tampering(host: Host) -> None:
    host.apply(JOBS)
    noted = verify(host)["head"]
    rotate(host)
    host.cli("run", "one", "--wait")
    rotate(host)
    host.cli("run", "one", "--wait")
    first, second, *_ = archives(host)
    assert verify(host)["whole"]
    assert verify(host, "--head", noted)["noted"] == "the noted digest is that of record 1"

    host.box.run(f"mv {second} /var/second")
    assert faults(host) == {"gap"}
    host.box.run(f"mv /var/second {second}")
    assert faults(host) == set()

    host.box.run(f"rm {first}")
    document = verify(host, "--head", noted)
    assert (document["whole"], document["first"], document["vacuumed"]) == (True, 2, 1)
    assert document["noted"] == "record 1 was vacuumed: its noted digest cannot be checked"

    rotate(host)
    host.box.run("rm $(ls -tr /var/log/journal/*/system@*.journal | tail -n 1)")
    assert faults(host) == {"missing at the end"}


def test_the_oldest_record_alone_is_not_vacuumed(host: Host) -> None:
    host.box.run("systemd-cat echo before")
    rotate(host)
    host.apply(JOBS)
    rotate(host)
    host.cli("run", "one", "--wait")

    *older, with_apply = archives(host)
    host.box.run(f"mv {with_apply} /var/moved")
    assert faults(host) == {"missing at the beginning"}

    host.box.run(f"rm {' '.join(older)}")  # then it looks like a vacuum
    assert faults(host) == set()


def test_all_of_it_may_be_vacuumed(host: Host) -> None:
    host.apply(JOBS)
    host.cli("run", "one", "--wait")
    rotate(host)
    host.box.run("systemd-cat echo later; journalctl --sync; rm /var/log/journal/*/system@*")

    document = verify(host)

    assert (document["whole"], document["checked"], document["vacuumed"]) == (True, 0, 2)
    host.cli("run", "one")
    assert (verify(host)["first"], verify(host)["whole"]) == (3, True)


def test_a_lost_head_and_records_of_root_without_a_chain_are_told(host: Host) -> None:
    host.apply(JOBS)
    forge(host, f"MESSAGE_ID={AUDIT}\nDEBVISOR_AUDIT_VERB=run\nDEBVISOR_AUDIT_USER=nobody")
    assert faults(host) == {"unchained"}

    host.box.run("rm /var/lib/debvisor-timers/audit.json")
    said = host.cli("run", "one").stderr

    assert said.startswith("warning: the audit begins a new chain: its head, ")
    assert "begun anew" in faults(host)


def test_a_plain_user_cannot_forge_what_another_did(host: Host) -> None:
    host.apply(JOBS)
    (true,) = host.records(f"MESSAGE_ID={AUDIT}")
    copied = {name: value for name, value in true.items() if name.startswith("DEBVISOR_AUDIT_")}
    copied.pop("DEBVISOR_AUDIT_DIFF")
    fields = {**copied, "DEBVISOR_AUDIT_USER": "root", "DEBVISOR_AUDIT_RESULT": "done"}
    lines = "\n".join(f"{name}={value}" for name, value in fields.items())

    forge(host, f"MESSAGE_ID={AUDIT}\n_UID=0\n{lines}", user="mallory")

    row = audit(host)[0]
    assert (row["user"], row["result"], row["proven"]) == ("mallory", "refused", False)
    assert (row["what"], row["sudo_user"], row["number"]) == ("", None, None)
    assert verify(host)["whole"]
    assert verify(host)["attempts"] == 1


def test_a_member_of_the_groups_may_look(host: Host) -> None:
    host.apply(JOBS)
    assert host.cli("audit", "--verify", user="mallory", expect=4).returncode == 4
    host.box.run("usermod -a -G debvisor-timers,systemd-journal mallory")

    assert host.cli("audit", "--verify", user="mallory").stdout.endswith("whole\n")
    assert "apply" in host.cli("audit", user="mallory").stdout


def test_a_power_cut_loses_nothing_of_it(host: Host) -> None:
    host.apply(JOBS)
    host.cli("run", "one", "--wait")
    host.box.power_cut()
    host.box.start()

    assert faults(host) == set()
    host.cli("run", "one", "--wait")

    assert [row["number"] for row in audit(host)] == [3, 2, 1]
    assert verify(host)["whole"]


def test_a_dead_journal_is_told_and_keeps_nothing_from_being_done(host: Host) -> None:
    host.apply(JOBS)
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket"
    varlink = "systemd-journald-varlink@system.socket systemd-journald-audit.socket"
    host.box.run(f"systemctl mask --runtime --now systemd-journald.service {sockets} || :")
    host.box.run(f"systemctl stop {sockets} {varlink} systemd-journald.service || :", check=False)

    done = host.box.run(["debvisor-timers", "run", "one"], check=False)

    assert done.returncode == 0, done.stderr
    assert "warning: the audit is kept, and sent to the journal by the next change" in done.stderr
    host.box.run(f"systemctl unmask --runtime systemd-journald.service {sockets}")
    host.box.run(f"systemctl start {sockets} systemd-journald.service")
    host.cli("run", "one", "--wait")
    assert [row["number"] for row in audit(host)] == [3, 2, 1]
    assert faults(host) == set()


def test_two_at_once_make_one_chain(host: Host) -> None:
    names = [f"j{number}" for number in range(12)]
    host.apply(yaml(dict.fromkeys(names, "command: [/bin/true]")))

    host.box.run(f"for job in {' '.join(names)}; do debvisor-timers run $job & done; wait")

    assert [row["number"] for row in audit(host)] == list(range(13, 0, -1))
    assert verify(host)["whole"]


@pytest.mark.parametrize(
    "place", ["_extended", "HeadFile.write", "HeadFile.note_sent", "AttemptNote.remove"]
)
def test_who_is_killed_at_any_step_is_in_it_once(host: Host, place: str) -> None:
    host.apply(JOBS)
    done = host.box.run(["python3", "-c", _KILLED.format(place=place)], check=False)
    assert done.returncode == -9, done.stderr

    host.cli("run", "long")

    rows = audit(host)
    results = [(row["verb"], row["jobs"], row["result"]) for row in rows]
    is_known = place not in {"_extended", "HeadFile.write"}
    assert results == [
        ("run", ["long"], "done"),
        ("run", ["one"], "done" if is_known else "cut off"),
        ("apply", ["long", "one"], "done"),
    ]
    assert faults(host) == set()
    assert host.box.run("ls -A /run/debvisor-timers/attempts").stdout == ""


_KILLED = """
import os
from debvisor_timers.operations.auditing import attempts, audit, audit_head
from debvisor_timers.scheduler import Scheduler

def die(*_, **__):
    os.kill(os.getpid(), 9)

name = "{place}"
home, _, method = name.rpartition(".")
owner = audit if not home else getattr(audit_head if home == "HeadFile" else attempts, home)
setattr(owner, method, die)
Scheduler.system(door="cli").run("one", wait=True)
"""


def forge(host: Host, lines: str, user: str = "") -> None:
    """Send a record to the journal as a program of that user does."""
    host.box.run(["python3", "-c", _FORGE], input=lines, user=user)
    host.box.run(["journalctl", "--sync"])
