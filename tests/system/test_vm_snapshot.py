# SPDX-License-Identifier: Apache-2.0
"""vm_snapshot as jobs do it, on real libvirt and QEMU: what is made, removed, kept and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import Host

_EXTERNAL = "mode: external"
JOBS = {
    "internal": "vm_id: in-*, retention_days: 7",
    "external": f"vm_id: ex-*, {_EXTERNAL}, keep: 2",
    "retried": f"vm_id: [ex-on, ex-off], {_EXTERNAL}, keep: 1",
    "missing": "vm_id: [in-off, nobody]",
    "tagged": "tag: nightly, keep: 1",
    "agent": f"vm_id: ex-on, {_EXTERNAL}, quiesce: always",
    "odd": f"vm_id: odd, {_EXTERNAL}, keep: 1, directory: /srv/o",
}
RETRIES = {"retried": "retries: {max: 20, delay: 1s}, ", "missing": ""}
"""Where nothing is said a job has none; the job `missing` has those of the task type."""

MACHINE = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{kind}'/>
      <source file='/srv/{name}.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
  </devices>
</domain>
"""
STATES = {"on": "running", "paused": "paused", "off": "shut off"}
WORDS = {"on": "running", "paused": "paused", "off": "off"}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(LIBVIRT), hostname="box") as box:
        host = Host(box)
        box.run("mkdir /srv/o")
        for state in STATES:
            define(host, f"in-{state}")
            define(host, f"ex-{state}", kind="raw" if state == "paused" else "qcow2")
        box.run("for name in in-on in-paused ex-on ex-paused; do virsh -q start $name; done")
        box.run("virsh -q suspend in-paused; virsh -q suspend ex-paused")
        host.apply(work.yaml({job: _keys(job, config) for job, config in JOBS.items()}))
        yield host


def _keys(job: str, config: str) -> str:
    retries = RETRIES.get(job, "retries: {max: 0}, ")
    return f"{retries}task: {{type: vm_snapshot, config: {{{config}}}}}"


def define(host: Host, name: str, kind: str = "qcow2") -> None:
    host.box.run(["qemu-img", "create", "-q", "-f", kind, f"/srv/{name}.img", "16M"])
    host.box.write(f"/root/{name}.xml", MACHINE.format(name=name, kind=kind))
    host.box.run(["virsh", "-q", "define", f"/root/{name}.xml"])


def machines(host: Host, job: str, *, attempt: int = -1) -> Mapping[str, Any]:
    """Return the outcomes by machine of an attempt of a job, of the newest as usual."""
    lines = host.box.journal(f"--unit={work.unit(job)}", "--output=cat").splitlines()
    result = json.loads([line for line in lines if line.startswith('{"machines"')][attempt])
    found: dict[str, Any] = result["machines"]
    return found


def names(host: Host, machine: str, job: str = "") -> list[str]:
    """Return the snapshots of a machine that a job has made; "": all of them."""
    lines = host.box.run(["virsh", "snapshot-list", machine, "--name"]).stdout
    return [line for line in lines.split() if line.startswith(f"debvisor-{job}-" if job else "")]


def writes(host: Host, machine: str, number: int) -> None:
    """Write a pattern of its own into the disk of a machine, as the guest would."""
    _io(host, machine, f"write -P {number} {number}M 64k")


def holds(host: Host, machine: str, *numbers: int) -> bool:
    """Return whether the disk of a machine has the patterns."""
    return all("wrong" not in _io(host, machine, f"read -P {n} {n}M 64k") for n in numbers)


def _io(host: Host, machine: str, command: str) -> str:
    if host.box.run(["virsh", "domstate", machine]).stdout.strip() == "shut off":
        path = f"$(virsh domblklist {machine} | awk '$1 == \"vda\" {{print $2}}')"
        done = host.box.run(f"qemu-io -c '{command}' {path} 2>&1", check=False)
        assert "bytes at offset" in done.stdout, done.stdout
        return "wrong" if "Pattern verification failed" in done.stdout else ""
    device = "/machine/peripheral/virtio-disk0/virtio-backend"
    line = f'qemu-io -d {device} "{command}"'
    log = f"/var/log/libvirt/qemu/{machine}.log"
    before = len(host.box.read(log))
    host.box.run(["virsh", "qemu-monitor-command", machine, "--hmp", line])
    said = host.box.read(log)[before:]
    assert "bytes at offset" in said, said
    return "wrong" if "Pattern verification failed" in said else ""


def test_a_machine_that_nothing_is_kept_of_is_not_covered(host: Host) -> None:
    answer = host.cli("coverage", "in-o*", "--within", "7d", expect=10)
    assert answer.stdout.splitlines() == [
        "MACHINE  STATE    LAST SNAPSHOT  LAST BACKUP",
        "in-off   off      never          never",
        "in-on    running  never          never",
        "2 of 2 virtual machines without a good snapshot or backup in the last 7d",
    ]
    manifest = '{"machine": "in-off", "time": "2026-01-01T00:00:00Z"}'
    host.box.run("mkdir -p /srv/b/in-off/1")
    host.box.write("/srv/b/in-off/1/manifest.json", manifest)
    options = ["--backups", "/srv/b", "--exclude", "in-on", "in-o*"]
    (one,) = host.json("coverage", *options, expect=10)["machines"]
    assert one["backup"] == {"path": "/srv/b/in-off/1", "time": "2026-01-01T00:00:00+00:00"}
    host.cli("coverage", "--within", "9999d", *options)


