# SPDX-License-Identifier: Apache-2.0
"""storage: how far images may grow, and whether there is room."""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.tasks.scaling_advice import host_advice
from debvisor_timers.tasks.storage import Storage, look, storage_of
from tests.unit.tasks.readings import GIB, disk, usage

DEVICES = {"/srv/a": 1, "/srv/b": 1, "/mnt/c": 2}


def known(path: str) -> tuple[int, int, int]:
    if path not in DEVICES:
        raise FileNotFoundError(path)
    return DEVICES[path], 100 * GIB, 11 * GIB


def test_images_on_one_file_system_are_counted_together() -> None:
    first = usage("a", disks=(disk(path="/srv/a"), disk(path="/gone")))
    other = usage("b", disks=(disk(path="/srv/b", capacity=20 * GIB), disk(path="/mnt/c")))
    volume = usage("c", disks=(disk(path="/srv/a", is_volume=True),))

    found = storage_of([first, other, volume], known)

    assert found == (
        Storage(place="/srv", total=100 * GIB, free=11 * GIB, growth=22 * GIB),
        Storage(place="/mnt", total=100 * GIB, free=11 * GIB, growth=6 * GIB),
    )
    (advice,) = host_advice(found)
    assert advice.text == (
        "the images in /srv may grow by 22 GiB, and 11 GiB are free there: machines stop when it "
        "is full"
    )


def test_an_image_that_takes_more_than_its_guest_sees_gives_nothing_back() -> None:
    (found,) = storage_of([usage(disks=(disk(path="/srv/a", stored=11 * GIB),))], known)
    assert found.growth == 0


def test_the_host_is_asked_for_its_file_systems(tmp_path: Path) -> None:
    device, total, free = look(str(tmp_path))
    assert device == tmp_path.stat().st_dev
    assert 0 <= free <= total
