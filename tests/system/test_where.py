# SPDX-License-Identifier: Apache-2.0
"""Jobs that belong to some hosts only, or to where a virtual machine runs, with the real virsh.

It talks to libvirt's driver for tests, which has the machines that a file describes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host

NODE = "/etc/libvirt/node.xml"
CLIENT = "/etc/libvirt/libvirt.conf"
STATES = {"vm-runs": 1, "vm-paused": 3, "vm-off": 5, "vm-crashed": 6}
"""Of libvirt, as its driver for tests reads them; source: virDomainState."""

JOBS = {
    "here": "where: {host: [other, box]}",
    "here-long": "where: {host: [box.example.org]}",
    "there": "where: {host: [other, third]}",
    **{vm: f"where: {{vm_active: {vm}}}" for vm in (*STATES, "vm-unknown")},
    "both": "where: {host: [box], vm_active: vm-runs}",
    "retries": "where: {vm_active: vm-runs}, retries: {max: 1, delay: 0}",
}


def domain(name: str, state: int) -> str:
    return f"""\
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>{name}</name>
    <memory>8192</memory>
    <os><type>hvm</type></os>
    <test:runstate>{state}</test:runstate>
  </domain>
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed, hostname="box") as box:
        host = Host(box)
        domains = "".join(domain(*item) for item in STATES.items())
        box.write(NODE, f"<node>\n{domains}</node>\n")
        box.write(CLIENT, f'uri_default = "test://{NODE}"\n')
        host.apply(work.yaml(JOBS, command="[/bin/true]"))
        yield host


@pytest.mark.parametrize("job", ["here", "here-long", "vm-runs", "vm-paused", "both"])
def test_it_runs_here(host: Host, job: str) -> None:
    note = work.start(host, job)
    assert note["RESULT"] == "success"
    assert "SKIPPED" not in note


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("there", "this host is box, not other or third"),
        *(
            (vm, f"virtual machine {vm} does not run on this host")
            for vm in ("vm-off", "vm-crashed", "vm-unknown")
        ),
    ],
)
def test_it_belongs_elsewhere(host: Host, job: str, reason: str) -> None:
    assert work.start(host, job)["SKIPPED"] == reason
    run = host.json("history", job)[0]
    assert (run["outcome"], run["reason"]) == ("skipped", reason)


def test_no_answer_of_libvirt_is_a_failure_never_a_skip(host: Host) -> None:
    host.box.write(CLIENT, 'uri_default = "qemu+unix:///system?socket=/run/nobody"\n')
    try:
        fails_aloud(host, "vm-off", "libvirt gives no answer about vm-off: ")
        fails_aloud(host, "retries", "libvirt gives no answer about vm-runs: ")
    finally:
        host.box.write(CLIENT, f'uri_default = "test://{NODE}"\n')
    assert len(work.attempts(host, "retries")) == 2


def test_a_missing_virsh_is_a_failure_never_a_skip(host: Host) -> None:
    host.box.run("mv /usr/bin/virsh /usr/bin/virsh.gone")
    try:
        fails_aloud(host, "vm-runs", "fix: apt install libvirt-clients")
    finally:
        host.box.run("mv /usr/bin/virsh.gone /usr/bin/virsh")


def fails_aloud(host: Host, job: str, said: str) -> None:
    """Let a job run; it has to fail, and to say so."""
    host.watch()
    note = work.start(host, job)
    assert note["RESULT"] == "exit-code"
    assert "SKIPPED" not in note
    host.box.run(["journalctl", "--sync"])
    assert said in host.box.journal("--unit", work.unit(job))
    assert host.json("history", job)[0]["outcome"] == "failed"
