# SPDX-License-Identifier: Apache-2.0
"""The command line on a booted host: who may do what, exit codes, terminals, pipes, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system.host import JOBS, UNITS, Host

READER, STRANGER = "bob", "alice"
"""bob is in the groups debvisor-timers and systemd-journal, alice in none."""

JOBS_YAML = """\
jobs:
  done:
    name: A job with a rather long name, for tables that have to fit
    schedule: {cron: "*/7 1-5 * jan-mar mon-fri", catch_up: once}
    command: [/bin/echo, done]
  sleeper-by-night:
    schedule: {on_calendar: ["Mon..Fri 03:00:00", "Sat *-*-1..7 18:00:00"]}
    command: [/bin/sleep, "36000"]
"""
SLEEPER = "sleeper-by-night"
PENDING = "jobs:\n  pending:\n    schedule: '@daily'\n    command: [/bin/true]\n"


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A host with two jobs: one ran, one runs; a third is not applied yet."""
    with Box.boot(installed, timezone="Asia/Kathmandu") as box:
        box.run(f"useradd {STRANGER}; useradd --groups debvisor-timers,systemd-journal {READER}")
        host = Host(box)
        box.write("/etc/debvisor/timers/config.yaml", "policy: {members: viewer}\n", 0o640)
        host.apply(JOBS_YAML)
        host.cli("run", "done", "--wait")
        host.cli("run", SLEEPER)
        box.wait_until(lambda: host.json("history", SLEEPER), 10, "it runs")
        box.write(f"{JOBS}/pending.yaml", PENDING, 0o640)
        box.run(f"chgrp debvisor-timers {JOBS}/*")
        yield host


# --- without root ------------------------------------------------------------------------------

READING = {
    "check": (0, "correct"),
    "plan": (0, "1 to create, 0 to update, 0 to remove, 2 unchanged"),
    "list": (0, "not applied"),
    "next": (0, "Asia/Kathmandu"),
    "show done": (0, "succeeded"),
    "history done": (0, "manual by root"),
    "logs done": (0, "done"),
    "status": (10, "apply would create it"),
}


@pytest.mark.parametrize("command", READING)
def test_a_member_of_the_groups_may_look_at_everything(host: Host, command: str) -> None:
    expect, words = READING[command]
    said = host.cli(*command.split(), expect=expect, user=READER).stdout
    if words == "Asia/Kathmandu":
        words = "+0545"
    assert words in said


def test_without_any_group_a_file_of_ones_own_can_be_explained(host: Host) -> None:
    for command in (["explain", "schedule"], ["schema"], ["translate", "@daily"], ["version"]):
        host.cli(*command, user=STRANGER)


NOT_READABLE = {
    "check": (4, "member of the group debvisor-timers"),
    "check /srv/own.yaml": (4, "member of the group debvisor-timers"),
    "plan": (3, "member of the group debvisor-timers"),
    "list": (3, "member of the group debvisor-timers"),
    "next": (3, "member of the group debvisor-timers"),
    "history done": (4, "adduser USER systemd-journal"),
}


@pytest.mark.parametrize("command", NOT_READABLE)
def test_what_may_not_be_read_is_said_with_its_mend(host: Host, command: str) -> None:
    host.box.write("/srv/own.yaml", PENDING)
    expect, words = NOT_READABLE[command]
    said = host.cli(*command.split(), expect=expect, user=STRANGER).stderr
    assert words in said
    assert "fix: " in said


@pytest.mark.parametrize("user", [READER, STRANGER])
@pytest.mark.parametrize("command", ["apply --yes", "run done", f"stop {SLEEPER}", "recover"])
def test_changing_anything_needs_root_or_a_role(host: Host, user: str, command: str) -> None:
    before = host.picture()
    said = host.cli(*command.split(), expect=4, user=user).stderr
    assert "fix: " in said
    assert re.search("sudo|as root|or root", said)
    assert host.picture() == before
    assert host.json("list")[2]["state"] == "running"


