# SPDX-License-Identifier: Apache-2.0
"""The clock: aware, in UTC, going forward; and a zone that has a name."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from tests.contract.rig import Rig


def test_now_is_aware_and_in_utc(rig: Rig) -> None:
    assert rig.clock.now().tzinfo is UTC


def test_time_passes(rig: Rig) -> None:
    before = rig.clock.now()
    rig.let_pass(timedelta(milliseconds=5))
    assert rig.clock.now() - before >= timedelta(milliseconds=5)


def test_the_zone_has_a_name_that_systemd_knows(rig: Rig) -> None:
    spec = f"*-*-* 12:00:00 {rig.clock.zone()}"
    [answer] = rig.analyzer.calendar([spec], after=rig.clock.now(), count=1)
    assert answer.error == ""
    assert ZoneInfo(rig.clock.zone()).key == rig.clock.zone()
