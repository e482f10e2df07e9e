# SPDX-License-Identifier: Apache-2.0
"""Sandboxes, secrets, umask, network, conditions and priorities, as real runs find them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import MessageId
from debvisor_timers.history.runs import assemble
from tests.box import Box
from tests.system.host import Host
from tests.unit.history.recorded import record

UNITS = [
    (preset, user) for preset in ("none", "standard", "strict") for user in ("root", "operator1")
]

PROBE = """\
#!/bin/sh
# Says of each thing whether this process can do it.
can() {
    name=$1; shift
    if "$@" >/dev/null 2>&1; then echo "can $name"; else echo "cannot $name"; fi
}
can usr touch /usr/probe-$1
can etc touch /etc/probe-$1
can srv touch /srv/open/probe-$1
can home test -e /home/alice/file
can tmp test -e /tmp/of-the-host
can mount mount -t tmpfs none /mnt
can escape touch /proc/1/root/srv/open/probe-$1
can setuid sh -c "cp /bin/true /var/tmp/suid-$1 && chmod u+s /var/tmp/suid-$1"
can namespace unshare --net true
can journal test -S /run/systemd/journal/stdout
echo "to stderr" >&2
"""

ALL = {"usr", "etc", "srv", "home", "tmp", "mount", "escape", "setuid", "namespace", "journal"}
ABILITIES = {
    ("none", "root"): ALL,
    ("standard", "root"): ALL - {"usr", "etc", "home", "setuid"},
    ("strict", "root"): {"journal"},
    ("none", "operator1"): {"srv", "home", "tmp", "setuid", "journal"},
    ("standard", "operator1"): {"srv", "tmp", "journal"},
    ("strict", "operator1"): {"journal"},
}

ODD = "/etc/creds/50%-of-\"x\"-'y':!"
CREDENTIALS = """\
  reads-token:
    user: operator1
    sandbox: strict
    umask: 0077
    credentials:
      token: /etc/creds/token
      odd: "/etc/creds/50%-of-\\"x\\"-'y':!"
    encrypted_credentials: {sealed: /etc/creds/sealed.cred}
    script: |
      cd "$CREDENTIALS_DIRECTORY"
      for name in token odd sealed; do echo "$name is $(cat $name)"; done
      echo "runs as $(id -un), $(stat -c %a token)"
      until test -e /run/go-on; do sleep 0.05; done
  no-credential: {credentials: {a: /etc/creds/none}, command: [/bin/true]}
  no-sealed: {encrypted_credentials: {a: /etc/creds/none}, command: [/bin/true]}
  other-name: {encrypted_credentials: {other: /etc/creds/sealed.cred}, command: [/bin/true]}
"""

OTHERS = """\
  masked:
    umask: "0027"
    script: |
      echo "umask $(umask)"
      rm -f /srv/masked
      touch /srv/masked
      stat -c 'file %a' /srv/masked
      stat -c 'run %a' /run/debvisor-timers/runs/masked
  alone:
    private_network: true
    user: operator1
    script: |
      echo "links $(tail -n +3 /proc/self/net/dev | cut -d: -f1 | tr -d ' \\n')"
      echo "to stderr" >&2
"""

UNMET = {
    "path_exists": "/none",
    "path_exists_glob": "/none/*",
    "path_is_directory": "/etc/hostname",
    "path_is_symbolic_link": "/etc/hostname",
    "path_is_mount_point": "/etc",
    "path_is_read_write": "'!/etc'",
    "path_is_encrypted": "/etc",
    "directory_not_empty": "/srv/empty",
    "file_not_empty": "/srv/empty-file",
    "file_is_executable": "/srv/empty-file",
    "ac_power": "false",
    "virtualization": "'!container'",
    "host": "'!*'",
    "architecture": "alpha",
    "kernel_command_line": "no-such-word",
    "memory": "'>= 900T'",
    "cpus": "9999",
    "memory_pressure": "'!100%'",
    "cpu_pressure": "'!100%/1min'",
    "io_pressure": "'!100%/10sec'",
}
MET = """\
  all-met:
    command: [/bin/true]
    conditions:
      path_exists: [/etc, "!/none", "/srv/100%"]
      path_exists_glob: /et?
      path_is_mount_point: ["|/proc", "|/none"]
      path_is_read_write: /etc
      directory_not_empty: /etc
      ac_power: true
      virtualization: container
      memory: 1M
      cpus: ">= 1"
      cpu_pressure: 100%/1min
