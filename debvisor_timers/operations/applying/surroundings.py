# SPDX-License-Identifier: Apache-2.0
"""What an apply found around it: versions, and drop-ins of the administrator. `status` compares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from debvisor_timers import __version__
from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import OWN_PATTERNS

_DROP_INS = tuple(f"{each}.d" for each in (*OWN_PATTERNS, "debvisor-timers*", "debvisor-.*"))
_FILE = "surroundings.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What units depend on, and none of our files says.

    package, systemd: the versions. drop_ins: the files that change our units, each with a digest of
    what is in it.
    """

    package: str
    systemd: int
    drop_ins: Mapping[str, str]

    @classmethod
    def now(cls, host: Host) -> Surroundings:
        """Return what is there now."""
        found = host.manager.drop_in_files(_DROP_INS)
        return cls(
            package=__version__,
            systemd=host.manager.version(),
            drop_ins={str(path): _digest(text) for path, text in sorted(found.items())},
        )


def noted(host: Host) -> Surroundings | None:
    """Return what the last apply found; None where it noted nothing that can be read."""
    try:
        plain = durable.read_json(host.layout.state / _FILE)
        return Surroundings(**plain) if isinstance(plain, dict) else None
    except (DebvisorTimersError, TypeError):
        return None


def note(host: Host, *, only_first: bool = False) -> None:
    """Note what is there now, for `status`; only_first: unless something was noted before.

    Its file may be read by all: there is nothing in it that `systemctl cat` does not tell.
    """
    before = noted(host)
    if before is not None and only_first:
        return
    now = Surroundings.now(host)
    if now != before:
        durable.write_json(host.layout.state / _FILE, asdict(now), mode=0o644)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
