# SPDX-License-Identifier: Apache-2.0
"""status and drift on a real systemd: what it prints as the fix, run by a shell, is the fix."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.box import Box
from tests.system.host import JOBS, STATE, TARGET, UNITS, Host

TIMER = "debvisor-job-one.timer"
SERVICE = "debvisor-job-one.service"
LINK = f"{UNITS}/{TARGET}.wants/{TIMER}"
YAML = """\
jobs:
  one:
    schedule: "30 2 25-31 3 *"
    command: [/usr/bin/touch, /var/fired-one]
  two:
    schedule: "30 2 25-31 3 *"
    command: [/usr/bin/touch, /var/fired-two]
  off:
    schedule: "30 2 25-31 3 *"
    command: [/usr/bin/touch, /var/fired-off]
    enabled: false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What somebody does to a host, the kind of what is found, and its fix."""

    by: str
    kind: str
    fix: str
    subject: str = "one"


APPLY = "debvisor-timers apply"
CONTROL = f"/run/systemd/system.control/{TIMER}"
CASES = {
    "a unit is edited": Broken(
        by=f"sed -i s/02:30/03:30/ {UNITS}/{TIMER}; systemctl daemon-reload",
        kind="edited",
        fix=f"{APPLY} --overwrite-edits",
    ),
    "a timer is deleted": Broken(by=f"rm {UNITS}/{TIMER}", kind="deleted", fix=APPLY),
    "all of a job is deleted": Broken(
        by=f"systemctl stop {TIMER}; rm {UNITS}/{TIMER} {UNITS}/{SERVICE} {LINK};"
        " systemctl daemon-reload",
        kind="deleted",
        fix=APPLY,
    ),
    "a timer is masked": Broken(
        by=f"rm {UNITS}/{TIMER}; systemctl mask --now {TIMER}",
        kind="masked",
        fix=f"systemctl unmask {TIMER} && {APPLY}",
    ),
    "a service is masked": Broken(
        by=f"rm {UNITS}/{SERVICE}; systemctl mask {SERVICE}",
        kind="masked",
        fix=f"systemctl unmask {SERVICE} && {APPLY}",
    ),
    "a timer is masked by an empty file": Broken(
        by=f"truncate -s 0 {UNITS}/{TIMER}; systemctl daemon-reload",
        kind="masked",
        fix=f"rm {UNITS}/{TIMER} && {APPLY}",
    ),
    "a timer is masked elsewhere": Broken(
        by=f"mkdir -p {CONTROL.rpartition('/')[0]}; ln -s /dev/null {CONTROL};"
        f" systemctl daemon-reload; systemctl stop {TIMER}",
        kind="masked",
        fix=f"rm {CONTROL} && systemctl daemon-reload && systemctl start {TIMER}",
    ),
    "a timer is disabled": Broken(by=f"systemctl disable {TIMER}", kind="disabled", fix=APPLY),
    "a timer is disabled and stopped": Broken(
        by=f"systemctl disable --now {TIMER}", kind="disabled", fix=APPLY
    ),
    "a timer is enabled": Broken(
        by="systemctl enable --now debvisor-job-off.timer",
        kind="enabled",
        fix=APPLY,
        subject="off",
    ),
    "a drop-in is added": Broken(
        by=f"printf '[Service]\\nNice=5\\n' | systemctl edit --stdin {SERVICE}",
        kind="drop-in",
        fix=APPLY,
        subject=SERVICE,
    ),
    "a file of others is in the way": Broken(
        by=f"printf '[Timer]\\nOnCalendar=2099-01-01\\n' >{UNITS}/{TIMER}; systemctl daemon-reload",
        kind="foreign",
        fix=f"mv {UNITS}/{TIMER} {UNITS}/{TIMER}.away && {APPLY}",
        subject=TIMER,
    ),
    "what is loaded is stale": Broken(
        by=f"touch {UNITS}/{TIMER}",
        kind="stale",
        fix="systemctl daemon-reload",
        subject=TIMER,
    ),
    "the YAML is changed": Broken(
        by=f"sed -i s/fired-one/fired-once/ {JOBS}/jobs.yaml", kind="pending", fix=APPLY
    ),
    "a job is gone from the YAML": Broken(
        by=f"sed -i '/  two:/,+2d' {JOBS}/jobs.yaml",
        kind="pending",
        fix=f"{APPLY} --yes",
        subject="two",
    ),
    "a timer is stopped": Broken(
        by=f"systemctl stop {TIMER}", kind="stopped", fix=f"systemctl start {TIMER}"
    ),
    "all is stopped": Broken(
        by=f"systemctl stop {TARGET}",
        kind="brake",
        fix=f"systemctl start {TARGET}",
        subject=TARGET,
    ),
    "the host moves": Broken(
        by="ln -sf /usr/share/zoneinfo/America/New_York /etc/localtime; systemctl daemon-reload",
        kind="zone",
        fix="debvisor-timers renew",
    ),
    "systemd is another": Broken(
        by=f'sed -i \'s/"systemd":[0-9]*/"systemd":256/\' {STATE}/surroundings.json',
        kind="upgraded",
        fix=APPLY,
        subject="systemd",
    ),
}


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """Return a healthy host whose timers nobody renews unasked; each case leaves it healthy."""
    new = Host(module_box)
    new.box.run("systemctl mask --runtime --now debvisor-timers-renew.timer")
    new.box.run("ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime")
    new.apply(YAML)
    return new


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_drift_is_found_and_its_fix_mends_it(host: Host, name: str) -> None:
    broken = CASES[name]
    host.box.run(broken.by)

    findings = host.json("status", expect=10)["findings"]

    told = {(each["kind"], each["subject"]): each["fix"] for each in findings}
    assert (broken.kind, broken.subject) in told, findings
    assert told[broken.kind, broken.subject] == broken.fix
    for fix in dict.fromkeys(each["fix"] for each in findings):
        host.box.run(["sh", "-c", fix])
    status = host.json("status")
    assert status["healthy"]
    assert len(host.running_timers()) == status["jobs"] - 1 == status["timers"]
    host.box.run("! ls /var/fired-*")