"""

PRIORITIES: Mapping[str, Mapping[str, str]] = {
    "critical": {"weight": "1000", "nice": "-5", "io": "best-effort: prio 0", "oom": "0"},
    "high": {"weight": "300", "nice": "0", "io": "none: prio 0", "oom": "0"},
    "normal": {"weight": "100", "nice": "5", "io": "none: prio 0", "oom": "100"},
    "low": {"weight": "20", "nice": "15", "io": "idle", "oom": "500"},
}


def yaml() -> str:
    lines = ["jobs:"]
    for preset, user in UNITS:
        job = f"in-{preset}-{user}"
        lines += [f"  {job}: {{sandbox: {preset}, user: {user}, command: [/srv/probe, {job}]}}"]
    for key, value in UNMET.items():
        job = f"unmet-{key.replace('_', '-')}"
        lines += [f"  {job}: {{conditions: {{{key}: {value}}}, command: [/bin/false]}}"]
    for priority in PRIORITIES:
        script = f"nice; ionice; cat /proc/self/oom_score_adj; : {priority}"
        lines += [f"  of-{priority}: {{priority: {priority}, script: '{script}'}}"]
    due = "schedule: {on_calendar: '*:*:*'}, conditions: {path_exists: /none}"
    lines += [f"  due: {{{due}, command: [/bin/false]}}"]
    return "\n".join([*lines, CREDENTIALS + OTHERS + MET])


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """A host on which every job was started once, and all but one have ended."""
    box = module_box
    box.write("/srv/probe", PROBE, 0o755)
    box.write("/home/alice/file", "of alice\n")
    box.run("useradd --system operator1; useradd --system stranger")
    box.run("mkdir -m 1777 /srv/open; mkdir /srv/empty; touch /srv/empty-file /tmp/of-the-host")
    box.run(["touch", "/srv/100%"])
    box.write("/etc/creds/token", "of root", 0o600)
    box.write(ODD, "strange", 0o600)
    sealed = "systemd-creds encrypt --with-key=host --name=sealed - /etc/creds/sealed.cred"
    box.run(sealed, input="sealed by systemd")
    host = Host(box)
    host.apply(yaml())
    listed = host.json("list")
    jobs = [row["job"] for row in listed if row["job"] not in {"due", "reads-token"}]
    box.run(["systemctl", "start", "--no-block", "debvisor-job-reads-token"])
    box.run(["systemctl", "start", *[f"debvisor-job-{job}" for job in jobs]], check=False)
    return host


@pytest.fixture(scope="module")
def reasons(host: Host) -> Mapping[str, str]:
    """The reason of each run that was skipped, by job."""
    entries = host.records(f"MESSAGE_ID={MessageId.DONE}")
    runs = assemble(map(record, entries), current_boot=entries[0]["_BOOT_ID"])
    return {run.job: run.reason for run in runs if run.outcome is RunOutcome.SKIPPED}


def last(host: Host, job: str) -> dict[str, Any]:
    """Return the newest run of a job."""
    runs: list[dict[str, Any]] = host.json("history", job)
    return runs[0]


def printed(host: Host, job: str, priority: int = 6) -> list[str]:
    """Return the lines that a job's program printed with this priority."""
    found = host.records(f"SYSLOG_IDENTIFIER={job}", "_TRANSPORT=stdout", f"PRIORITY={priority}")
    return [str(record["MESSAGE"]) for record in found]


@pytest.mark.parametrize(("preset", "user"), UNITS)
def test_a_sandbox_forbids_what_it_says_and_the_run_is_recorded(
    host: Host, preset: str, user: str
) -> None:
    job = f"in-{preset}-{user}"

    lines = printed(host, job)

    assert {line.split()[1] for line in lines if line.startswith("can ")} == ABILITIES[preset, user]
    assert {line.split()[1] for line in lines} == ALL
    assert printed(host, job, priority=3) == ["to stderr"]
    run = last(host, job)
    assert (run["outcome"], run["exit_status"]) == ("succeeded", 0)
    assert run["cpu_seconds"] > 0


def test_a_stricter_sandbox_has_a_lower_score_which_nobody_needs_root_for(host: Host) -> None:
    shown = [
        json.loads(
            host.box.run(
                ["debvisor-timers", "show", f"in-{preset}-root", "--json"], user=user
            ).stdout
        )
        for preset, user in (("none", ""), ("standard", ""), ("strict", ""))
    ]
    scores = [document["exposure"]["score"] for document in shown]

    assert scores == sorted(scores, reverse=True)
    assert shown[0]["exposure"] == {"score": 9.6, "rating": "UNSAFE"}
    assert scores[1] < 8.5
    assert shown[2]["exposure"]["rating"] == "OK"
    assert scores[2] < 3.5
    host.box.run("usermod -a -G debvisor-timers,systemd-journal stranger")
    text = host.cli("show", "in-strict-root", user="stranger").stdout
    assert f"exposure  {scores[2]} OK" in text