@pytest.mark.parametrize("mode", ["internal", "external"])
def test_machines_in_every_state_get_a_snapshot_and_keep_their_state(host: Host, mode: str) -> None:
    note = work.start(host, mode)

    assert note["RESULT"] == "success", note
    name = f"debvisor-{mode}-{note['RUN_ID']}"
    assert machines(host, mode) == {
        f"{mode[:2]}-{state}": {
            "outcome": "done",
            "snapshot": name,
            "mode": mode,
            "quiesced": False,
            "state": word,
            "removed": [],
        }
        for state, word in WORDS.items()
    }
    for state, word in STATES.items():
        assert names(host, f"{mode[:2]}-{state}") == [name]
        shown = host.box.run(["virsh", "domstate", f"{mode[:2]}-{state}"]).stdout.strip()
        assert shown == word
    found = host.json("coverage", f"{mode[:2]}-*")
    assert {one["snapshot"]["name"] for one in found["machines"]} == {name}


def test_removed_overlays_are_merged_and_nothing_is_lost(host: Host) -> None:
    for number in (1, 2, 3):
        for machine in ("ex-on", "ex-off", "ex-paused"):
            writes(host, machine, number)
        assert work.start(host, "external")["RESULT"] == "success"

    for machine in ("ex-on", "ex-off", "ex-paused"):
        writes(host, machine, 4)
        assert len(names(host, machine)) == 2
        assert len(machines(host, "external")[machine]["removed"]) == 1
        assert holds(host, machine, 1, 2, 3, 4)
        assert not holds(host, machine, 5)
    host.box.run("virsh -q destroy ex-on")
    assert holds(host, "ex-on", 1, 2, 3, 4)
    host.box.run("virsh -q start ex-on")
    files = host.box.run("ls /srv").stdout.split()
    assert len([name for name in files if name.startswith("ex-")]) == 3 + 3 * 2


def test_what_is_older_than_the_retention_goes_but_nobody_elses(host: Host) -> None:
    host.box.run("virsh -q snapshot-create-as in-off mine")
    assert work.start(host, "internal")["RESULT"] == "success"
    first, *_ = names(host, "in-off", "internal")
    for name in (first, "mine"):
        host.box.run(
            f"virsh snapshot-dumpxml in-off {name} "
            "| sed -E 's#<creationTime>[0-9]+#<creationTime>1000000000#' >/root/s.xml; "
            "virsh -q snapshot-create in-off --redefine /root/s.xml"
        )

    assert work.start(host, "internal")["RESULT"] == "success"

    assert machines(host, "internal")["in-off"]["removed"] == [first]
    assert machines(host, "internal")["in-on"]["removed"] == []
    assert first not in names(host, "in-off")
    assert "mine" in names(host, "in-off")
    assert first not in host.box.run("qemu-img snapshot -l /srv/in-off.img").stdout


def test_a_retry_repeats_only_the_machine_that_a_backup_had_locked(host: Host) -> None:
    scratch = "<disk name='vda' backup='yes' type='file'><scratch file='/srv/scratch'/></disk>"
    server = "<server transport='unix' socket='/run/backup.sock'/>"
    backup = f"<domainbackup mode='pull'>{server}<disks>{scratch}</disks></domainbackup>"
    host.box.write("/root/backup.xml", backup)
    host.box.run("virsh -q backup-begin ex-on /root/backup.xml")
    host.watch()
    work.begin(host, "retried")
    host.box.wait_until(
        lambda: any(attempt.end for attempt in work.attempts(host, "retried")), 30, "an attempt"
    )
    outcomes = machines(host, "retried", attempt=0)
    assert outcomes["ex-off"]["outcome"] == "done"
    assert outcomes["ex-on"] == {
        "outcome": "failed",
        "reason": "it is locked by a backup job of its disk vda",
    }
    host.box.run("virsh -q domjobabort ex-on")

    (note,) = work.await_ends(host, "retried", seconds=30)

    assert note["RESULT"] == "success"
    assert work.attempts(host, "retried")[0].result == "exit-code"
    name = f"debvisor-retried-{note['RUN_ID']}"
    assert names(host, "ex-on", "retried") == names(host, "ex-off", "retried") == [name]
    said = host.box.journal(f"--unit={work.unit('retried')}", "--output=cat")
    assert said.count(f"ex-off: made the snapshot {name}") == 1
    assert f"ex-off: has the snapshot {name} of this run already" in said
    assert holds(host, "ex-on", 1, 2, 3, 4)


