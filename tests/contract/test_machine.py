# SPDX-License-Identifier: Apache-2.0
"""What doctor asks of the machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from debvisor_timers.layout import TARGET
from debvisor_timers.systemd.ports import LinkEntry
from tests.contract.rig import Rig, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"
INSTALL = "[Install]\nWantedBy=multi-user.target"


def test_what_a_boot_does_with_a_unit(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), b_timer=timer(DAILY, extra=INSTALL))
    rig.units.write({"contract-c.timer": LinkEntry("/dev/null")})
    rig.manager.reload()

    names = ["contract-a.timer", "contract-b.timer", "contract-c.timer", "contract-none.timer"]
    assert [rig.machine.enablement(name) for name in names] == ["static", "disabled", "masked", ""]
    assert rig.machine.enablement(TARGET) in {"enabled", ""}


def test_whose_a_file_is_and_what_room_there_is(rig: Rig) -> None:
    etc = Path("/etc")

    status, space = rig.machine.status(etc), rig.machine.space(etc)

    assert status is not None
    assert (status.uid, status.mode & 0o002) == (0, 0)
    assert space is not None
    assert space.free_bytes > 0
    assert 0 < space.bytes <= 1
    assert 0 < space.inodes <= 1


def test_groups_libraries_and_what_we_need(rig: Rig) -> None:
    assert rig.machine.has_group("root")
    assert not rig.machine.has_group("contract")
    assert rig.machine.library("click") is not None
    assert rig.machine.library("contract-none") is None


def test_which_packages_are_missing(rig: Rig) -> None:
    assert rig.machine.missing_packages(["dpkg", "contract-none"]) == {"contract-none"}


def test_the_journal_and_the_clock(rig: Rig) -> None:
    assert rig.machine.journald().get("Storage", "auto") in {"auto", "persistent"}
    assert rig.machine.journal_bytes() > 0
    assert rig.machine.clock_error() > timedelta()
