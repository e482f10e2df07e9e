# SPDX-License-Identifier: Apache-2.0
"""doctor on a real Debian: well as the package leaves it, and what it prints as the fix is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import JOBS, STATE, TARGET, Host

LIBEXEC = "/usr/libexec/debvisor-timers"
MAINTAIN = "debvisor-timers-maintain.timer"
RECOVER = "debvisor-timers-recover.service"
BREAK = f"""
systemctl disable --now {MAINTAIN} {RECOVER} 2>/dev/null
systemctl stop {MAINTAIN}
chmod o+w {JOBS}
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\\nStorage=volatile\\nRateLimitBurst=10\\n' \\
    >/etc/systemd/journald.conf.d/50-site.conf
echo no database >{STATE}/history.sqlite
echo '{{}}' >{STATE}/audit.json
"""
MENDABLE = {
    ("units", f"systemctl enable {RECOVER}"),
    ("units", f"systemctl start {MAINTAIN}"),
    ("permissions", f"chown root {JOBS} && chmod go-w {JOBS}"),
    ("audit", f"mv {STATE}/audit.json {STATE}/audit.json.broken"),
    ("index", f"mv {STATE}/history.sqlite {STATE}/history.sqlite.damaged"),
    ("journal", "mkdir -p /etc/systemd/journald.conf.d"),
    ("journal rate", "mkdir -p /etc/systemd/journald.conf.d"),
}


@pytest.fixture
def host(module_box: Box) -> Host:
    return Host(module_box)


def amiss(host: Host, user: str = "") -> list[dict[str, Any]]:
    """Return what is not well; not of the clock, which is that of the machine that tests."""
    done = host.box.run(["debvisor-timers", "doctor", "--json"], check=False, user=user)
    assert done.returncode in {0, 10}, done.stderr
    assert not done.stderr
    checks = json.loads(done.stdout)["checks"]
    return [each for each in checks if each["verdict"] != "ok" and each["check"] != "clock"]


def test_a_host_without_jobs_is_well(host: Host) -> None:
    assert amiss(host) == []


def test_who_is_not_root_is_told_what_he_could_not_look_at(host: Host) -> None:
    host.box.run("id bob 2>/dev/null || useradd --create-home bob")

    found = {(each["check"], each["verdict"]) for each in amiss(host, user="bob")}

    assert found == {("permissions", "unknown"), ("journal size", "unknown")}


def test_what_is_amiss_is_mended_by_the_commands_that_are_printed(host: Host) -> None:
    host.apply("jobs: {one: {schedule: '0 2 29 2 *', command: [/bin/true]}}\n")
    host.box.run(BREAK)

    found = amiss(host)

    fixes = {(each["check"], each["fix"].split(" && printf")[0]) for each in found}
    assert {(check, fix.split(" && debvisor")[0]) for check, fix in fixes} == MENDABLE
    for fix in dict.fromkeys(each["fix"] for each in found):
        host.box.run(["sh", "-c", fix])
    assert amiss(host) == []


def test_programs_of_another_version_and_one_that_cannot_run(host: Host) -> None:
    host.box.run(f"cp -p {LIBEXEC}/end.py /var/end.py; echo '(' >>{LIBEXEC}/end.py")
    found = amiss(host)
    host.box.run(f"mv /var/end.py {LIBEXEC}/end.py")

    cannot, other = found
    assert cannot["message"].startswith(f"{LIBEXEC}/end cannot run, and so no job: SyntaxError")
    assert other["message"].endswith(": end.py")
    assert amiss(host) == []


def test_a_bus_that_is_down(host: Host) -> None:
    host.box.run("systemctl stop dbus.socket dbus.service")
    found = {each["check"]: each["fix"] for each in amiss(host)}
    host.box.run("systemctl start dbus.socket")

    assert found == {"dbus": "systemctl start dbus.socket"}
    assert amiss(host) == []


def test_the_brake_is_found(host: Host) -> None:
    host.box.run(f"systemctl stop {TARGET}")
    fixes = [each["fix"] for each in amiss(host)]
    host.box.run("; ".join(fixes))

    assert f"systemctl start {TARGET}" in fixes
    assert amiss(host) == []
