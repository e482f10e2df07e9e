# SPDX-License-Identifier: Apache-2.0
"""The name of the host's time zone, from the files that tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.clock import SystemClock


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """A folder of two zone files."""
    (tmp_path / "zoneinfo" / "Europe").mkdir(parents=True)
    (tmp_path / "zoneinfo" / "Europe" / "Paris").write_bytes(b"paris")
    (tmp_path / "zoneinfo" / "Europe" / "Rome").write_bytes(b"rome")
    (tmp_path / "etc").mkdir()
    return tmp_path / "zoneinfo"


def clock(zones: Path) -> SystemClock:
    return SystemClock(etc=zones.parent / "etc", zoneinfo=zones)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/usr/share/zoneinfo/Europe/Amsterdam", "Europe/Amsterdam"),
        ("../usr/share/zoneinfo/Etc/UTC", "Etc/UTC"),
        ("/usr/share/zoneinfo/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
    ],
)
def test_the_link_names_the_zone(zones: Path, target: str, name: str) -> None:
    (zones.parent / "etc" / "localtime").symlink_to(target)
    (zones.parent / "etc" / "timezone").write_text("Europe/Rome\n")
    assert clock(zones).zone() == name


def test_without_the_file_it_is_utc_whatever_else_is_written(zones: Path) -> None:
    (zones.parent / "etc" / "timezone").write_text("Europe/Rome\n")
    assert clock(zones).zone() == "UTC"


def test_a_copy_is_named_by_etc_timezone(zones: Path) -> None:
    (zones.parent / "etc" / "localtime").write_bytes(b"rome")
    (zones.parent / "etc" / "timezone").write_text("Europe/Rome\n")
    assert clock(zones).zone() == "Europe/Rome"


@pytest.mark.parametrize("named", ["Europe/Paris\n", "Europe/Nowhere\n", "", None])
def test_a_copy_of_another_zone_has_no_name(zones: Path, named: str | None) -> None:
    (zones.parent / "etc" / "localtime").write_bytes(b"rome")
    if named is not None:
        (zones.parent / "etc" / "timezone").write_text(named)
    with pytest.raises(SystemdError, match="no name") as raised:
        clock(zones).zone()
    assert "timedatectl" in raised.value.fix


def test_a_link_to_somewhere_else_has_no_name(zones: Path) -> None:
    (zones.parent / "etc" / "localtime").symlink_to("/srv/rome")
    with pytest.raises(SystemdError, match="/srv/rome"):
        clock(zones).zone()
