# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what its scripts do to a running system, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import TEST, Bind, Box, build_deb, judge, web_deb
from tests.box.layers import Layer
from tests.box.places import CHECKOUT
from tests.system.host import Host

TIMERS = 1000
# Written as `apply` writes them, but for the user's part: due often, with a missed run to catch up.
WRITE_JOBS = """
cd /etc/systemd/system
mkdir -p debvisor-timers.target.wants
for i in 1 2 3; do
    printf '%s\\n' '[Unit]' PartOf=debvisor-timers.target '[Timer]' 'OnCalendar=*-*-* 04:00:00' \
        Persistent=yes '[X-Debvisor]' Job=j$i >debvisor-job-j$i.timer
    printf '%s\\n' '[Service]' Type=oneshot 'ExecStart=/usr/bin/touch /var/fired' \
        '[X-Debvisor]' Job=j$i >debvisor-job-j$i.service
    ln -s ../debvisor-job-j$i.timer debvisor-timers.target.wants/
done
printf '%s\\n' '[Unit]' PartOf=debvisor-timers.target '[Path]' PathExists=/srv/none \
    Unit=debvisor-job-j1.service '[X-Debvisor]' Job=j1 >debvisor-path-j1.path
ln -s ../debvisor-path-j1.path debvisor-timers.target.wants/
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


HIGHER = """
cd /var/tmp
dpkg-deb -R /srv/deb/debvisor-timers_*.deb unpacked
sed -i 's/^Version: .*/&+upgrade1/' unpacked/DEBIAN/control
sed -i 's/^__version__ = "/&99./' unpacked/usr/lib/python3/dist-packages/debvisor_timers/__init__.py
dpkg-deb --root-owner-group -b unpacked higher.deb
rm -r unpacked
"""
"""Make /var/tmp/higher.deb: this package with a higher version."""

JOB = """\
jobs:
  one:
    schedule: {{cron: "0 4 29 2 *", catch_up: once}}
    triggers: [{{boot: 1h}}]
    script: "{script}"
