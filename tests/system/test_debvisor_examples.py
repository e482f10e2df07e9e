# SPDX-License-Identifier: Apache-2.0
"""The four jobs that replace DebVisor's own timers: what systemd makes of them, and their runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Bind, Box, Layer
from tests.box.places import CHECKOUT
from tests.system.host import JOBS, Host

MIB = 1024 * 1024
CALENDARS = {
    "ceph-health": "*-*-* *:00:00",
    "zfs-scrub-weekly": "Sun *-*-* 02:00:00",
    "debvisor-backup": "*-*-* 00:00:00",
    "tsig-rotate": "*-*-01 00:00:00",
}
BOOT_SECONDS = {"ceph-health": 5 * 60, "zfs-scrub-weekly": 10 * 60}

CEPH = '#!/bin/sh\n[ "$*" = -s ] || exit 64\ncat /etc/ceph/answer\n'
ZPOOL = """\
#!/bin/sh
case $1 in
    list) printf 'all-a\\nall-b\\n' ;;
    *) echo "zpool $*" ;;
esac
"""
ROTATION = "#!/bin/sh\nid -un\n! touch /usr/local/bin/x 2>/dev/null && echo read-only\n"


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A host with what the jobs need, and the four jobs applied."""
    examples = Bind(source=CHECKOUT / "examples/debvisor", target="/srv/examples")
    with Box.boot(installed, binds=[examples]) as box:
        box.write("/usr/local/bin/ceph", CEPH, 0o755)
        box.write("/usr/local/bin/zpool", ZPOOL, 0o755)
        box.write("/etc/ceph/answer", "health: HEALTH_OK\n")
        box.write("/opt/services/backup_manager.py", "import sys\nprint(sys.argv[1:])\n")
        box.run("mkdir -p /var/lib/ceph /var/log/ceph /var/run/ceph")
        box.run("useradd --system --no-create-home tsig-rotator")
        box.run(f"cp /srv/examples/*.yaml {JOBS}")
        host = Host(box)
        host.apply()
        yield host


def effective(host: Host, job: str, *names: str) -> dict[str, str]:
    return host.show(f"debvisor-job-{job}.service", *names)


def run(host: Host, job: str, *, expect: int = 0) -> tuple[str, list[str]]:
    """Run a job; return its outcome and what its program wrote."""
    host.watch()
    host.cli("run", job, "--wait", expect=expect)
    newest = host.json("history", job, "--limit", "1")[0]
    records = host.records(f"_SYSTEMD_UNIT=debvisor-job-{job}.service", "_TRANSPORT=stdout")
    return newest["outcome"], [str(record["MESSAGE"]) for record in records]


def test_all_four_are_applied_and_wait(host: Host) -> None:
    assert host.running_timers() == sorted(f"debvisor-job-{job}.timer" for job in CALENDARS)
    assert host.cli("check").returncode == 0
    assert host.plan_is_empty()
    assert host.started() == []


@pytest.mark.parametrize("job", CALENDARS)
def test_the_schedule_is_the_one_of_the_timer_that_it_replaces(host: Host, job: str) -> None:
    shown = host.show(f"debvisor-job-{job}.timer", "TimersCalendar", "Persistent", "AccuracyUSec")
    assert f"OnCalendar={CALENDARS[job]} ;" in shown["TimersCalendar"]
    assert (shown["Persistent"], shown["AccuracyUSec"]) == ("yes", "1s")
    listed = {row["job"]: row for row in host.json("list")}
    assert listed[job]["state"] == "scheduled"


@pytest.mark.parametrize("job", BOOT_SECONDS)
def test_two_of_them_run_after_a_boot_too(host: Host, job: str) -> None:
    shown = host.box.run(
        "busctl get-property org.freedesktop.systemd1 $(busctl --json=short call"
        " org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
        f" LoadUnit s debvisor-boot-{job}.timer | sed 's/.*\\(\\/org[^\"]*\\).*/\\1/')"
        " org.freedesktop.systemd1.Timer TimersMonotonic"
    ).stdout
    assert shown.startswith(f'a(stt) 1 "OnBootUSec" {BOOT_SECONDS[job] * 1_000_000} ')
    enabled = host.box.run(["systemctl", "is-enabled", f"debvisor-boot-{job}.timer"])
    assert enabled.stdout == "enabled\n"