def test_a_copy_of_a_disk_locks_a_machine_too(host: Host) -> None:
    host.box.run("virsh -q blockcopy ex-on vda /srv/copy --transient-job --bandwidth 1")
    fails(host, "external", 75)
    reason = "it is locked by a copy job of its disk vda"
    assert machines(host, "external")["ex-on"] == {"outcome": "failed", "reason": reason}
    assert machines(host, "external")["ex-off"]["outcome"] == "done"
    host.box.run("virsh -q blockjob ex-on vda --abort")


def fails(host: Host, job: str, status: int) -> None:
    work.start(host, job)
    assert host.json("history", job)[0]["exit_status"] == status


def test_a_machine_that_is_missing_is_not_tried_again(host: Host) -> None:
    host.watch()
    fails(host, "missing", 65)
    assert len(work.attempts(host, "missing")) == 1
    said = host.box.journal(f"--unit={work.unit('missing')}", "--output=cat")
    assert "there is no virtual machine nobody on this host" in said
    assert "Traceback" not in said


def test_a_machine_that_comes_later_is_meant_by_its_tag(host: Host) -> None:
    fails(host, "tagged", 65)
    tag(host, "in-off")
    assert work.start(host, "tagged")["RESULT"] == "success"
    assert list(machines(host, "tagged")) == ["in-off"]
    define(host, "new")
    tag(host, "new")
    assert work.start(host, "tagged")["RESULT"] == "success"
    assert list(machines(host, "tagged")) == ["in-off", "new"]


def tag(host: Host, machine: str) -> None:
    argv = ["--uri", "https://debvisor.org/timers/1", "--key", "timers", "--config"]
    tags = "<tags><tag>nightly</tag></tags>"
    host.box.run(["virsh", "-q", "metadata", machine, *argv, "--set", tags])


def test_a_machine_that_cannot_have_an_external_snapshot(host: Host) -> None:
    define(host, "ex-marked")
    host.box.run("virsh -q start ex-marked && virsh -q checkpoint-create ex-marked")
    host.box.run("virsh -q destroy ex-marked")
    fails(host, "external", 65)
    reason = machines(host, "external")["ex-marked"]["reason"]
    assert "offline external snapshots while checkpoint exists" in reason
    said = host.box.journal(f"--unit={work.unit('external')}", "--output=cat")
    assert "or: mode: internal" in said
    assert machines(host, "external")["ex-off"]["outcome"] == "done"
    host.box.run("virsh -q undefine ex-marked --checkpoints-metadata")


def test_without_an_agent_always_fails_and_makes_nothing(host: Host) -> None:
    before = names(host, "ex-on")
    fails(host, "agent", 1)
    assert names(host, "ex-on") == before


def test_what_libvirt_cannot_remove_without_harm_is_refused(host: Host) -> None:
    define(host, "odd")
    assert work.start(host, "odd")["RESULT"] == "success"
    assert len(host.box.run("ls /srv/o").stdout.split()) == 1
    # Branches, upon which the daemon of libvirt 11.3 crashes.
    (first,) = names(host, "odd")
    host.box.run("virsh -q snapshot-create-as odd second --disk-only")
    host.box.run(f"virsh -q snapshot-revert odd {first}")
    fails(host, "odd", 65)
    assert "a revert has made branches" in machines(host, "odd")["odd"]["reason"]
    assert first in names(host, "odd")
    # A machine that sleeps would not wake up again.
    host.box.run("virsh -q start odd && virsh -q managedsave odd")
    before = names(host, "odd")
    fails(host, "odd", 75)
    assert "the machine sleeps" in machines(host, "odd")["odd"]["reason"]
    host.box.run("virsh -q start odd && virsh -q destroy odd")
    # An internal one, which it would lose.
    host.box.run("virsh -q snapshot-create-as odd inner")
    fails(host, "odd", 65)
    assert "the internal snapshot inner" in machines(host, "odd")["odd"]["reason"]
    assert sorted(names(host, "odd")) == sorted([*before, "inner"])


def test_a_snapshot_that_libvirt_has_lost_covers_nothing(host: Host) -> None:
    define(host, "lossy")
    host.box.run("virsh -q start lossy")
    host.box.run("virsh -q snapshot-create-as lossy outer --disk-only")
    host.box.run("virsh -q snapshot-create-as lossy inner")
    host.cli("coverage", "lossy")
    host.box.run("virsh -q snapshot-delete lossy outer")

    answer = host.cli("coverage", "lossy", expect=10)

    assert host.box.run("virsh snapshot-list lossy --name").stdout.split() == ["inner"]
    assert answer.stderr == "note: lossy: inner: its image /srv/lossy.outer is gone\n"


def test_coverage_says_what_is_not_there(host: Host) -> None:
    answer = host.cli("coverage", "nobody", expect=2)
    assert "there is no virtual machine nobody on this host" in answer.stderr
    answer = host.cli("coverage", "--uri", "qemu+unix:///system?socket=/run/nobody", expect=5)
    assert "does not answer" in answer.stderr
