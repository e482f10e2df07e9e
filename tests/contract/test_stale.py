# SPDX-License-Identifier: Apache-2.0
"""Which units systemd has loaded otherwise than their files are: asked of few, true of all."""

from __future__ import annotations

import pytest

from tests.contract.rig import Rig, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"
NAMES = ["contract-a.timer", "contract-a.service"]


@pytest.fixture
def loaded(rig: Rig) -> Rig:
    """Return the rig with a timer that runs, after a reload."""
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.manager.reload()
    return rig


def test_nothing_is_stale_after_a_reload(loaded: Rig) -> None:
    assert loaded.manager.stale(NAMES) == []


def test_a_file_that_was_written_since_is(loaded: Rig) -> None:
    loaded.write(a_service=loaded.service("contract-a.service", extra="Nice=5"))

    assert loaded.manager.stale(NAMES) == ["contract-a.service"]
    loaded.manager.reload()
    assert loaded.manager.stale(NAMES) == []


def test_a_file_that_is_gone_is(loaded: Rig) -> None:
    loaded.units.write({"contract-a.service": None})

    assert "contract-a.service" in loaded.manager.stale(NAMES)
