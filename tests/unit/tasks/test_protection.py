# SPDX-License-Identifier: Apache-2.0
"""What is kept of machines: backups by their manifests, snapshots whose images are there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.tasks.protection import Guarded, Saved, backups_in, fault_of
from debvisor_timers.tasks.snapshots import Snapshot

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
WEB = Guarded(name="web", uuid="u-web", state="running")


def manifest(folder: Path, **values: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_backups_are_found_at_any_depth_newest_first(tmp_path: Path) -> None:
    old = manifest(tmp_path / "web/1", machine="web", uuid="u-web", time="2026-11-22T02:00:00Z")
    new = manifest(
        tmp_path / "2", machine="was-web", uuid="u-web", time="2026-11-23T03:00:00+01:00"
    )
    manifest(tmp_path / "3", machine="web", uuid="u-other", time="2026-11-23T02:00:00Z")
    bare = manifest(tmp_path / "4", machine="web", time="2026-11-21T02:00:00Z")

    backups = backups_in([tmp_path, tmp_path])

    assert backups.of(WEB) == [
        Saved(place=str(new), made=NOW),
        Saved(place=str(old), made=NOW - timedelta(days=1)),
        Saved(place=str(bare), made=NOW - timedelta(days=2)),
    ]
    assert backups.problems == ()
    assert backups.of(replace(WEB, name="db", uuid="u-db")) == []


def test_what_is_no_manifest_is_told_and_hides_no_other(tmp_path: Path) -> None:
    manifest(tmp_path / "1", machine="web", time="2026-11-23T02:00:00")
    manifest(tmp_path / "2", time="2026-11-23T02:00:00Z")
    manifest(tmp_path / "3", machine="web", time=7)
    (manifest(tmp_path / "4") / "manifest.json").write_text("[", encoding="utf-8")
    manifest(tmp_path / "5", machine="web", time="2026-11-23T02:00:00Z")

    backups = backups_in([tmp_path, tmp_path / "nothing"])

    assert [saved.place for saved in backups.of(WEB)] == [str(tmp_path / "5")]
    told = [problem.split(" is no ")[0] for problem in backups.problems]
    assert told == [
        *(str(tmp_path / number / "manifest.json") for number in "1234"),
        str(tmp_path / "nothing"),
    ]


def test_a_snapshot_whose_image_is_gone_is_of_no_use(tmp_path: Path) -> None:
    image = tmp_path / "web.qcow2"
    external = Snapshot(
        name="a", made=NOW, overlays={"vda": "/elsewhere"}, bases={"vda": str(image)}
    )
    internal = Snapshot(name="b", made=NOW, internal=("vda",), bases={"vda": str(image)})
    for snapshot in (external, internal):
        assert fault_of(snapshot) == f"its image {image} is gone"
    image.touch()
    assert fault_of(external) == ""
    assert fault_of(replace(external, bases={"vda": "pool/image"})) == ""
