# SPDX-License-Identifier: Apache-2.0
"""ZFS: which datasets are meant, whose snapshots are whose, and how a scrub has ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.zfs import Place, below, chosen
from debvisor_timers.tasks.zfs_scrub import pool_in
from debvisor_timers.tasks.zfs_snapshot import Snapshot, snapshots_in

KNOWN = ["rpool", "tank", "tank/home", "tank/vms", "tank/vms/a b", "tank/vms/tmp/x"]
RUN = "20261123T020000Z-4f2a9c"


def paths(places: list[Place]) -> list[str]:
    return [place.path for place in places]


@pytest.mark.parametrize(
    ("names", "exclude", "found"),
    [
        ((), (), KNOWN),
        (("tank",), (), ["tank"]),
        (("tank/vms/*", "rpool"), (), ["rpool", "tank/vms/a b", "tank/vms/tmp/x"]),
        (("tank*",), ("tank/vms/tmp", "*home"), ["tank", "tank/vms", "tank/vms/a b"]),
        (("tank", "none*"), (), ["tank"]),
    ],
)
def test_datasets_are_chosen_by_names_and_globs(
    names: tuple[str, ...], exclude: tuple[str, ...], found: list[str]
) -> None:
    assert paths(chosen(KNOWN, names, exclude, noun="dataset")) == found


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("tank", "tnak"), "there is no dataset tnak"),
        (("no*",), "no dataset is meant"),
    ],
)
def test_what_is_not_there_is_no_matter_of_retries(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(TaskFailed, match=message) as failure:
        chosen(KNOWN, names, (), noun="dataset")
    assert failure.value.exit_status == 65


def test_below_a_dataset_lies_what_has_its_whole_name() -> None:
    known = ["tank/vm", "tank/vm/a", "tank/vms", "tank/vms/b"]
    assert paths(below(known, [Place(path="tank/vm")])) == ["tank/vm", "tank/vm/a"]


def lines(path: str, job: tuple[str, str], userrefs: int = 0, clones: str = "") -> str:
    return (
        f"{path}\torg.debvisor.timers:job\t{job[0]}\t{job[1]}\n"
        f"{path}\tcreation\t1795399200\t-\n"
        f"{path}\tuserrefs\t{userrefs}\t-\n"
        f"{path}\tclones\t{clones}\t-\n"
    )


def test_a_snapshot_is_ours_by_name_and_by_a_property_of_its_own() -> None:
    made = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    text = (
        lines(f"tank/a b@debvisor-night-{RUN}", ("night", "local"))
        + lines(f"tank/a b@debvisor-night-{RUN}2", ("night", "received"))
        + lines(f"tank/a b@debvisor-night-{RUN}3", ("night", "inherited from tank"))
        + lines("tank/a b@renamed", ("night", "local"))
        + lines("tank/a b@by-hand", ("-", "-"), userrefs=2, clones="tank/c,tank/d")
    )

    found = snapshots_in(text)

    assert [each.job for each in found] == ["night", "", "", "", ""]
    assert found[0] == Snapshot(
        dataset="tank/a b", name=f"debvisor-night-{RUN}", made=made, job="night"
    )
    assert (found[4].holds, found[4].clones) == (2, ("tank/c", "tank/d"))
    assert found[4].bond == "it is held (zfs holds)"


def test_a_clone_binds_its_snapshot() -> None:
    (found,) = snapshots_in(lines("tank@a", ("-", "-"), clones="tank/c"))
    assert found.bond == "tank/c is a clone of it"


def status(**scan: Any) -> str:
    whole = {
        "function": "SCRUB",
        "state": "FINISHED",
        "start_time": 1795399200,
        "end_time": 1795399800,
        "to_examine": 1000,
        "examined": 1000,
        "skipped": 0,
        "processed": 0,
        "errors": 0,
        "scrub_pause": 0,
        "issued": 1000,
    }
    pool = {"name": "tank", "state": "ONLINE", "scan_stats": whole | scan, "error_count": "0"}
    return json.dumps({"pools": {"tank": pool}})


def test_a_finished_scrub_has_times_and_errors() -> None:
    pool = pool_in(status(processed=4096, errors=3), "tank")

    assert (pool.state, pool.errors) == ("ONLINE", 0)
    assert (pool.scan.repaired, pool.scan.errors) == (4096, 3)
    assert pool.scan.started == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert pool.scan.ended == datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    assert not pool.scan.is_under_way


def test_a_scrub_under_way_has_a_fraction() -> None:
    scan = pool_in(status(state="SCANNING", issued=250, skipped=500, end_time=0), "tank").scan
    assert (scan.is_under_way, scan.is_paused, scan.fraction, scan.ended) == (
        True,
        False,
        0.5,
        None,
    )
    paused = pool_in(status(state="SCANNING", scrub_pause=1795399300, end_time=0), "tank").scan
    assert paused.is_paused


def test_a_pool_that_was_never_scrubbed_has_no_scan() -> None:
    text = json.dumps({"pools": {"tank": {"state": "ONLINE", "error_count": "0"}}})
    assert pool_in(text, "tank").scan.function == "NONE"


@pytest.mark.parametrize("text", ["", "[]", '{"pools": {}}', '{"pools": {"tank": []}}'])
def test_a_status_that_is_not_understood_is_a_failure(text: str) -> None:
    with pytest.raises(TaskFailed, match="zpool status of tank is not understood"):
        pool_in(text, "tank")
