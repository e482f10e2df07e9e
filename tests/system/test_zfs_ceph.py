# SPDX-License-Identifier: Apache-2.0
"""Tasks of storage as jobs do them: ZFS by stand-ins for its commands, Ceph by a real monitor.

The kernel of a box has no ZFS. The stand-ins print what ZFS 2.3 prints; source: its manual pages,
the words in its programs, and cmd/zpool/zpool_main.c.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import CEPH
from tests.system import work
from tests.system.host import Host

STATE = "/var/lib/stand-in"
STAND_IN = f'''\
#!/usr/bin/python3
"""zfs and zpool; what the host has stands in a file, what was asked in another."""
import json, pathlib, sys, time

PLACE = pathlib.Path("{STATE}/state")
command, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with open("{STATE}/log", "a") as log:
    log.write(" ".join([command, *arguments]) + "\\n")
state = json.loads(PLACE.read_text())
datasets, snapshots, pools = state["datasets"], state["snapshots"], state["pools"]
PROPERTY = "org.debvisor.timers:job"


def fail(text):
    sys.exit(f"cannot {{text}}")


def zfs_list(*options):
    assert options == ("-H", "-t", "filesystem,volume", "-o", "name"), options
    print(*datasets, sep="\\n")


def zfs_get(*options):
    *options, dataset = options
    assert options[:5] == ["-Hp", "-d", "1", "-t", "snapshot"], options
    assert options[5:] == [
        "-o", "name,property,value,source", f"{{PROPERTY}},creation,userrefs,clones"
    ], options
    for path, about in snapshots.items():
        if path.split("@")[0] == dataset:
            print(path, PROPERTY, about.get("job", "-"), about.get("source", "-"), sep="\\t")
            print(path, "creation", about["made"], "-", sep="\\t")
            print(path, "userrefs", about.get("holds", 0), "-", sep="\\t")
            print(path, "clones", about.get("clones", ""), "-", sep="\\t")


def zfs_snapshot(option, value, *paths):
    name, _, job = value.partition("=")
    assert (option, name) == ("-o", PROPERTY)
    if state["full"] in {{path.partition("@")[0].partition("/")[0] for path in paths}}:
        PLACE.write_text(json.dumps(state | {{"full": state["later"]}}))
        fail("create snapshots : out of space")
    for path in paths:
        snapshots[path] = {{"job": job, "source": "local", "made": int(time.time())}}


def zfs_destroy(path):
    assert "@" in path
    if path not in snapshots:
        fail(f"find snapshot '{{path}}': dataset does not exist")
    del snapshots[path]


def zpool_list(*options):
    assert options == ("-H", "-o", "name"), options
    print(*pools, sep="\\n")


def zpool_scrub(pool):
    if pools[pool]["scan"].get("function") == "RESILVER":
        fail(f"scrub {{pool}}: currently resilvering")
    pools[pool]["scan"] = {{
        "function": "SCRUB", "state": "SCANNING", "start_time": int(time.time()), "end_time": 0,
        "to_examine": 1000, "examined": 500, "skipped": 0, "processed": 4096,
        "errors": pools[pool]["errors"], "bytes_per_scan": 500, "pass_start": int(time.time()),
        "scrub_pause": 0, "scrub_spent_paused": 0, "issued_bytes_per_scan": 500, "issued": 500,
    }}
    pools[pool]["looks"] = 0


def zpool_status(*options):
    *options, name = options
    assert options == ["-j", "--json-int", "-p"], options
    pool = pools[name]
    pool["looks"] = pool.get("looks", 0) + 1
    if pool["scan"].get("function") == "SCRUB" and pool["looks"] > 1:
        pool["scan"] |= {{"state": "FINISHED", "end_time": int(time.time()), "issued": 1000}}
    about = {{"name": name, "state": pool["state"], "error_count": str(pool["errors"])}}
    if pool["scan"]:
        about["scan_stats"] = pool["scan"]
    version = {{"command": "zpool status", "vers_major": 0, "vers_minor": 1}}
    print(json.dumps({{"output_version": version, "pools": {{name: about}}}}))


globals()[f"{{command}}_{{arguments[0]}}"](*arguments[1:])
PLACE.write_text(json.dumps(state))
'''
JOBS = {
    "snaps": "zfs_snapshot, config: {dataset: [tank/vms, 'rpool*'], recursive: true, keep: 1}",
    "typo": "zfs_snapshot, config: {dataset: tank/vmz}",
    "retried": "zfs_snapshot, config: {dataset: '*'}",
    "scrub": "zfs_scrub, config: {pool: tank}",
    "scrubs": "zfs_scrub",
    "ceph": "ceph_health, config: {connect_timeout_seconds: 2}",
    "ceph-errors": "ceph_health, config: {fail_on: error}",
}
CONF = """\
[global]
fsid = 6d6d0d6c-6f0b-4a35-9a8e-2f5ea6f2c1b7
mon_initial_members = a
mon_host = v2:127.0.0.1:3300
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_erasure_code_plugins =
auth_allow_insecure_global_id_reclaim = false
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(CEPH)) as box:
        host = Host(box)
        for name in ("zfs", "zpool"):
            box.write(f"/usr/sbin/{name}", STAND_IN, 0o755)
        box.write("/etc/ceph/ceph.conf", CONF)
        tasks = {
            job: f"task: {{type: {about}}}, retries: {{max: {int(job == 'retried')}, delay: 0}}"
            for job, about in JOBS.items()
        }
        host.apply(work.yaml(tasks))
        yield host