# --- exit codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("plan", 0),
        ("plan --detailed-exitcode", 10),
        ("status", 10),
        ("frobnicate", 2),
        ("plan --no-such-option", 2),
        ("show nobody", 2),
        ("history nobody", 2),
        ("run nobody", 2),
        ("explain nothing", 2),
        ("next done --count 0", 2),
        ("translate 61", 3),
        ("translate '0 25 * * *'", 3),
        ("check /nonexistent.yaml", 3),
        (f"run {SLEEPER}", 4),
        ("run pending", 4),
    ],
)
def test_exit_codes_are_those_of_the_manual(host: Host, command: str, code: int) -> None:
    done = host.box.run(f"debvisor-timers {command}", check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert done.stderr if code in {2, 3, 4} else not done.stderr


# --- terminals, pipes, JSON --------------------------------------------------------------------

IN_A_TERMINAL = """
import os, pty, struct, fcntl, termios, sys
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    said += part
os.waitpid(pid, 0)
sys.stdout.buffer.write(said.replace(b"\\r\\n", b"\\n"))
"""
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def in_a_terminal(host: Host, *arguments: str, **env: str) -> str:
    """Return what a terminal of 80 columns gets to see."""
    argv = ["python3", "-c", IN_A_TERMINAL, "debvisor-timers", *arguments]
    return host.box.run(argv, env={"TERM": "xterm-256color", **env}).stdout


@pytest.mark.parametrize(
    "command", ["list", "plan", "status", "history done", f"history {SLEEPER}", "next", "--help"]
)
def test_no_line_is_wider_than_the_terminal(host: Host, command: str) -> None:
    lines = ESCAPES.sub("", in_a_terminal(host, *command.split())).splitlines()
    assert len(lines) > 1
    assert [line for line in lines if len(line) > 80] == []


def test_an_id_is_never_cut(box: Box) -> None:
    host = Host(box)
    longest = "j" + "-long" * 12
    host.write(PENDING.replace("pending", longest))
    for command in ("list", "plan", "next"):
        assert longest in in_a_terminal(host, command)


def test_colour_is_for_terminals_that_want_it(host: Host) -> None:
    assert "\x1b[" in in_a_terminal(host, "list")
    assert "\x1b[" not in in_a_terminal(host, "list", NO_COLOR="1")
    assert "\x1b[" not in in_a_terminal(host, "--color=never", "list")
    assert "\x1b[" in host.cli("--color=always", "list").stdout
    for command in (["list"], ["plan", "--diff"], ["status"], ["history", "done"]):
        done = host.box.run(["debvisor-timers", *command], check=False)
        assert "\x1b[" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    ["list", "plan --diff", "schema", "explain", "next --count 1000", "history done", "--help"],
)
def test_a_reader_that_goes_away_is_no_error(host: Host, command: str) -> None:
    script = f"set -o pipefail; debvisor-timers {command} | head -n 1 >/dev/null"
    done = host.box.run(["/bin/bash", "-c", script], check=False)
    assert done.stderr == ""


def test_an_answer_that_cannot_be_written_is_an_error(host: Host) -> None:
    done = host.box.run("debvisor-timers list >/dev/full", check=False)
    assert done.returncode == 5
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def times(document: Any) -> Iterator[str]:
    """Yield every text in `document` that looks like a time."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from times(value)
    elif isinstance(document, str) and re.match(r"\d{4}-\d\d-\d\dT", document):
        yield document


JSON = {
    "list": 3,
    "plan": 1,
    "show done": 2,
    "next --count 3": 3,
    "history done": 2,
    "status": 0,
    "translate '0 2 * * *'": 1,
    "apply --dry-run": 1,
    "check": 0,
    "version": 0,
    "explain schedule": 0,
    "schema": 0,
}


@pytest.mark.parametrize("command", JSON)
def test_json_is_one_document_whose_times_have_an_offset(host: Host, command: str) -> None:
    option = "" if command == "schema" else "--json"
    done = host.box.run(f"debvisor-timers {command} {option}", check=False)
    assert done.returncode in {0, 10}, done.stderr
    found = list(times(json.loads(done.stdout)))
    assert len(found) >= JSON[command]
    for text in found:
        offset = datetime.fromisoformat(text).utcoffset()
        assert offset is not None, text


def test_logs_as_json_are_the_records_of_the_journal(host: Host) -> None:
    lines = host.cli("logs", "done", "--json").stdout.splitlines()
    assert any(json.loads(line)["MESSAGE"] == "done" for line in lines)


# --- a host without anything -------------------------------------------------------------------


@pytest.mark.parametrize(
    "emptied",
    ["true", "rm -r /etc/debvisor /var/lib/debvisor-timers"],
)
def test_a_host_without_jobs_is_in_order(box: Box, emptied: str) -> None:
    host = Host(box)
    box.run(emptied)
    assert host.cli("list").stdout.startswith("no jobs; write one into ")
    assert host.json("list") == []
    assert host.cli("next").stdout == "nothing to come\n"
    assert host.plan_is_empty()
    assert host.json("status")["healthy"]
    assert host.cli("check").stdout == "0 jobs in 0 files: correct\n"
    done = host.cli("apply")
    assert done.stdout == "0 created, 0 updated, 0 removed, 0 unchanged (generation 0)\n"
    assert host.reloads() == 0
    host.apply(PENDING)
    assert host.running_timers() == ["debvisor-job-pending.timer"]


def test_losing_the_configuration_does_not_remove_the_jobs(box: Box) -> None:
    host = Host(box)
    host.apply(PENDING)
    before = host.picture()
    box.run("rm -r /etc/debvisor")
    assert "--allow-empty" in host.cli("apply", "--yes", expect=4).stderr
    assert host.picture() == before
    assert host.json("list")[0]["state"] == "orphaned"
    assert box.run(["test", "-e", f"{UNITS}/debvisor-job-pending.timer"]).returncode == 0
