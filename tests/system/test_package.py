# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what its scripts do to a running system, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import TEST, Bind, Box, build_deb, judge
from tests.box.layers import Layer
from tests.box.places import CHECKOUT

TIMERS = 1000
# Written as `apply` writes them, but for the user's part: due often, with a missed run to catch up.
WRITE_JOBS = f"""
cd /etc/systemd/system
mkdir -p debvisor-timers.target.wants
for i in $(seq {TIMERS}); do
    printf '%s\\n' '[Unit]' PartOf=debvisor-timers.target '[Timer]' 'OnCalendar=*-*-* 04:00:00' \
        Persistent=yes '[X-Debvisor]' Job=j$i >debvisor-job-j$i.timer
    printf '%s\\n' '[Service]' Type=oneshot 'ExecStart=/usr/bin/touch /var/fired' \
        '[X-Debvisor]' Job=j$i >debvisor-job-j$i.service
    ln -s ../debvisor-job-j$i.timer debvisor-timers.target.wants/
done
mkdir -p debvisor-timers-boot.target.wants
printf '%s\\n' '[Unit]' PartOf=debvisor-timers.target '[Timer]' OnBootSec=1us \
    Unit=debvisor-job-j1.service '[X-Debvisor]' Job=j1 >debvisor-boot-j1.timer
"""
STATES = "systemctl show -p Id -p ActiveState -p ActiveEnterTimestampMonotonic -p LastTriggerUSec"
FILES = r"""
find / -xdev \( -path /tmp -o -path /var/cache -o -path /var/log -o -path /var/tmp \
    -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path '/etc/*-' \) -prune -o -print
find /run -xdev -name '*debvisor-*'
"""


@pytest.fixture(scope="module")
def deb(installed: Layer) -> Path:
    """The package of this checkout."""
    return build_deb()


@pytest.fixture
def plain(deb: Path) -> Iterator[Box]:
    """A booted box without the package, which lies in /srv/deb."""
    with Box.boot(TEST, binds=[Bind(source=deb.parent, target="/srv/deb")]) as box:
        yield box


def install(box: Box) -> None:
    box.run("apt-get install --yes /srv/deb/*.deb")


def test_lintian_has_nothing_to_say(deb: Path) -> None:
    judge(deb)


def test_installing_starts_the_timers_target_and_makes_group_and_folders(plain: Box) -> None:
    install(plain)
    shown = plain.run("systemctl is-active debvisor-timers.target debvisor-timers-boot.target || :")
    assert shown.stdout == "active\ninactive\n"
    units = ("debvisor-timers.target", "debvisor-timers-boot.target", "debvisor-timers-recover")
    assert plain.run(["systemctl", "is-enabled", *units]).stdout == "enabled\n" * 3
    shown = plain.run("cd /etc/debvisor; stat -c %a:%U:%G timers timers/jobs.d timers/templates")
    assert shown.stdout == "2750:root:debvisor-timers\n" * 3


def test_its_dependencies_are_all_declared(box: Box) -> None:
    """The base has them marked as pulled in: what nobody depends on would go."""
    assert "0 to remove" in box.run("apt-get --simulate autoremove").stdout
    box.run("python3 -c 'import debvisor_timers.scheduler'")


def test_the_units_of_the_package_are_without_fault(box: Box) -> None:
    done = box.run("systemd-analyze verify --man=no /usr/lib/systemd/system/debvisor*")
    assert done.stderr == ""


def test_slices_let_jobs_yield_to_virtual_machines(box: Box) -> None:
    box.run("systemctl start debvisor-critical.slice debvisor-low.slice")
    weights = (
        "systemctl show -P CPUWeight debvisor.slice debvisor-critical.slice debvisor-low.slice"
    )
    assert box.run(weights).stdout.split() == ["20", "1000", "20"]


