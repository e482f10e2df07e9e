# SPDX-License-Identifier: Apache-2.0
"""What stands in a rendered unit is what the job asked for, and systemd is new enough for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from debvisor_timers.errors import RefusedError, RenderError
from debvisor_timers.render.escape import LONGEST_LINE
from debvisor_timers.render.ownership import SECTION
from debvisor_timers.render.unitfile import statements

Statement = tuple[str, str]
"""(section, key) of one line; the key of a section's header is empty."""

_SIGNATURE = [(SECTION, key) for key in ("", "Job", "Source", "Generation", "Digest")]


class How(StrEnum):
    """How often a directive stands in a unit: always, when its value is not empty, or each."""

    ALWAYS = "always"
    IF_ANY = "if any"
    EACH = "each"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class Row:
    """A directive that a kind of unit can have, in the order in which our template has it.

    name: the template's value that decides (see `How`); of PAIRS, (directive, value) each.
    """

    key: str
    name: str = ""
    how: How = How.ALWAYS


UnitTable = Mapping[str, Sequence[Row]]
"""The rows of one kind of unit, by section."""


def asked_for(table: UnitTable, values: Mapping[str, Any]) -> list[Statement]:
    """Return the statements that the template's `values` ask for, [X-Debvisor] included."""
    asked = []
    for section, rows in table.items():
        asked.append((section, ""))
        for row in rows:
            if row.how is How.ALWAYS:
                asked.append((section, row.key))
            elif value := values[row.name]:
                asked += _repeated(section, row, value)
    return asked + _SIGNATURE


def _repeated(section: str, row: Row, value: Sequence[tuple[str, str]]) -> list[Statement]:
    if row.how is How.PAIRS:
        return [(section, key) for key, _ in value]
    return [(section, row.key)] * (len(value) if row.how is How.EACH else 1)


def require_exact(unit: str, text: str, asked: list[Statement]) -> None:
    """Raise RenderError unless `text` says neither more nor less than `asked`, in any order.

    So no value can become a directive, whatever the filters and an administrator's template do.
    """
    found = statements(text)
    if found != asked and Counter(found) != Counter(asked):
        raise RenderError(
            f"{unit} would not say what the job asks for: {_difference(found, asked)}",
            fix="correct or remove the template in the templates folder of the configuration;"
            " without one this is a bug of debvisor-timers",
        )
    if len(text) > LONGEST_LINE // 4:
        _require_short_lines(unit, text)


def _difference(found: Iterable[Statement], asked: Iterable[Statement]) -> str:
    more, less = Counter(found) - Counter(asked), Counter(asked) - Counter(found)
    said = [f"it has [{section}] {key} in addition" for section, key in more]
    said += [f"[{section}] {key} is missing" for section, key in less]
    return ", ".join(said[:5])


def _require_short_lines(unit: str, text: str) -> None:
    for line in text.split("\n"):
        if len(line.encode(errors="surrogateescape")) > LONGEST_LINE:
            raise RenderError(
                f"{unit}: the line {line[:40]}... is longer than {LONGEST_LINE} bytes,"
                " the most that systemd reads",
                fix="put the long text into a file",
            )


DIRECTIVE_SINCE: Mapping[str, int] = {
    "ExtensionDirectories": 251,
    "LogFilterPatterns": 253,
    "MemoryZSwapMax": 253,
    "OpenFile": 253,
    "DelegateSubgroup": 254,
    "ExtensionImagePolicy": 254,
    "FileDescriptorStorePreserve": 254,
    "ImportCredential": 254,
    "MemoryKSM": 254,
    "MountImagePolicy": 254,
    "RestartMaxDelaySec": 254,
    "RestartMode": 254,
    "RestartSteps": 254,
    "RootEphemeral": 254,
    "RootImagePolicy": 254,
    "CoredumpReceive": 255,
    "NFTSet": 255,
    "SetLoginEnvironment": 255,
    "SurviveFinalKillSignal": 255,
    "MemoryZSwapWriteback": 256,
    "WantsMountsFor": 256,
    "DeferReactivation": 257,
    "ManagedOOMMemoryPressureDurationSec": 257,
    "PrivatePIDs": 257,
    "AssertKernelModuleLoaded": 258,
    "AssertVersion": 258,
    "BPFDelegateAttachments": 258,
    "BPFDelegateCommands": 258,
    "BPFDelegateMaps": 258,
    "BPFDelegatePrograms": 258,
    "CacheDirectoryQuota": 258,
    "ConcurrencyHardMax": 258,
    "ConcurrencySoftMax": 258,
    "ConditionKernelModuleLoaded": 258,
    "ConditionVersion": 258,
    "DelegateNamespaces": 258,
    "LogsDirectoryQuota": 258,
    "PrivateBPF": 258,
    "RandomizedOffsetSec": 258,
    "StateDirectoryQuota": 258,
    "BindNetworkInterface": 260,
    "MemoryTHP": 260,
}
"""The systemd that first knew a directive, of those younger than 250; an older one passes it over
with a warning that nobody reads."""


def require_version(unit: str, asked: Iterable[Statement], *, running: int) -> None:
    """Raise RefusedError when the `running` systemd is too old for a directive of `unit`."""
    for key in sorted(DIRECTIVE_SINCE.keys() & {key for _, key in asked}):
        needed = DIRECTIVE_SINCE[key]
        if needed > running:
            raise RefusedError(
                f"{unit}: {key}= needs systemd {needed}; this host runs systemd {running}",
                fix=f"leave {key}= out, or upgrade systemd",
            )
