# SPDX-License-Identifier: Apache-2.0
"""Generations: whole or not there."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.operations.applying.generations import Counts, Deed, Generations, Kept
from debvisor_timers.systemd.ports import FileEntry, LinkEntry

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)


def write(generations: Generations, number: int, config: Path, sha: str | None = None) -> None:
    source = config / "jobs.d" / "a.yaml"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("jobs: {}\n")
    generations.write(
        Kept(number=number, applied=AT, deed=Deed(by="alice"), counts=Counts(created=1)),
        config=config,
        sources={source: sha or hashlib.sha256(b"jobs: {}\n").hexdigest()},
        units={"x.timer": FileEntry("[Timer]\n"), "wants/x.timer": LinkEntry("../x.timer")},
    )


def test_a_generation_keeps_the_yaml_and_the_units(tmp_path: Path) -> None:
    generations = Generations(tmp_path / "generations")

    write(generations, 1, tmp_path / "etc")

    folder = tmp_path / "generations" / "1"
    assert (folder / "jobs.d" / "a.yaml").read_text() == "jobs: {}\n"
    assert json.loads(gzip.decompress((folder / "units.json.gz").read_bytes())) == {
        "x.timer": {"file": "[Timer]\n"},
        "wants/x.timer": {"link": "../x.timer"},
    }
    assert json.loads((folder / "generation.json").read_text()) == {
        "generation": 1,
        "applied": "2026-11-23T02:00:00+00:00",
        "by": "alice",
        "how": "apply",
        "restores": None,
        "created": 1,
        "updated": 0,
        "removed": 0,
    }
    assert generations.latest() == 1


def test_a_file_that_changed_meanwhile_commits_nothing(tmp_path: Path) -> None:
    generations = Generations(tmp_path / "generations")

    with pytest.raises(SystemdError, match="changed while it was being applied"):
        write(generations, 1, tmp_path / "etc", sha="0" * 64)

    assert not generations.exists(1)


def test_prune_keeps_the_newest_and_sweeps_what_was_cut_off(tmp_path: Path) -> None:
    generations = Generations(tmp_path / "generations")
    for number in (1, 2, 3):
        write(generations, number, tmp_path / "etc")
    (tmp_path / "generations" / ".4.new").mkdir()

    generations.prune(2)

    assert sorted(path.name for path in (tmp_path / "generations").iterdir()) == ["2", "3"]


def test_no_folder_means_nothing_was_ever_applied(tmp_path: Path) -> None:
    assert Generations(tmp_path / "generations").latest() == 0