"""


def install(box: Box) -> None:
    box.run("apt-get install --yes /srv/deb/debvisor-timers_*.deb")


def test_lintian_has_nothing_to_say(deb: Path) -> None:
    judge(deb)
    judge(web_deb(deb))


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


@pytest.mark.parametrize("unit", ["notify@a-1b.service", "chain@a-1b:c-d.service"])
def test_the_instance_reaches_the_program_as_it_is(module_box: Box, unit: str) -> None:
    """Each many times in a row, since a failure may come at any time."""
    name, instance = unit.removesuffix(".service").split("@")
    drop_in = f"/run/systemd/system/debvisor-timers-{name}@.service.d/told.conf"
    module_box.write(drop_in, "[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo %i >>/run/told'\n")
    module_box.run("rm -f /run/told; systemctl daemon-reload")
    for _ in range(8):
        module_box.run(["systemctl", "start", f"debvisor-timers-{unit}"])
    assert module_box.read("/run/told").split() == [instance] * 8


def test_slices_let_jobs_yield_to_virtual_machines(box: Box) -> None:
    box.run("systemctl start debvisor-critical.slice debvisor-low.slice")
    weights = (
        "systemctl show -P CPUWeight debvisor.slice debvisor-critical.slice debvisor-low.slice"
    )
    assert box.run(weights).stdout.split() == ["20", "1000", "20"]


def test_an_upgrade_does_not_start_what_the_administrator_has_stopped(plain: Box) -> None:
    install(plain)
    plain.run("systemctl stop debvisor-timers.target")
    plain.run("dpkg --install /srv/deb/debvisor-timers_*.deb")
    shown = plain.run("systemctl is-active debvisor-timers.target || :")
    assert shown.stdout == "inactive\n"


def test_removing_stops_the_timers_and_keeps_the_configuration(plain: Box) -> None:
    install(plain)
    plain.run(WRITE_JOBS)
    plain.write("/etc/debvisor/timers/jobs.d/a.yaml", "jobs: {}\n")
    plain.run("systemctl daemon-reload; systemctl start debvisor-timers.target")
    plain.wait_until("systemctl is-active debvisor-job-j3.timer")

    plain.run("apt-get remove --yes debvisor-timers")

    shown = plain.run("systemctl is-active debvisor-job-j1.timer debvisor-path-j1.path || :")
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
    plain.run(WRITE_JOBS)
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


def test_the_second_name_is_the_same_program_with_the_same_page(box: Box) -> None:
    assert box.run(["debvisor-schedule", "--version"]).stdout.startswith("debvisor-schedule ")
    pages = "/usr/share/man/man8"
    linked = box.run(["readlink", f"{pages}/debvisor-schedule.8.gz"]).stdout
    assert linked == "debvisor-timers.8.gz\n"


def test_programs_are_the_launcher_and_modules_beside_them_are_compiled(box: Box) -> None:
    shown = box.run("cd /usr/libexec/debvisor-timers; stat -c %n:%a:%U *").stdout.split()
    modes = {name: mode for name, _, mode in (line.partition(":") for line in shown)}
    assert modes.pop("__pycache__") == "755:root"
    runtime = CHECKOUT / "debvisor_timers/runtime"
    for program in ("begin", "run", "end", "chain", "stamps", "carry", "task"):
        assert modes.pop(program) == "755:root"
        installed = box.read(f"/usr/libexec/debvisor-timers/{program}")
        assert installed == (runtime / "launch.py").read_text("utf-8")
    modules = {path.name for path in runtime.glob("[!_]*.py")} - {"launch.py"}
    assert modes == dict.fromkeys(modules, "644:root")
    for name in modules:
        installed = box.read(f"/usr/libexec/debvisor-timers/{name}")
        assert installed == (runtime / name).read_text("utf-8")
    compiled = set(box.run("ls /usr/libexec/debvisor-timers/__pycache__").stdout.split())
    assert compiled == {f"{name.removesuffix('.py')}.cpython-313.pyc" for name in modules}


def test_the_test_that_debian_runs_passes(installed: Layer) -> None:
    tree = Bind(source=CHECKOUT / "debian", target="/srv/debian")
    with Box.boot(installed, binds=[tree]) as box:
        # A file of that name tells autopkgtest that the tree is built: it needs no compiler then.
        box.run("mkdir /root/tree; cp -r /srv/debian /root/tree/; touch /root/tree/debian/files")
        done = box.run("autopkgtest --no-built-binaries /root/tree -- null 2>&1", timeout=120)
    assert "one-job              PASS" in done.stdout


def test_an_upgrade_disturbs_no_applied_job(plain: Box) -> None:
    """A thousand jobs that `apply` made, due long ago; one of them runs."""
    install(plain)
    plain.run(HIGHER)
    host = Host(plain)
    jobs = "".join(
        f"  j{n}: {{schedule: {{cron: '0 4 29 2 *', catch_up: once}}, command: [/bin/true]}}\n"
        for n in range(TIMERS)
    )
    # A boot trigger that comes after the boot: to start its target would fire it.
    others = "  booted: {triggers: [{boot: 1s}], command: [/bin/true]}\n"
    others += "  long: {command: [/bin/sleep, '600']}\n"
    host.apply(f"jobs:\n{jobs}{others}")
    plain.run("touch -d '5 years ago' /var/lib/systemd/timers/stamp-*")
    host.cli("run", "long")
    plain.wait_until("systemctl show -P MainPID debvisor-job-long | grep -qv ^0", 10)
    running = host.show("debvisor-job-long.service", "MainPID", "InvocationID")
    before = plain.run(f"{STATES} -p NextElapseUSecRealtime 'debvisor-job-*.timer'").stdout
    assert before.count("ActiveState=active") == TIMERS
    written = host.files()
    host.watch()

    plain.run("dpkg --install /var/tmp/higher.deb")

    shown = plain.run(f"{STATES} -p NextElapseUSecRealtime 'debvisor-job-*.timer'").stdout
    assert shown == before
    assert host.show("debvisor-job-long.service", "MainPID", "InvocationID") == running
    assert host.started() == []
    assert plain.run("systemctl is-active debvisor-timers-boot.target || :").stdout == "inactive\n"
    assert host.files() == written
    assert host.cli("version").stdout.startswith("debvisor-timers 99.")
    assert host.plan_is_empty()
    host.apply()
    assert host.started() == []
    assert plain.run(f"{STATES} -p NextElapseUSecRealtime 'debvisor-job-*.timer'").stdout == before


def test_a_life_of_the_package(plain: Box) -> None:
    """Install, apply, remove, install, purge, install: each leaves what it should."""
    plain.run("mkdir -p /var/lib/systemd/timers")
    foreign = set(plain.run(FILES).stdout.splitlines())
    install(plain)
    host = Host(plain)
    host.apply(JOB.format(script="echo one"))
    host.cli("run", "one", "--wait")
    applied = host.files()

    plain.run("apt-get remove --yes debvisor-timers")
    assert host.running_timers() == []
    assert host.files() == applied
    assert plain.read("/etc/debvisor/timers/jobs.d/jobs.yaml") == JOB.format(script="echo one")
    plain.reboot()
    assert host.running_timers() == []

    install(plain)
    assert host.running_timers() == ["debvisor-job-one.timer"]
    assert host.json("history", "one")[0]["outcome"] == "succeeded"
    assert host.plan_is_empty()
    host.apply(JOB.format(script="echo two"))
    assert len(host.started()) == 1

    plain.run("apt-get purge --yes debvisor-timers")
    assert set(plain.run(FILES).stdout.splitlines()) - foreign == set()
    assert host.units("--all") == []

    install(plain)
    host.apply(JOB.format(script="echo three"))
    host.cli("run", "one", "--wait")
    assert host.json("status")["healthy"]


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/debvisor", "755:root:root"),
        ("/etc/debvisor/timers", "2750:root:debvisor-timers"),
        ("/etc/debvisor/timers/jobs.d", "2750:root:debvisor-timers"),
        ("/etc/debvisor/timers/templates", "2750:root:debvisor-timers"),
        ("/var/lib/debvisor-timers", "755:root:root"),
        ("/var/lib/debvisor-timers/generations", "755:root:root"),
        ("/var/lib/debvisor-timers/generations/1", "700:root:root"),
        ("/var/lib/debvisor-timers/scripts", "755:root:root"),
        ("/run/debvisor-timers", "755:root:root"),
        ("/etc/systemd/system/debvisor-job-one.service", "644:root:root"),
        ("/etc/systemd/system/debvisor-job-one.timer", "644:root:root"),
    ],
)
def test_who_may_read_and_write_what(module_box: Box, path: str, mode: str) -> None:
    Host(module_box).apply(JOB.format(script="echo one"))
    assert module_box.run(["stat", "-c", "%a:%U:%G", path]).stdout == f"{mode}\n"


def test_what_apply_writes_can_be_read_whatever_the_umask_is(box: Box) -> None:
    host = Host(box)
    host.write(JOB.format(script="id -un") + "    user: nobody\n")
    box.run("umask 077; debvisor-timers apply")
    assert host.cli("run", "one", "--wait").stdout.startswith("one succeeded")
    box.run(
        "stat -c %a:%n /etc/systemd/system/debvisor-* | grep -v '^[67][45][45]:' && exit 1 || :"
    )
