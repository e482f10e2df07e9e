# SPDX-License-Identifier: Apache-2.0
"""What a run printed on which stream, its log and all that is known of it, on a real journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system.host import Host

SPEAK = r"""#!/bin/sh
echo out
echo err >&2
echo '<3>out as an error'
echo '<6>err as information' >&2
echo '<5>err as a notice' >&2
printf 'two\nlines\n'
printf 'bytes \377\376 \303\251\n'
printf 'nul \000 inside\n' >&2
printf '\033[31mred\t\n'
echo "    indented" >&2
echo unit | systemd-cat -t other
echo lie | logger -t lies
printf 'no end' >&2
printf 'without end'
exit ${1:-0}
"""
STDOUT = [
    "out",
    "out as an error",
    "two",
    "lines",
    "bytes \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} é",
    "\033[31mred",  # journald stores no space at the end of a line
    "without end",
]
STDERR = [
    "err",
    "err as information",
    "err as a notice",
    "nul",
    " inside",
    "    indented",
    "no end",
]
JOBS = """\
jobs:
  speaks: {command: [/usr/local/bin/speak]}
  speaks-as-nobody: {user: nobody, sandbox: strict, command: [/usr/local/bin/speak]}
  again:
    command: [/usr/local/bin/speak, '7']
    retries: {max: 1, delay: 100ms}
  silent: {command: [/bin/true]}
  gone: {script: "echo still there; echo gone >&2"}
  watched: {script: "echo seen; sleep 300", timeout: 10min}
  lost: {command: [/nonexistent/program]}
  long: {script: "head -c 60000 /dev/zero | tr '\\\\0' x"}
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box in which each job has run."""
    with Box.boot(installed) as box:
        host = Host(box)
        box.write("/usr/local/bin/speak", SPEAK, 0o755)
        host.apply(JOBS)
        for job in "speaks", "speaks-as-nobody", "again", "silent", "gone", "lost", "long":
            box.run(["debvisor-timers", "run", "--wait", job], check=False)
        box.run(["journalctl", "--sync"])
        yield host


def newest(host: Host, job: str) -> str:
    run: str = host.json("history", job, "--limit=1")[0]["run"]
    return run


def shown(host: Host, job: str) -> Any:
    return host.json("show", job, "--run", newest(host, job))


def lines(text: str) -> list[str]:
    return text.split("\n")


@pytest.mark.parametrize("job", ["speaks", "speaks-as-nobody"])
def test_each_stream_has_its_lines_whatever_is_in_them(host: Host, job: str) -> None:
    document = shown(host, job)
    assert lines(document["stdout"]) == STDOUT
    assert lines(document["stderr"]) == STDERR
    assert document["truncated"] is False


def test_all_attempts_have_printed(host: Host) -> None:
    document = shown(host, "again")
    assert (document["attempts"], document["outcome"]) == (2, "failed")
    assert document["stdout"].count("out\n") == 2
    assert document["stderr"].count("err\n") == 2
    assert len(document["invocations"]) == 2


def test_a_program_that_cannot_start_is_told_on_standard_error(host: Host) -> None:
    document = shown(host, "lost")
    assert document["stdout"] == ""
    assert document["stderr"].startswith("debvisor-timers: cannot execute /nonexistent/program")


def test_a_run_that_printed_nothing(host: Host) -> None:
    document = shown(host, "silent")
    assert (document["stdout"], document["stderr"], document["truncated"]) == ("", "", False)


def test_a_line_that_is_too_long_for_a_record_is_put_together(host: Host) -> None:
    document = shown(host, "long")
    assert (document["stdout"], document["truncated"]) == ("x" * 60_000, False)


def test_people_see_no_byte_that_moves_their_terminal(host: Host) -> None:
    said = host.cli("show", "speaks", "--run", newest(host, "speaks")).stdout
    assert "\\x1b[31mred" in said
    assert "\033" not in said
    assert "     trigger  manual by root\n" in said


def log(host: Host, *arguments: str, expect: int = 0) -> list[str]:
    """Return the messages of `logs` with these arguments."""
    done = host.cli("logs", "--json", *arguments, expect=expect).stdout
    return [str(json.loads(line).get("MESSAGE")) for line in done.splitlines()]


def test_the_log_of_a_run_is_what_it_printed_and_what_systemd_said(host: Host) -> None:
    first = newest(host, "speaks")
    host.box.run("debvisor-timers run --wait speaks")
    second = newest(host, "speaks")
    found = log(host, "speaks", "--run", first)
    assert found.count("out") == 1
    assert found[0].startswith("Starting debvisor-job-speaks.service")
    assert found[-1].startswith("Finished debvisor-job-speaks.service")
    assert sum(f"Run {first}" in line for line in found) == 2
    assert not any(second in line for line in found)
    assert any(second in line for line in log(host, "speaks", "--last"))


def test_the_log_of_all_attempts_is_one(host: Host) -> None:
    for found in (log(host, "again", "--failed"), log(host, "again", "--last")):
        assert found.count("out") == 2
        assert found[0].startswith("Starting")
        assert "debvisor-job-again.service: Failed with result 'exit-code'." in found


def test_standard_error_alone(host: Host) -> None:
    for arguments in (["again", "--last"], ["again"]):
        found = log(host, *arguments, "--stderr")
        assert found.count("err") == 2
        assert "err as information" in found
        assert "out" not in found
        assert not any(line.startswith(("Starting", "Run ")) for line in found)
    assert log(host, "silent", "--last", "--stderr") == []


def test_a_job_that_is_gone_and_another_boot(host: Host) -> None:
    host.apply(JOBS.replace("  gone: ", "  other: "))
    assert "still there" in log(host, "gone", "--last")
    assert log(host, "gone", "--stderr") == ["gone"]
    run = newest(host, "gone")
    host.box.reboot()
    host.box.run("debvisor-timers run --wait other")
    assert "still there" in log(host, "gone", "--run", run[:-2])
    assert host.json("show", "gone", "--run", run)["stderr"] == "gone\n"


def test_a_run_that_begin_never_named(host: Host) -> None:
    program = "/usr/libexec/debvisor-timers/begin"
    host.box.run(f"mv {program} {program}.away")
    try:
        host.box.run("systemctl start debvisor-job-silent.service", check=False)
    finally:
        host.box.run(f"mv {program}.away {program}")
    run = newest(host, "silent")
    found = log(host, "silent", "--run", run)
    assert found[0].startswith("Starting debvisor-job-silent.service")
    assert any("Failed with result 'exit-code'" in line for line in found)


def test_all_jobs_at_once(host: Host) -> None:
    found = log(host, "--all", "--lines=10000")
    assert "out" in found
    assert any(line.startswith("Finished debvisor-job-speaks") for line in found)
    assert any(line.startswith("Run ") for line in found)
    assert not any("Started systemd-journald" in line for line in found)
    assert "err" in log(host, "--all", "--stderr", "--lines=10000")


def test_a_run_under_way_is_followed(host: Host) -> None:
    box = host.box
    host.cli("run", "watched")
    box.wait_until(lambda: "seen" in log(host, "watched", "--last"), 20, "it runs")
    for file, arguments in ("followed", "watched --last -f"), ("all", "-f --all"):
        unit = f"--unit=follow-{file} --property=StandardOutput=file:/root/{file}"
        box.run(f"systemd-run {unit} debvisor-timers logs {arguments}")
    box.wait_until("grep -q seen /root/followed && grep -q seen /root/all", 20, "what there was")
    box.run("debvisor-timers stop watched")
    for file in "followed", "all":
        box.wait_until(f"grep -q 'Stopped debvisor-job-watched' /root/{file}", 20, "what comes")
    box.run("systemctl stop follow-followed follow-all")
    refused = host.cli("logs", "watched", "--last", "-f", expect=2).stderr
    assert "is over, nothing more will come of it" in refused


def test_where_journald_drops_what_a_job_prints_its_run_is_told_all_the_same(host: Host) -> None:
    box = host.box
    limit = "[Journal]\nRateLimitIntervalSec=1h\nRateLimitBurst=100\n"
    box.write("/etc/systemd/journald.conf.d/limit.conf", limit)
    box.run("systemctl restart systemd-journald")
    host.apply("jobs:\n  flood: {script: 'seq 100000'}\n  drown: {script: 'seq 100000; exit 5'}\n")
    host.cli("run", "--wait", "flood")
    host.cli("run", "--wait", "drown", expect=5)
    box.run("rm /etc/systemd/journald.conf.d/limit.conf; systemctl restart systemd-journald")
    for job, words in ("flood", "succeeded"), ("drown", "failed (exit status 5)"):
        (run,) = host.json("history", job)
        assert (run["trigger"], run["by"], run["attempts"]) == ("manual", "root", 1)
        assert words in host.cli("history", job).stdout
        assert host.json("show", job, "--run", run["run"])["stdout"] != ""
