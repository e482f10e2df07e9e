# SPDX-License-Identifier: Apache-2.0
"""What became of each machine of a task: one that fails keeps no other from its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from debvisor_timers.tasks.base import BUSY, FAILED, WRONG, TaskFailed


class Named(Protocol):
    """A machine, as libvirt's library has it."""

    def name(self) -> str:
        """Return its name."""


MachineT = TypeVar("MachineT", bound=Named)
Outcome = Mapping[str, Any]
"""What became of a machine. `outcome` is done, skipped or failed; `reason` says why."""


def for_each(
    machines: Iterable[MachineT],
    work: Callable[[MachineT], Outcome],
    *,
    key: str = "machines",
    noun: str = "virtual machines",
) -> dict[str, dict[str, Any]]:
    """Return what `work` makes of each machine, by its name, as the result of a run has it.

    key, noun: what they are called in the result, and for people.

    TaskFailed of a machine is told and kept; once all have had their turn, it is raised for all
    that failed. So is an error of libvirt, or of the system.
    Its exit status is that of them all; 1 where they differ, as another attempt may help some.
    """
    errors: tuple[type[Exception], ...] = (TaskFailed, OSError, *_errors_of_libvirt())
    outcomes: dict[str, dict[str, Any]] = {}
    statuses: dict[str, int] = {}
    for machine in machines:
        name = machine.name()
        try:
            outcomes[name] = dict(work(machine))
        except errors as error:
            print(f"{name}: {error}", flush=True)
            known = getattr(error, "result", None) or {}
            failed = {"outcome": "failed", "reason": str(error).split("\n")[0]}
            outcomes[name] = {**known, **failed}
            statuses[name] = error.exit_status if isinstance(error, TaskFailed) else FAILED
    result = {key: outcomes}
    if statuses:
        text = _told(outcomes, statuses, noun)
        raise TaskFailed(text, exit_status=_status(statuses), result=result)
    return result


def _told(outcomes: Mapping[str, Outcome], statuses: Mapping[str, int], noun: str) -> str:
    lines = [f"{name}: {outcomes[name]['reason']}" for name in statuses]
    if len(outcomes) == 1:
        return lines[0]
    count = f"{len(statuses)} of {len(outcomes)} {noun} failed"
    return "\n  ".join([count, *lines])


def _status(statuses: Mapping[str, int]) -> int:
    different = set(statuses.values())
    if len(different) == 1:
        return different.pop()
    return BUSY if different <= {BUSY, WRONG} else FAILED


def _errors_of_libvirt() -> tuple[type[Exception], ...]:
    try:
        import libvirt  # noqa: PLC0415 - only tasks of machines need it
    except ImportError:
        return ()
    return (libvirt.libvirtError,)