def zfs(host: Host, **changes: Any) -> None:
    """Let the host have these datasets, snapshots and pools."""
    state: dict[str, Any] = {"datasets": [], "snapshots": {}, "pools": {}, "full": "", "later": ""}
    host.box.write(f"{STATE}/state", json.dumps(state | changes))
    host.box.write(f"{STATE}/log", "")


def snapshots(host: Host) -> list[str]:
    return sorted(json.loads(host.box.read(f"{STATE}/state"))["snapshots"])


def run(host: Host, job: str) -> dict[str, Any]:
    """Run a job, and return what history has of the run."""
    work.start(host, job)
    host.box.run(["journalctl", "--sync"])
    found: dict[str, Any] = host.json("history", job)[0]
    return found


def said(host: Host, job: str) -> str:
    return host.box.journal("--unit", work.unit(job), "--output=cat")


def old(job: str, source: str = "local", **more: Any) -> dict[str, Any]:
    return {"job": job, "source": source, "made": int(time.time()) - 86400, **more}


def test_snapshots_are_made_and_only_ours_are_removed(host: Host) -> None:
    name = "debvisor-snaps-20200101T000000Z-00000"
    zfs(
        host,
        datasets=["rpool", "tank", "tank/vms", "tank/vms/a", "tank/vmstore"],
        snapshots={
            "rpool@by-hand": {"made": 1},
            f"rpool@{name}1": old("snaps"),
            f"tank/vms@{name}1": old("snaps", holds=1),
            f"tank/vms/a@{name}1": old("snaps", "received"),
            f"tank/vms/a@{name}2": old("snaps", clones="tank/clone"),
            "tank/vms/a@debvisor-snaps-2-20200101T000000Z-000001": old("snaps-2"),
        },
    )

    result = run(host, "snaps")

    assert result["outcome"] == "succeeded", said(host, "snaps")
    new = f"debvisor-snaps-{result['run']}"
    assert snapshots(host) == sorted(
        [
            "rpool@by-hand",
            f"rpool@{new}",
            f"tank/vms@{name}1",
            f"tank/vms@{new}",
            f"tank/vms/a@{name}1",
            f"tank/vms/a@{name}2",
            "tank/vms/a@debvisor-snaps-2-20200101T000000Z-000001",
            f"tank/vms/a@{new}",
        ]
    )
    each = result["task_result"]["datasets"]
    assert each["rpool"]["removed"] == [f"{name}1"]
    assert each["tank/vms"]["kept"] == {f"{name}1": "it is held (zfs holds)"}
    assert each["tank/vms/a"]["kept"] == {f"{name}2": "tank/clone is a clone of it"}
    made = [line for line in host.box.read(f"{STATE}/log").splitlines() if "zfs snapshot" in line]
    assert len(made) == 2  # one for each pool: all of it at one moment


