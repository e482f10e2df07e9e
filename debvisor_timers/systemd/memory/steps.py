# SPDX-License-Identifier: Apache-2.0
"""Every change that is made through the twin's ports, in order, and failures put among them."""

from __future__ import annotations

from dataclasses import dataclass, field

from debvisor_timers.errors import SystemdError


@dataclass(slots=True)
class Steps:
    """Notes each change before it is made, and raises where a test asks for it.

    done: what was done since the last `clear`: `manager.reload`, `manager.start a.timer b.timer`,
    `units.write` (staging), `units.put a.timer` (one for each rename or removal), ...
    """

    done: list[str] = field(default_factory=list)
    _numbered: dict[int, BaseException] = field(default_factory=dict)
    _named: dict[str, BaseException] = field(default_factory=dict)
    _taken: int = 0

    def fail_at(self, number: int, error: BaseException | None = None) -> None:
        """Raise at the step that is the `number`-th from now, counted from 1, instead of it."""
        self._numbered[self._taken + number] = error or _error(f"step {number}")

    def fail_on(self, name: str, error: BaseException | None = None) -> None:
        """Raise at the next step that is called `name` or starts with `name` and a space."""
        self._named[name] = error or _error(name)

    def heal(self) -> None:
        """Forget all failures that have not happened yet."""
        self._numbered.clear()
        self._named.clear()

    def clear(self) -> None:
        """Forget what was done."""
        self.done.clear()

    def take(self, name: str, *details: str) -> None:
        """Note a step, or raise the failure that waits for it."""
        self._taken += 1
        step = " ".join((name, *details))
        if (error := self._numbered.pop(self._taken, None)) is not None:
            raise error
        for wanted in list(self._named):
            if step == wanted or step.startswith(f"{wanted} "):
                raise self._named.pop(wanted)
        self.done.append(step)

    def look(self, name: str) -> None:
        """Raise the failure that waits for the question `name`; questions are not noted."""
        if (error := self._named.pop(name, None)) is not None:
            raise error


def _error(where: str) -> SystemdError:
    return SystemdError(f"the twin was told to fail at {where}")
