# SPDX-License-Identifier: Apache-2.0
"""vm_backup, verify_backup and archive as jobs do them, on real libvirt and QEMU."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import LIBVIRT
from tests.system import work
from tests.system.host import Host
from tests.system.test_vm_snapshot import define, writes

_B = "directory: /srv/b"
JOBS = {
    "full": f"vm_backup, config: {{vm_id: [m-*], {_B}}}",
    "inc": f"vm_backup, config: {{vm_id: m-*, {_B}, mode: incremental, full_every: 3}}",
    "retried": "vm_backup, config: {vm_id: m-*, directory: /srv/r}",
    "usual": "backup, config: {vm_id: m-off}",
    "check-usual": "verify, config: {backup_id: latest}",
    "big": "backup, config: {vm_id: big, directory: /srv/c, mode: incremental, full_every: 1}",
    "tight": "backup, config: {vm_id: m-off, directory: /srv/small/b}",
    "check": f"verify, config: {{{_B}}}",
    "check-on": f"verify_backup, config: {{{_B}, vm_id: m-on}}",
    "restore": f"verify_backup, config: {{{_B}, vm_id: m-on, restore: true, run_seconds: 1}}",
    "prune-dry": f"archive, config: {{{_B}, keep: 1, dry_run: true}}",
    "thin": f"archive, config: {{{_B}, keep: 1}}",
    "prune-usual": "archive, config: {retention_days: 30}",
}
_OUT = "/root/restored.qcow2"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(LIBVIRT), hostname="box") as box:
        host = Host(box)
        box.run("mkdir -p /srv/small; mount -t tmpfs -o size=60M tmpfs /srv/small")
        for name, kind in (("m-on", "qcow2"), ("m-raw", "raw"), ("m-off", "qcow2")):
            define(host, name, kind=kind)
            box.run(f"qemu-io -f {kind} -c 'write -P 1 1M 64k' /srv/{name}.img")
        box.run("virsh -q start m-on; virsh -q start m-raw; virsh -q suspend m-raw")
        host.apply(work.yaml({job: _keys(job, task) for job, task in JOBS.items()}))
        yield host


def _keys(job: str, task: str) -> str:
    retries = "{max: 20, delay: 1s}" if job == "retried" else "{max: 0}"
    return f"retries: {retries}, task: {{type: {task}}}"


def run(host: Host, job: str, expect: int = 0) -> Mapping[str, Any]:
    """Run a job to its end; return the outcomes by machine."""
    work.start(host, job)
    (newest, *_) = host.json("history", job)
    said = host.box.journal(f"--unit={work.unit(job)}", "--output=cat")
    assert newest["exit_status"] == expect, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith('{"machines"')]
    found: dict[str, Any] = json.loads(lines[-1])["machines"] if lines else {}
    return found


def restored(host: Host, path: str, *numbers: int) -> bool:
    """Return whether the disk of a backup, read as the documents say, has the patterns."""
    host.box.run(f"qemu-img convert -O qcow2 {path}/vda.qcow2 {_OUT}")
    reads = " ".join(f"-c 'read -P {number} {number}M 64k'" for number in numbers)
    done = host.box.run(f"qemu-io {reads} {_OUT} 2>&1", check=False)
    assert done.stdout.count("bytes at offset") == len(numbers), done.stdout
    return "Pattern verification failed" not in done.stdout


def manifest(host: Host, path: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(host.box.read(f"{path}/manifest.json"))
    return found


def entries(host: Host, folder: str) -> list[str]:
    return sorted(set(host.box.run(["ls", "-A", folder]).stdout.split()) - {".lock"})


def test_machines_in_every_state_are_backed_up_whole(host: Host) -> None:
    found = run(host, "full")

    states = {name: (one["outcome"], one["state"], one["mode"]) for name, one in found.items()}
    assert states == {
        "m-off": ("done", "off", "full"),
        "m-on": ("done", "running", "full"),
        "m-raw": ("done", "paused", "full"),
    }
    for name, one in found.items():
        assert one["path"] == f"/srv/b/{name}/{one['backup']}"
        assert restored(host, one["path"], 1)
        assert not restored(host, one["path"], 2)
        sums = "\n".join(
            f"{file['sha256']}  {one['path']}/{file['name']}"
            for file in manifest(host, one["path"])["files"]
        )
        host.box.write("/root/sums", sums + "\n")
        host.box.run("sha256sum --check --strict /root/sums")
        modes = host.box.run(f"stat -c '%U %a' {one['path']} {one['path']}/*").stdout.split("\n")
        assert set(filter(None, modes)) == {"root 700", "root 600"}
    assert host.box.run("virsh checkpoint-list m-on --name").stdout.strip() == ""
    assert run(host, "check").keys() == found.keys()
    within = host.json("coverage", "m-*", "--within", "1h")
    assert {one["backup"]["path"] for one in within["machines"]} == {
        one["path"] for one in found.values()
    }


def test_incremental_ones_go_on_from_each_other_until_a_full_one_is_due(host: Host) -> None:
    made = []
    for number in (2, 3, 4, 5):
        writes(host, "m-on", number)
        made.append(run(host, "inc"))

    modes = [one["m-on"]["mode"] for one in made]
    assert modes == ["full", "incremental", "incremental", "full"]
    assert made[0]["m-on"]["full_because"] == "there is no backup with a checkpoint to go on from"
    assert made[3]["m-on"]["full_because"] == "every 3. one is full"
    assert made[1]["m-off"]["full_because"] == "it is off"
    raw = "its disk vda is not qcow2, which keeps what was written"
    assert made[1]["m-raw"]["full_because"] == raw
    for count, one in enumerate(made, start=2):
        path = one["m-on"]["path"]
        assert restored(host, path, *range(1, count + 1))
        assert not restored(host, path, count + 1)
    assert made[1]["m-on"]["bytes"] < made[3]["m-on"]["bytes"]
    parents = [manifest(host, one["m-on"]["path"])["parent"] for one in made]
    assert parents == ["", made[0]["m-on"]["backup"], made[1]["m-on"]["backup"], ""]
    marks = host.box.run("virsh checkpoint-list m-on --name").stdout.split()
    assert marks == [f"debvisor-{made[3]['m-on']['backup']}"]
    host.box.run("virsh -q shutdown m-on --mode acpi; virsh -q destroy m-on; virsh -q start m-on")
    writes(host, "m-on", 6)
    after = run(host, "inc")["m-on"]
    assert after["mode"] == "incremental"
    assert restored(host, after["path"], 1, 2, 3, 4, 5, 6)


def test_a_broken_chain_leads_to_a_full_one(host: Host) -> None:
    (mark,) = host.box.run("virsh checkpoint-list m-on --name").stdout.split()
    run(host, "inc")
    (mark,) = host.box.run("virsh checkpoint-list m-on --name").stdout.split()
    host.box.run(f"virsh -q checkpoint-delete m-on {mark} --metadata")
    assert run(host, "inc")["m-on"]["mode"] == "full"
    # The bitmap goes, and libvirt still lists the checkpoint.
    (mark,) = host.box.run("virsh checkpoint-list m-on --name").stdout.split()
    host.box.run("virsh -q destroy m-on")
    host.box.run(f"qemu-img bitmap --remove /srv/m-on.img {mark}; virsh -q start m-on")
    found = run(host, "inc")["m-on"]
    assert found["mode"] == "full"
    assert "its checkpoint" in found["full_because"]
    assert restored(host, found["path"], 1, 2, 3, 4, 5, 6)


def test_a_retry_repeats_only_the_machine_that_was_locked(host: Host) -> None:
    scratch = "<disk name='vda' backup='yes' type='file'><scratch file='/srv/scratch'/></disk>"
    server = "<server transport='unix' socket='/run/backup.sock'/>"
    backup = f"<domainbackup mode='pull'>{server}<disks>{scratch}</disks></domainbackup>"
    host.box.write("/root/backup.xml", backup)
    host.box.run("virsh -q backup-begin m-on /root/backup.xml")
    host.watch()
    work.begin(host, "retried")
    host.box.wait_until(
        lambda: any(attempt.end for attempt in work.attempts(host, "retried")), 30, "an attempt"
    )
    assert entries(host, "/srv/r/m-on") == []
    host.box.run("virsh -q domjobabort m-on")  # it was not ours to stop

    (note,) = work.await_ends(host, "retried", seconds=30)

    assert note["RESULT"] == "success"
    said = host.box.journal(f"--unit={work.unit('retried')}", "--output=cat")
    assert "m-on: it is locked by a job of libvirt" in said
    assert said.count("m-off: made the full backup") == 1
    assert f"m-off: has the backup {note['RUN_ID']} of this run already" in said
    for name in ("m-on", "m-off", "m-raw"):
        assert entries(host, f"/srv/r/{name}") == [note["RUN_ID"]]


def test_a_restored_machine_runs_and_leaves_nothing(host: Host) -> None:
    before = host.box.run("virsh list --all --name").stdout, entries(host, "/srv/b/m-on")
    found = run(host, "restore")["m-on"]
    assert found["restored"]["ran_seconds"] == 1
    assert found["restored"]["cpu_seconds"] > 0
    assert (host.box.run("virsh list --all --name").stdout, entries(host, "/srv/b/m-on")) == before


def test_nothing_that_is_needed_is_pruned(host: Host) -> None:
    writes(host, "m-on", 7)
    newest = run(host, "inc")["m-on"]
    assert newest["mode"] == "incremental"
    before = entries(host, "/srv/b/m-on")

    dry = run(host, "prune-dry")["m-on"]
    assert entries(host, "/srv/b/m-on") == before
    found = run(host, "thin")["m-on"]

    parent = manifest(host, newest["path"])["parent"]
    assert entries(host, "/srv/b/m-on") == sorted([parent, newest["backup"]])
    assert found["removed"] == dry["would_remove"]
    assert found["kept"] == {
        newest["backup"]: "the newest",
        parent: f"needed by {newest['backup']}",
    }
    assert run(host, "check-on")["m-on"]["chain"] == [parent, newest["backup"]]


def test_a_damaged_byte_is_found_wherever_it_is_in_the_chain(host: Host) -> None:
    newest = run(host, "check-on")["m-on"]["chain"]
    image = f"/srv/b/m-on/{newest[0]}/vda.qcow2"
    size = int(host.box.run(["stat", "-c", "%s", image]).stdout)
    host.box.run(
        f"cp {image} /root/whole; printf X | dd of={image} bs=1 seek={size - 9} conv=notrunc"
    )

    found = run(host, "check", 65)

    reason = found["m-on"]["reason"]
    assert (
        reason
        == f"the backup {newest[0]} is damaged: vda.qcow2 was changed: its SHA-256 is another"
    )
    assert found["m-off"]["outcome"] == "done"
    host.box.run(f"rm {image}")
    assert "No such file" in run(host, "check-on", 65)["m-on"]["reason"]
    assert "is not whole" in run(host, "inc")["m-on"]["full_because"]
    host.box.run(f"cp /root/whole {image}")
    run(host, "check")


def test_what_the_guide_shows_works_with_the_usual_directory(host: Host) -> None:
    found = run(host, "usual")["m-off"]
    assert found["path"].startswith("/var/lib/debvisor/backups/m-off/")
    (covered,) = host.json("coverage", "m-off", "--within", "1h")["machines"]
    assert covered["backup"]["path"] == found["path"]
    assert run(host, "check-usual")["m-off"]["backup"] == found["backup"]
    assert run(host, "prune-usual")["m-off"]["removed"] == []


def test_without_room_nothing_is_begun(host: Host) -> None:
    found = run(host, "tight", 1)["m-off"]
    assert found["reason"].startswith("no room in /srv/small/b/m-off: the backup may need 65 MiB")
    assert entries(host, "/srv/small/b/m-off") == []


@pytest.fixture(scope="module")
def big(host: Host) -> Host:
    define(host, "big")
    host.box.run("qemu-img resize -q /srv/big.img 320M")
    host.box.run("qemu-io -c 'write -P 9 0 320M' /srv/big.img; virsh -q start big")
    return host


_SLOWLY = """
import json, libvirt, libvirt_qemu, subprocess, sys, time
libvirt.registerErrorHandler(lambda *_: None, None)
machine = libvirt.open("qemu:///system").lookupByName("big")
def ask(name, **arguments):
    text = json.dumps({"execute": name, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuMonitorCommand(machine, text, 0)).get("return")
subprocess.run(["systemctl", "start", "--no-block", sys.argv[1]], check=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    for job in ask("query-block-jobs"):
        if job["type"] == "backup":
            sys.exit(ask("block-job-set-speed", device=job["device"], speed=65536) != {})
sys.exit("no job came")
"""
"""What holds a backup in its middle: libvirt itself has no limit for one."""


def begin_slowly(host: Host) -> list[str]:
    """Start a backup of the machine, and hold QEMU's job in its middle.

    One that was too fast for that is made again. Returns the backups that are there by then.
    """
    host.box.write("/root/slowly.py", _SLOWLY)

    def holds_it() -> bool:
        host.box.run(["python3", "/root/slowly.py", work.unit("big")], check=False)
        if "Backup" in host.box.run("virsh domjobinfo big").stdout:
            return True
        work.await_ends(host, "big")
        return False

    host.box.wait_until(holds_it, 60, "a backup under way")
    found = entries(host, "/srv/c/big")
    whole = [name for name in found if not name.startswith(".")]
    assert len(found) == len(whole) + 1, found
    return whole


def marks(host: Host) -> list[str]:
    return host.box.run("virsh checkpoint-list big --name").stdout.split()


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_a_backup_that_is_cut_off_is_nowhere(big: Host, signal: str) -> None:
    whole = begin_slowly(big)
    before = [mark for mark in marks(big) if mark.removeprefix("debvisor-") in whole]

    big.box.run(["systemctl", "kill", f"--signal={signal}", work.unit("big")])
    work.await_ends(big, "big", seconds=30)

    left = entries(big, "/srv/c/big")
    assert [name for name in left if not name.startswith(".partial-")] == whole
    if signal == "TERM":
        assert left == whole
        assert "None" in big.box.run("virsh domjobinfo big").stdout
        assert marks(big) == before
        return
    assert "Backup" in big.box.run("virsh domjobinfo big").stdout  # QEMU goes on without us
    found = run(big, "big")["big"]
    assert entries(big, "/srv/c/big") == [*whole, found["backup"]]
    assert marks(big) == [f"debvisor-{found['backup']}"]
    big.box.run(f"qemu-img compare -U /srv/big.img {found['path']}/vda.qcow2")