def test_ceph_health_is_in_its_sandbox(host: Host) -> None:
    wanted = {
        "ProtectSystem": "strict",
        "ReadWritePaths": "/var/lib/ceph /var/log/ceph /var/run/ceph",
        "ReadOnlyPaths": "/etc/ceph",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
        "PrivateDevices": "yes",
        "RestrictRealtime": "yes",
        "LockPersonality": "yes",
        "MemoryMax": str(128 * MIB),
        "CPUQuotaPerSecUSec": "2s",
        "TasksMax": "64",
        "SyslogIdentifier": "ceph-health",
        "User": "",
        "TimeoutStartUSec": "2min",
    }
    assert effective(host, "ceph-health", *wanted) == wanted
    # systemctl shows the namespaces that are allowed: none.
    assert effective(host, "ceph-health", "RestrictNamespaces") in (
        {"RestrictNamespaces": "yes"},
        {"RestrictNamespaces": ""},
    )
    needs = effective(host, "ceph-health", "Requires", "After")
    assert "network-online.target" in needs["Requires"].split()
    assert "network-online.target" in needs["After"].split()


def test_zfs_scrub_has_its_limits_and_order(host: Host) -> None:
    wanted = {
        "TimeoutStartUSec": "2h",
        "MemoryMax": str(1024 * MIB),
        "CPUQuotaPerSecUSec": "3s",
        "TasksMax": "256",
        "EnvironmentFiles": "/etc/default/debvisor-zfs-scrub (ignore_errors=yes)",
    }
    assert effective(host, "zfs-scrub-weekly", *wanted) == wanted
    assert "zfs-mount.service" in effective(host, "zfs-scrub-weekly", "After")["After"].split()


def test_tsig_rotate_is_its_own_user_behind_its_sandbox(host: Host) -> None:
    wanted = {
        "User": "tsig-rotator",
        "ProtectSystem": "full",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
    }
    assert effective(host, "tsig-rotate", *wanted) == wanted


def test_the_backup_runs_its_command_as_it_stands(host: Host) -> None:
    assert run(host, "debvisor-backup") == ("succeeded", ["['--run-all']"])
    shown = effective(host, "debvisor-backup", "ExecStart")["ExecStart"]
    assert "/usr/bin/python3 /opt/services/backup_manager.py --run-all" in shown


def test_ceph_health_fails_when_the_cluster_is_not_well(host: Host) -> None:
    assert run(host, "ceph-health") == ("succeeded", ["health: HEALTH_OK"])

    host.box.write("/etc/ceph/answer", "health: HEALTH_WARN\n")
    outcome, lines = run(host, "ceph-health", expect=5)
    assert outcome == "failed"
    assert sorted(lines) == ["health: HEALTH_WARN", "the cluster is not HEALTH_OK"]
    errors = host.records("SYSLOG_IDENTIFIER=ceph-health", "PRIORITY=3", "_TRANSPORT=stdout")
    assert [record["MESSAGE"] for record in errors] == ["the cluster is not HEALTH_OK"]

    host.box.run(["rm", "/etc/ceph/answer"])
    assert run(host, "ceph-health", expect=5)[0] == "failed"


def test_zfs_scrub_takes_its_pools_from_the_environment_file(host: Host) -> None:
    assert run(host, "zfs-scrub-weekly") == (
        "succeeded",
        ["zpool scrub -w all-a", "zpool scrub -w all-b"],
    )
    host.box.write("/etc/default/debvisor-zfs-scrub", 'ZFS_POOL_LIST="tank rpool"\n')
    assert run(host, "zfs-scrub-weekly") == (
        "succeeded",
        ["zpool scrub -w tank", "zpool scrub -w rpool"],
    )


def test_tsig_rotate_is_skipped_without_its_script_and_runs_with_it(host: Host) -> None:
    script = "/usr/local/bin/run-tsig-rotation.sh"
    assert run(host, "tsig-rotate") == ("skipped", [])
    host.box.write(script, ROTATION, 0o644)
    assert run(host, "tsig-rotate") == ("skipped", [])
    status = host.box.run(["debvisor-timers", "status"], check=False).stdout
    assert "tsig-rotate" not in status

    host.box.run(["chmod", "755", script])

    assert run(host, "tsig-rotate") == ("succeeded", ["tsig-rotator", "read-only"])