def test_the_job_alone_reads_its_credentials_and_they_are_gone_after_it(host: Host) -> None:
    box, folder = host.box, "/run/credentials/debvisor-job-reads-token.service"
    box.wait_until(lambda: len(printed(host, "reads-token")) == 4, 20, "the job has read them")

    assert printed(host, "reads-token") == [
        *("token is of root", "odd is strange", "sealed is sealed by systemd"),
        "runs as operator1, 440",
    ]
    assert box.run(["cat", f"{folder}/token"], user="stranger", check=False).returncode != 0
    box.run("touch /run/go-on")
    (run,) = host.await_run("reads-token", "succeeded")
    assert run["exit_status"] == 0
    # The run is told before its unit is at rest.
    box.wait_until(f"! test -e {folder}", 10, "the credentials are gone")


@pytest.mark.parametrize("job", ["no-credential", "no-sealed", "other-name"])
def test_a_credential_that_cannot_be_had_is_a_failure_and_no_skip(host: Host, job: str) -> None:
    run = last(host, job)

    assert run["outcome"] == "failed"
    assert "243" in run["reason"]
    assert "credentials" in run["reason"]


def test_check_warns_of_credentials_that_are_missing(host: Host) -> None:
    said = host.cli("check").stderr + host.cli("check").stdout

    assert "warning: credentials.a: '/etc/creds/none' does not exist on this host" in said
    assert "/etc/creds/token" not in said


def test_the_umask_is_that_of_the_job_alone(host: Host) -> None:
    assert printed(host, "masked") == ["umask 0027", "file 640", "run 644"]
    state = host.box.run("stat -c %a /var/lib/debvisor-timers/last/masked").stdout
    assert state == "644\n"
    assert last(host, "masked")["outcome"] == "succeeded"


def test_a_private_network_has_the_loopback_alone_and_the_run_is_recorded(host: Host) -> None:
    assert printed(host, "alone") == ["links lo"]
    assert printed(host, "alone", priority=3) == ["to stderr"]
    assert last(host, "alone")["outcome"] == "succeeded"


@pytest.mark.parametrize("key", UNMET)
def test_a_condition_that_is_not_met_is_a_skip_that_names_it(
    reasons: Mapping[str, str], key: str
) -> None:
    reason = reasons[f"unmet-{key.replace('_', '-')}"]

    written = UNMET[key].strip("'")
    directive = reason.removesuffix(f"={written} is not met")
    assert directive.removeprefix("Condition").lower() == key.replace("_", "")


def test_a_run_whose_conditions_are_all_met_is_no_skip(host: Host) -> None:
    assert last(host, "all-met")["outcome"] == "succeeded"


def test_skips_of_a_timer_are_recorded_and_no_failure(host: Host) -> None:
    run = host.await_run("due", "skipped", count=2)[0]

    assert run["reason"] == "ConditionPathExists=/none is not met"
    failed = host.box.run("systemctl --failed --plain --no-legend").stdout
    assert "debvisor-job-due" not in failed
    assert "unmet" not in failed


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_priority_is_a_slice_and_what_its_processes_have(host: Host, priority: str) -> None:
    expected = PRIORITIES[priority]

    unit = host.show(f"debvisor-job-of-{priority}.service", "Slice")
    above = host.show(unit["Slice"], "Slice", "CPUWeight")
    weights = host.show(f"debvisor-{priority}.slice", "CPUWeight", "IOWeight", "Slice")

    assert unit["Slice"].startswith(f"debvisor-{priority}-")
    assert above == {"Slice": f"debvisor-{priority}.slice", "CPUWeight": "[not set]"}
    assert weights == {
        "CPUWeight": expected["weight"],
        "IOWeight": expected["weight"],
        "Slice": "debvisor.slice",
    }
    assert printed(host, f"of-{priority}") == [expected["nice"], expected["io"], expected["oom"]]


def test_jobs_yield_to_virtual_machines_and_services(host: Host) -> None:
    """The weight of a slice that sets none is 100."""
    ours = host.show("debvisor.slice", "CPUWeight", "IOWeight", "Slice")

    assert ours == {"CPUWeight": "20", "IOWeight": "20", "Slice": "-.slice"}
    for other in ("machine.slice", "system.slice"):
        assert host.show(other, "CPUWeight", "Slice") == {
            "CPUWeight": "[not set]",
            "Slice": "-.slice",
        }
