# SPDX-License-Identifier: Apache-2.0
"""What the installed package brings: dependencies in Debian's versions, units, who may look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.box import Box
from tests.box.places import CHECKOUT
from tests.system.host import JOBS, Host

READER = "alice"
JOB = "jobs: {nightly: {schedule: '0 2 * * *', command: [/bin/true]}}\n"
DEBIAN_NAMES = {
    "attrs": "attr",
    "python-dateutil": "dateutil",
    "pyyaml": "yaml",
    "systemd-python": "systemd",
}
"""Of projects whose Debian package is not simply called python3-PROJECT."""


def runtime_constraints() -> dict[str, str]:
    """Return the versions in constraints.txt of what runs on hosts, by Debian package."""
    text = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    hosts = text.split("\n\n")[0]
    found = re.findall(r"^([A-Za-z][\w-]*)==(\S+)", hosts, re.MULTILINE)
    names = {name: name.lower() for name, _ in found}
    return {
        # A .post release is the same once more, for PyPI alone.
        f"python3-{DEBIAN_NAMES.get(names[name], names[name])}": version.partition(".post")[0]
        for name, version in found
    }


def upstream(version: str) -> str:
    """Return the upstream version of a Debian package: 8.2.0+0.really.8.1.8-1 is 8.1.8.

    And 0.21.1+ds1 is 0.21.1, without files that Debian leaves out.
    """
    return re.sub(r"\+(ds|dfsg)\d*$", "", version.rpartition("-")[0].rpartition("really.")[2])


def test_what_runs_on_hosts_is_tested_in_debians_versions(module_box: Box) -> None:
    constraints = runtime_constraints()
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *constraints]
    lines = module_box.run(query).stdout.splitlines()
    installed = {name: upstream(version) for name, version in (line.split() for line in lines)}

    assert len(installed) >= 10
    assert constraints == installed


def test_the_package_depends_on_what_pyproject_names(module_box: Box) -> None:
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    text = text.partition("[project.optional-dependencies]")[0]
    named = set(re.findall(r"# Debian: (\S+)", text)) - {"python3-hatchling"}
    query = ["dpkg-query", "--show", "--showformat=${Depends}", "debvisor-timers"]
    depends = [term.split()[0] for term in module_box.run(query).stdout.split(", ")]

    assert {name for name in depends if name.startswith("python3-")} == named


@pytest.mark.parametrize(("manager", "units"), [("system", "units"), ("user", "units/user")])
def test_every_unit_of_the_checkout_is_there(manager: str, units: str, module_box: Box) -> None:
    listed = module_box.run(["dpkg-query", "--listfiles", "debvisor-timers"]).stdout.split()
    folder = f"/usr/lib/systemd/{manager}/"
    installed = {path.removeprefix(folder) for path in listed if path.startswith(folder)}

    assert installed == {path.name for path in (CHECKOUT / units).iterdir() if path.is_file()}


def test_the_installed_package_finds_its_templates(module_box: Box) -> None:
    code = "from debvisor_timers.render.location import find_templates; print(find_templates())"

    done = module_box.run(["python3", "-c", code])

    assert done.stdout == "/usr/share/debvisor-timers/templates\n"


@pytest.fixture
def host(box: Box) -> Host:
    """A host with a user who may look."""
    box.run(["useradd", "--groups", "debvisor-timers,systemd-journal", READER])
    return Host(box)


READING = (
    ["plan"],
    ["check"],
    ["list"],
    ["show", "nightly"],
    ["next"],
    ["status"],
    ["history", "nightly"],
    ["logs", "nightly", "--last"],
    ["show", "nightly", "--run", "2"],
    ["stats", "nightly"],
    ["timeline"],
    ["report"],
    ["audit", "--verify"],
    ["metrics"],
)


@pytest.mark.parametrize("umask", ["022", "027"])
def test_files_of_root_can_be_read_by_those_who_may_look(host: Host, umask: str) -> None:
    made = f"""
    umask {umask}
    cat >{JOBS}/a.yaml
    mkdir {JOBS}/../templates/more
    echo 'keep_generations: 7' >{JOBS}/../config.yaml
    cp /usr/share/debvisor-timers/templates/boot.timer.j2 {JOBS}/../templates/
    """
    host.box.run(made, input=JOB)
    host.cli("apply")
    host.cli("run", "nightly", "--wait")

    for command in READING:
        host.cli(*command, user=READER)


def test_a_file_that_was_moved_in_is_told_with_what_mends_it(host: Host) -> None:
    path = Path(JOBS) / "b.yaml"
    host.box.run(f"umask 027; cat >/root/b.yaml; mv /root/b.yaml {path}", input=JOB)

    said = host.cli("check", expect=3, user=READER).stderr

    fix = f"chgrp debvisor-timers {path}; chmod g+r {path}"
    assert f"{path}: error: cannot be read: permission denied\n" in said
    assert fix in said
    host.box.run(fix)
    host.cli("check", user=READER)


def test_others_may_not_look(host: Host) -> None:
    host.write(JOB)
    host.box.run(["useradd", "mallory"])

    said = host.cli("list", expect=3, user="mallory").stderr

    assert "as a member of the group debvisor-timers" in said
