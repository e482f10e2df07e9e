# SPDX-License-Identifier: Apache-2.0
"""Time zone names, as systemd judges them."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import ScheduleError


@pytest.fixture
def zoneinfo(tmp_path: Path) -> Path:
    for name in ("Europe/Amsterdam", "America/Nome", "Europe/Berlin", "Asia/Tokyo", "Etc/GMT+5"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"TZif2 and so on")
    (tmp_path / "leapseconds").write_text("# no time zone\n", encoding="utf-8")
    (tmp_path / "zone.tab").write_text("# no time zone\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["Europe/Amsterdam", "Asia/Tokyo", "Etc/GMT+5", "UTC"])
def test_zones_of_the_database_are_known(zoneinfo: Path, name: str) -> None:
    assert check_zone(name, zoneinfo=zoneinfo) == name


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Europe/Amsterdm", "write Europe/Amsterdam"),
        ("europe/berlin", "write Europe/Berlin"),
        ("Tokyo", "write Asia/Tokyo"),
        ("Nope", "use a name"),
        ("Mars/Olympus", "use a name that `timedatectl list-timezones` prints"),
        ("CET", "use a name"),
        ("zone.tab", "use a name"),
        ("leapseconds", "use a name"),
        ("Europe", "use a name"),
        ("", "use a name"),
        ("/Europe/Berlin", "write Europe/Berlin"),
        ("Europe//Berlin", "write Europe/Berlin"),
        ("../../../../etc/localtime", "use a name"),
        ("Europe/Berlin\n", "write Europe/Berlin"),
    ],
)
def test_other_names_are_refused_with_the_nearest(zoneinfo: Path, name: str, fix: str) -> None:
    with pytest.raises(
        ScheduleError, match="is not in this machine's time zone database"
    ) as caught:
        check_zone(name, zoneinfo=zoneinfo)
    assert caught.value.fix.startswith(fix)
