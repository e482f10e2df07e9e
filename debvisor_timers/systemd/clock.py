# SPDX-License-Identifier: Apache-2.0
"""The clock of this host, and its time zone as PID 1 sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.errors import SystemdError

_MARK = "zoneinfo/"


class SystemClock:
    """The real Clock."""

    def __init__(
        self, *, etc: Path = Path("/etc"), zoneinfo: Path = Path("/usr/share/zoneinfo")
    ) -> None:
        """Look for `localtime` and `timezone` in `etc`, for zone files in `zoneinfo`."""
        self._etc = etc
        self._zoneinfo = zoneinfo

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def zone(self) -> str:
        """Return the name that /etc/localtime stands for; `UTC` when there is no such file.

        /etc/timezone is believed only where /etc/localtime is a copy, not a link, and the copy is
        of that zone: PID 1 itself never reads the name.
        Raises SystemdError when the zone cannot be named.
        """
        localtime = self._etc / "localtime"
        try:
            target = str(localtime.readlink())
        except FileNotFoundError:
            return "UTC"
        except OSError:
            return self._name_of_copy(localtime)
        _, mark, name = target.partition(_MARK)
        if not mark:
            raise _unnamed(f"{localtime} points to {target}")
        return name

    def _name_of_copy(self, localtime: Path) -> str:
        try:
            name = (self._etc / "timezone").read_text().strip()
            if (self._zoneinfo / name).read_bytes() == localtime.read_bytes():
                return name
        except OSError:
            pass
        raise _unnamed(f"{localtime} is a file that names no zone")


def _unnamed(what: str) -> SystemdError:
    return SystemdError(
        f"the time zone of this host has no name: {what}",
        fix="set it with: timedatectl set-timezone Europe/Amsterdam (or yours)",
    )