def test_an_upgrade_disturbs_none_of_a_thousand_timers(plain: Box) -> None:
    install(plain)
    plain.run(WRITE_JOBS)
    plain.run("systemctl daemon-reload; systemctl start debvisor-timers.target", timeout=120)
    plain.wait_until("systemctl is-active debvisor-job-j1000.timer", 60)
    # A boot trigger that came after the boot: to start its target would fire it.
    plain.run(
        "ln -s ../debvisor-boot-j1.timer /etc/systemd/system/debvisor-timers-boot.target.wants/"
    )
    before = plain.run(f"{STATES} 'debvisor-job-*.timer'").stdout
    assert before.count("ActiveState=active") == TIMERS
    assert before.count("LastTriggerUSec=\n") == TIMERS

    plain.run("dpkg --install /srv/deb/*.deb")

    assert plain.run(f"{STATES} 'debvisor-job-*.timer'").stdout == before
    assert plain.run("systemctl is-active debvisor-timers-boot.target || :").stdout == "inactive\n"
    assert plain.run("test -e /var/fired", check=False).returncode == 1


def test_an_upgrade_does_not_start_what_the_administrator_has_stopped(plain: Box) -> None:
    install(plain)
    plain.run("systemctl stop debvisor-timers.target")
    plain.run("dpkg --install /srv/deb/*.deb")
    shown = plain.run("systemctl is-active debvisor-timers.target || :")
    assert shown.stdout == "inactive\n"


def test_removing_stops_the_timers_and_keeps_the_configuration(plain: Box) -> None:
    install(plain)
    plain.run(WRITE_JOBS.replace(str(TIMERS), "3"))
    plain.write("/etc/debvisor/timers/jobs.d/a.yaml", "jobs: {}\n")
    plain.run("systemctl daemon-reload; systemctl start debvisor-timers.target")
    plain.wait_until("systemctl is-active debvisor-job-j3.timer")

    plain.run("apt-get remove --yes debvisor-timers")

    shown = plain.run("systemctl is-active debvisor-job-j1.timer debvisor-job-j3.timer || :")
    assert shown.stdout == "inactive\n" * 2
    assert plain.read("/etc/debvisor/timers/jobs.d/a.yaml") == "jobs: {}\n"

    install(plain)
    assert plain.run("systemctl is-active debvisor-job-j3.timer").stdout == "active\n"


def test_purging_leaves_nothing_of_ours_and_all_that_is_not(plain: Box) -> None:
    foreign = "/etc/systemd/system/debvisor-job-foreign.service"
    plain.write(foreign, "[Service]\nExecStart=/bin/true\n")
    plain.write("/etc/debvisor/other.conf", "of DebVisor\n")
    plain.run("mkdir -p /var/lib/systemd/timers")
    before = set(plain.run(FILES).stdout.splitlines())
    install(plain)
    plain.run(WRITE_JOBS.replace(str(TIMERS), "3"))
    plain.run("sed -i s:touch:false: /etc/systemd/system/debvisor-job-j2.service")
    plain.run("systemctl daemon-reload; systemctl start debvisor-timers.target")
    plain.run(
        "systemctl start debvisor-job-j2.service || systemctl is-failed debvisor-job-j2.service"
    )
    plain.wait_until("test -e /var/lib/systemd/timers/stamp-debvisor-job-j3.timer")

    plain.run("apt-get purge --yes debvisor-timers")

    assert set(plain.run(FILES).stdout.splitlines()) - before == set()
    assert plain.read(foreign) == "[Service]\nExecStart=/bin/true\n"
    assert plain.run("systemctl list-units --all --plain --no-legend 'debvisor*'").stdout == ""


def test_the_package_holds_templates_helpers_and_completion(box: Box) -> None:
    box.run("test -f /usr/share/debvisor-timers/templates/job.service.j2")
    box.run("test ! -e /usr/lib/python3/dist-packages/debvisor_timers/_templates")
    box.run("test -f /usr/share/bash-completion/completions/debvisor-timers")
    shown = box.run("stat -c %a:%U /usr/libexec/debvisor-timers/*")
    assert shown.stdout == "755:root\n" * 3


def test_the_test_that_debian_runs_passes(installed: Layer) -> None:
    tree = Bind(source=CHECKOUT / "debian", target="/srv/debian")
    with Box.boot(installed, binds=[tree]) as box:
        # A file of that name tells autopkgtest that the tree is built: it needs no compiler then.
        box.run("mkdir /root/tree; cp -r /srv/debian /root/tree/; touch /root/tree/debian/files")
        done = box.run("autopkgtest --no-built-binaries /root/tree -- null 2>&1", timeout=120)
    assert "one-job              PASS" in done.stdout