def test_a_full_pool_keeps_no_other_from_its_snapshots(host: Host) -> None:
    zfs(host, datasets=["rpool", "tank/vms"], full="rpool", later="rpool")

    result = run(host, "snaps")

    assert result["exit_status"] == 1
    each = result["task_result"]["datasets"]
    assert (each["rpool"]["outcome"], each["tank/vms"]["outcome"]) == ("failed", "done")
    assert "rpool: zfs snapshot: cannot create snapshots : out of space" in said(host, "snaps")


def test_a_retry_makes_what_is_missing_alone(host: Host) -> None:
    zfs(host, datasets=["rpool", "tank"], full="rpool")

    result = run(host, "retried")

    assert (result["outcome"], result["attempts"]) == ("succeeded", 2), said(host, "retried")
    name = f"debvisor-retried-{result['run']}"
    assert snapshots(host) == [f"rpool@{name}", f"tank@{name}"]
    each = result["task_result"]["datasets"]
    assert (each["rpool"]["outcome"], each["tank"]["outcome"]) == ("done", "skipped")


def test_a_dataset_that_is_not_there_is_named(host: Host) -> None:
    zfs(host, datasets=["tank/vms"])
    assert run(host, "typo")["exit_status"] == 65
    assert "there is no dataset tank/vmz" in said(host, "typo")
    assert snapshots(host) == []


def test_a_scrub_is_waited_for_and_judged(host: Host) -> None:
    zfs(host, pools={"tank": {"state": "ONLINE", "errors": 0, "scan": {}}})

    result = run(host, "scrub")

    assert result["outcome"] == "succeeded", said(host, "scrub")
    pool = result["task_result"]["pools"]["tank"]
    assert (pool["state"], pool["errors"], pool["repaired_bytes"]) == ("ONLINE", 0, 4096)
    assert "zpool scrub tank" in host.box.read(f"{STATE}/log")


def test_damage_and_a_resilver_fail_the_run_and_the_rest_is_scrubbed(host: Host) -> None:
    resilver = {"function": "RESILVER", "state": "SCANNING", "start_time": 1, "end_time": 0}
    zfs(
        host,
        pools={
            "bad": {"state": "DEGRADED", "errors": 2, "scan": {}},
            "new": {"state": "ONLINE", "errors": 0, "scan": resilver},
            "tank": {"state": "ONLINE", "errors": 0, "scan": {}},
        },
    )

    result = run(host, "scrubs")

    each = result["task_result"]["pools"]
    assert {name: about["outcome"] for name, about in each.items()} == {
        "bad": "failed",
        "new": "failed",
        "tank": "done",
    }
    assert each["bad"]["errors"] == 2
    assert "bad is not well: 2 errors in its data; its state is DEGRADED" in said(host, "scrubs")
    assert "new is resilvering" in said(host, "scrubs")


def test_monitors_that_do_not_answer_are_a_failure_of_its_own(host: Host) -> None:
    assert run(host, "ceph")["exit_status"] == 69
    assert "the cluster cannot be asked" in said(host, "ceph")


def test_a_real_cluster_says_what_it_complains_of(host: Host) -> None:
    host.box.run(
        "ceph-mon --mkfs -i a --mon-data /var/lib/ceph/a"
        " && systemd-run --unit=monitor ceph-mon -f -i a --mon-data /var/lib/ceph/a"
    )
    host.box.wait_until("ceph --connect-timeout 1 health", 40, "an answer")
    result = run(host, "ceph")
    assert result["outcome"] == "succeeded", said(host, "ceph")
    assert result["task_result"] == {"status": "HEALTH_OK", "checks": {}, "ignored": []}
    host.box.run("ceph osd set noout && ceph health | grep noout")

    result = run(host, "ceph")

    assert result["exit_status"] == 1, said(host, "ceph")
    assert result["task_result"]["status"] == "HEALTH_WARN"
    assert result["task_result"]["checks"]["OSDMAP_FLAGS"]["severity"] == "HEALTH_WARN"
    assert "the cluster is not well: noout flag(s) set (OSDMAP_FLAGS)" in said(host, "ceph")
    assert run(host, "ceph-errors")["outcome"] == "succeeded"
    host.cli("task", "run", "ceph_health", expect=1)
    host.cli("task", "run", "ceph_health", 'ignore=["OSDMAP_*"]')
    host.box.run("ceph health mute OSDMAP_FLAGS")
    host.cli("task", "run", "ceph_health")
