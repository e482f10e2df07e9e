# SPDX-License-Identifier: Apache-2.0
"""doctor: the whole set-up looked at, check by check; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from debvisor_timers.errors import DebvisorTimersError, PermissionRefusedError
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.safety import machine_checks, package_checks, state_checks
from debvisor_timers.operations.safety.examined import Examined, Look, Verdict, problem, unknown

CHECKS: Mapping[str, Look] = {
    "systemd": machine_checks.systemd,
    "dbus": machine_checks.dbus,
    "libraries": package_checks.libraries,
    "programs": package_checks.programs,
    "units": package_checks.units,
    "group": package_checks.group,
    "permissions": package_checks.permissions,
    "journal": machine_checks.journal,
    "journal size": machine_checks.journal_size,
    "journal rate": machine_checks.journal_rate,
    "clock": machine_checks.clock,
    "disk": machine_checks.disk,
    "apply": state_checks.interrupted_apply,
    "index": state_checks.index,
    "audit": state_checks.audit,
    "channels": state_checks.channels,
}
"""Every check with its name, in the order in which they are told; the manual page lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a check has found."""

    name: str
    verdict: Verdict
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was found, in the order of CHECKS; each of them at least once."""

    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        """Return True where nothing has to be done; what nobody could look at does not count."""
        return not self.count(Verdict.WARNING) and not self.count(Verdict.PROBLEM)

    def count(self, verdict: Verdict) -> int:
        """Return how many things were found to be so."""
        return sum(check.verdict is verdict for check in self.checks)


def doctor(host: Host) -> Diagnosis:
    """Look at all that jobs need on this host; needs no root, changes nothing, never raises."""
    return Diagnosis(
        checks=tuple(
            Check(name=name, verdict=found.verdict, message=found.message, fix=found.fix)
            for name, look in CHECKS.items()
            for found in _found(look, host)
        )
    )


def _found(look: Look, host: Host) -> Iterator[Examined]:
    """Yield what the check says; where it cannot look, that and why."""
    try:
        yield from look(host)
    except PermissionRefusedError as error:
        yield unknown(error.message, error.fix)
    except PermissionError as error:
        yield unknown(f"you may not look: {error}", "run the command with sudo")
    except OSError as error:
        yield problem(f"cannot look: {error}", "journalctl -b -p warning")
    except DebvisorTimersError as error:
        yield problem(error.message, error.fix or "journalctl -b -p warning")
