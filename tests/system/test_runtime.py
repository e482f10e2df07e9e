# SPDX-License-Identifier: Apache-2.0
"""begin, run and end inside real units: how runs end, what the program is given, what is noted."""

from __future__ import annotations

import pytest

from tests.box import Box
from tests.system.handmade import (
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

ENDS = {
    "ok": ("/bin/true", [], "succeeded", 0),
    "bare-name": ("true", [], "succeeded", 0),
    "three": ("/bin/sh -c 'exit 3'", [], "failed (exit status 3)", 3),
    "killed": ("/bin/sh -c 'kill -KILL $$$$'", [], "failed (killed by SIGKILL)", None),
    "timeout": ("/bin/sleep 1000", ["TimeoutStartSec=8"], "timed out", None),
    "sandbox": ("/bin/true", STRICT, "succeeded", 0),
    "no-unix": ("/bin/true", ["RestrictAddressFamilies=AF_INET"], "succeeded", 0),
    "delegate": ("/bin/true", ["Delegate=yes"], "succeeded", 0),
    "closes": ("/bin/bash -c 'exec 0<&- 1>&- 2>&-; exit 4'", [], "failed (exit status 4)", 4),
    "removes": ("/bin/sh -c 'rmdir $PWD'", ["WorkingDirectory=-/opt/gone"], "succeeded", 0),
}
NOWHERE = "failed (exit status 200: its working directory)"
CANNOT = "failed (exit status 203: its program cannot be executed)"
COMPLAINTS = {
    "missing": ("/nonexistent/x", "there is no such program; fix: install it"),
    "missing-bare": ("no-such-program", "there is no such program; fix: install it"),
    "folder": ("/etc", "it is a folder; fix: name a program in it"),
    "plain-file": ("/root/plain", "may not execute it; fix: chmod a+x"),
    "no-shebang": ("/root/no-shebang", "it is no program of this machine"),
    "no-interpreter": ("/root/no-interpreter", "the interpreter that it names is missing"),
}
BAD_UNITS = {
    "bad-user": ("User=no-such-user", "begin: exit status 217: its user"),
    "bad-mount": ("ReadWritePaths=/none", "begin: exit status 226: its mounts or sandbox paths"),
    "bad-credential": ("LoadCredential=a:/none", "begin: exit status 243: its credentials"),
    "bad-environment": ("EnvironmentFile=/none", "systemd could not prepare it"),
}


@pytest.fixture(scope="module")
def ended(module_box: Box) -> Box:
    """A box in which every job of the tables above was started once, and has ended."""
    box = module_box
    box.run("mkdir -p /opt/gone")
    box.write("/root/plain", "#!/bin/sh\n", 0o644)
    box.write("/root/no-shebang", "exit 0\n", 0o755)
    box.write("/root/no-interpreter", "#!/nonexistent/sh\n", 0o755)
    for job, (command, service, _, _) in ENDS.items():
        write(box, job, command, service)
    for job, (program, _) in COMPLAINTS.items():
        write(box, job, f"{program} argument")
    for job, (line, _) in BAD_UNITS.items():
        write(box, job, "/bin/true", [line])
    write(box, "nowhere", "/bin/touch ran", ["WorkingDirectory=-/opt/nowhere"])
    box.run(["systemctl", "daemon-reload"])
    units = [f"debvisor-job-{job}" for job in (*ENDS, *COMPLAINTS, *BAD_UNITS, "nowhere")]
    box.run(["systemctl", "start", *units], check=False)
    return box


@pytest.mark.parametrize("job", ENDS)
def test_a_run_ends_as_its_program_does(ended: Box, job: str) -> None:
    _, _, words, exit_status = ENDS[job]
    (run,) = runs(ended, job)
    assert (run.outcome_words, run.exit_status) == (words, exit_status)
    assert (run.generation, str(run.trigger), run.attempts) == (7, "manual", 1)
    assert run.cpu is not None
    assert (last(ended, job).outcome_words, last(ended, job).id) == (words, run.id)
    failed = ended.run(["systemctl", "is-failed", f"debvisor-job-{job}"], check=False).stdout
    assert (failed != "failed\n") == (words == "succeeded")


def test_no_trace_of_a_run_that_has_ended_is_left_in_run(ended: Box) -> None:
    assert ended.run("ls -A /run/debvisor-timers/runs").stdout == ""


@pytest.mark.parametrize("job", COMPLAINTS)
def test_a_program_that_cannot_be_executed_is_a_203_that_says_why(ended: Box, job: str) -> None:
    program, complaint = COMPLAINTS[job]
    assert runs(ended, job)[0].outcome_words == CANNOT
    (message,) = printed(ended, job, priority=3)
    assert message.startswith(f"debvisor-timers: cannot execute {program} (job {job}, /etc/")
    assert "/etc/debvisor/timers/jobs.d/t.yaml:3" in message
    assert complaint in message


def test_a_working_directory_that_is_missing_is_a_200_that_says_why(ended: Box) -> None:
    assert runs(ended, "nowhere")[0].outcome_words == NOWHERE
    (message,) = printed(ended, "nowhere", priority=3)
    assert message.startswith("debvisor-timers: cannot change to /opt/nowhere: No such file")
    assert ended.run("test -e /ran", check=False).returncode == 1


@pytest.mark.parametrize("job", BAD_UNITS)
def test_a_unit_that_cannot_be_set_up_is_a_failed_run(ended: Box, job: str) -> None:
    (run,) = runs(ended, job)
    assert run.outcome_words == f"failed ({BAD_UNITS[job][1]})"


@pytest.mark.parametrize(
    ("job", "text"),
    [
        ("begin-fails", "#!/bin/sh\nexit 1\n"),
        ("begin-raises", "#!/usr/bin/python3 -IS\nimport no_such_module\n"),
        ("begin-lacks-python", "#!/usr/bin/python3.0 -IS\n"),
        ("begin-is-empty", ""),
    ],
)
def test_a_broken_begin_fails_the_run_aloud_and_never_skips_it(
    module_box: Box, job: str, text: str
) -> None:
    put(module_box, job, f"/bin/touch /root/{job}-ran")
    with replaced(module_box, "begin", text):
        assert start(module_box, job) == 1
    assert module_box.run(f"test -e /root/{job}-ran", check=False).returncode == 1
    assert module_box.run(f"systemctl is-failed debvisor-job-{job}").stdout == "failed\n"
    (run,) = runs(module_box, job)
    assert run.outcome_words.startswith("failed (begin: exit status ")
    assert last(module_box, job).outcome == "failed"


def test_begin_refuses_a_folder_that_others_may_write_in(module_box: Box) -> None:
    put(module_box, "open-folder", "/bin/true")
    module_box.run("mkdir -p /run/debvisor-timers/runs && chmod o+w /run/debvisor-timers/runs")
    try:
        assert start(module_box, "open-folder") == 1
    finally:
        module_box.run("chmod o-w /run/debvisor-timers/runs")
    assert "fix: chmod go-w /run/debvisor-timers/runs" in said(module_box, "open-folder")


def test_an_end_that_cannot_write_the_result_fails_the_unit_and_still_records_it(
    module_box: Box,
) -> None:
    put(module_box, "no-state", "/bin/true")
    module_box.run("mkdir -p /var/lib/debvisor-timers/last/no-state")
    try:
        assert start(module_box, "no-state") == 1
    finally:
        module_box.run("rmdir /var/lib/debvisor-timers/last/no-state")
    assert "its result is not on disk" in said(module_box, "no-state")
    (run,) = runs(module_box, "no-state")
    assert (run.outcome_words, run.exit_status) == ("failed (end: exit status 1)", 0)


@pytest.mark.parametrize(
    ("job", "command"),
    [
        ("stop", "/bin/sleep 1000"),
        ("stop-caught", "/bin/sh -c 'trap \"exit 0\" TERM; touch /root/ready; sleep 1000 & wait'"),
    ],
)
def test_a_stop_by_hand_is_told_from_a_signal_and_from_success(
    module_box: Box, job: str, command: str
) -> None:
    box = module_box
    put(box, job, command)
    box.run(["systemctl", "start", "--no-block", f"debvisor-job-{job}"])
    box.wait_until("pgrep -fx 'sleep 1000|/bin/sleep 1000'", 20)
    box.run(["systemctl", "stop", f"debvisor-job-{job}"])
    (run,) = runs(box, job)
    assert run.outcome == "stopped"
    assert last(box, job).outcome == "stopped"


def test_standard_error_is_kept_apart_and_belongs_to_the_job(module_box: Box) -> None:
    box = module_box
    script = "'echo out; echo err >&2; echo out again; echo \"<5>notice\" >&2'"
    for job, service in ("apart", ["User=daemon"]), ("apart-strict", STRICT):
        put(box, job, f"/bin/sh -c {script}", service)
        assert start(box, job) == 0
        found = entries(box, f"SYSLOG_IDENTIFIER={job}", "_TRANSPORT=stdout")
        assert sorted((str(e["PRIORITY"]), str(e["MESSAGE"])) for e in found) == [
            ("3", "err"),
            ("5", "notice"),
            ("6", "out"),
            ("6", "out again"),
        ]
        assert {str(e["_SYSTEMD_UNIT"]) for e in found} == {f"debvisor-job-{job}.service"}
        assert {str(e["DEBVISOR_JOB"]) for e in found} == {job}


def test_standard_error_that_the_administrator_redirected_stays_there(module_box: Box) -> None:
    put(module_box, "to-file", "/bin/sh -c 'echo err >&2'", ["StandardError=append:/root/err"])
    assert start(module_box, "to-file") == 0
    assert module_box.read("/root/err") == "err\n"
    assert printed(module_box, "to-file", priority=3) == []


def test_the_program_gets_its_arguments_and_environment_byte_for_byte(module_box: Box) -> None:
    box = module_box
    script = '#!/bin/sh\nprintf %s "$1" | od -An -tx1\ncat /proc/self/environ > /root/environ\n'
    box.write("/root/show", script, 0o755)
    # Without LANG the locale is C, where CPython would add LC_CTYPE.
    service = [r'Environment="ODD=\ta=é\n"', "UnsetEnvironment=LANG"]
    put(box, "bytes", r'/root/show "a\xff\xc3\n"', service)
    assert start(box, "bytes") == 0
    assert printed(box, "bytes") == [" 61 ff c3 0a"]
    environment = (box.path / "root/environ").read_bytes().split(b"\0")
    assert "ODD=\ta=é\n".encode() in environment
    names = {entry.partition(b"=")[0] for entry in environment if entry}
    ours = {"DEBVISOR_JOB", "DEBVISOR_RUN_ID", "DEBVISOR_TRIGGER", "DEBVISOR_ATTEMPT"}
    theirs = {"ODD", "PATH", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"}
    assert ours | theirs <= {name.decode() for name in names}
    assert b"LC_CTYPE" not in names


NPTL_SIGNALS = 0b11 << 31
"""32 and 33 are glibc's own: what posix_spawn(3) of an ancestor (make) did to them stays."""


@pytest.mark.parametrize(
    ("job", "service", "ignored"),
    [("signals", [], "0000000000001000"), ("sigpipe", ["IgnoreSIGPIPE=no"], "0000000000000000")],
)
def test_the_program_gets_the_signals_and_descriptors_that_systemd_gave(
    module_box: Box, job: str, service: list[str], ignored: str
) -> None:
    put(
        module_box, job, "/bin/sh -c 'grep SigIgn /proc/self/status; echo /proc/self/fd/*'", service
    )
    assert start(module_box, job) == 0
    signals, descriptors = printed(module_box, job)
    name, _, mask = signals.partition("\t")
    assert (name, int(mask, 16) & ~NPTL_SIGNALS) == ("SigIgn:", int(ignored, 16))
    # The shell opens the fourth itself, to list the folder.
    assert descriptors == "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3"


def test_a_timer_a_boot_timer_and_a_person_are_told_apart(module_box: Box) -> None:
    box = module_box
    put(box, "by-timer", "/bin/sh -c 'echo $DEBVISOR_TRIGGER $DEBVISOR_SCHEDULED_FOR'")
    put(box, "by-boot", "/bin/true")
    put(box, "by-hand", "/bin/true")
    box.write(
        "/etc/systemd/system/debvisor-job-by-timer.timer",
        "[Timer]\nOnCalendar=*:*:*\nAccuracySec=1s\n",
    )
    boot = "[Timer]\nOnBootSec=1\nUnit=debvisor-job-by-boot.service\n"
    box.write("/etc/systemd/system/debvisor-boot-by-boot.timer", boot)
    for timer, job in ("debvisor-job-by-timer", "by-timer"), ("debvisor-boot-by-boot", "by-boot"):
        box.run(["systemctl", "start", f"{timer}.timer"])
        box.wait_until(f"test -e /var/lib/debvisor-timers/last/{job}", 20)
        box.run(["systemctl", "stop", f"{timer}.timer"])
    now = box.run("date +%s%6N").stdout.strip()
    request = f'{{"uid": 0, "user": "alice", "login_uid": 1000, "requested_usec": {now}}}'
    box.run(
        f"mkdir -p /run/debvisor-timers/requests; echo '{request}'"
        " > /run/debvisor-timers/requests/by-hand.json"
    )
    start(box, "by-hand")
    start(box, "by-hand")
    again, by_hand = runs(box, "by-hand")
    assert [(str(r.trigger), r.by) for r in (by_hand, again)] == [
        ("manual", "alice"),
        ("manual", ""),
    ]
    assert str(runs(box, "by-boot")[-1].trigger) == "boot"
    by_timer = runs(box, "by-timer")[-1]
    assert str(by_timer.trigger) == "timer"
    assert by_timer.scheduled_for is not None
    assert printed(box, "by-timer")[0] == f"timer {by_timer.scheduled_for:%Y-%m-%dT%H:%M:%SZ}"


def test_a_condition_that_is_not_met_is_a_skip_and_hides_no_result(module_box: Box) -> None:
    box = module_box
    put(box, "conditional", "/bin/false")
    start(box, "conditional")
    failed = last(box, "conditional")
    put(box, "conditional", "/bin/false", ["ExecCondition=/bin/false"])
    assert start(box, "conditional") == 0
    put(box, "conditional", "/bin/false", unit=["ConditionPathExists=/none"])
    assert start(box, "conditional") == 0
    found = runs(box, "conditional")
    assert [str(run.outcome) for run in found] == ["skipped", "skipped", "failed"]
    assert last(box, "conditional") == failed


def test_a_job_that_is_not_root_can_forge_nothing(module_box: Box) -> None:
    box = module_box
    end = "ec5c7d712daf4bf4a90b07764211903e"
    box.write(
        "/root/forge",
        "#!/bin/sh\n"
        f"printf 'MESSAGE=lie\\nMESSAGE_ID={end}\\nDEBVISOR_JOB=forger\\nDEBVISOR_RESULT=success\\n"
        "DEBVISOR_FINAL=1\\nDEBVISOR_RUN_ID=lie\\nDEBVISOR_INVOCATION_ID=%s\\n' $INVOCATION_ID"
        " | logger --journald\n"
        "echo DEBVISOR_RUN_ID=lie > /run/debvisor-timers/runs/forger\n"
        "echo lie > /var/lib/debvisor-timers/last/forger\n"
        "exit 5\n",
        0o755,
    )
    box.run("install -m 755 /root/forge /usr/local/bin/forge")
    put(box, "forger", "/usr/local/bin/forge", ["User=daemon"])
    assert start(box, "forger") == 1
    (run,) = runs(box, "forger")
    assert run.outcome_words == "failed (exit status 5)"
    assert run.id != "lie"
    assert last(box, "forger").id == run.id
    assert entries(box, "DEBVISOR_RUN_ID=lie") != [], "the lie itself must have reached the journal"
