# SPDX-License-Identifier: Apache-2.0
"""export units: what an apply would write, into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.errors import DefinitionError, RefusedError, SystemdError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.operations.applying.applied import applied_definitions
from debvisor_timers.operations.applying.desired import desired_states
from debvisor_timers.operations.applying.findings import problems_of
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import is_ours, owned_by_job
from debvisor_timers.source import Problem, Severity
from debvisor_timers.systemd.ports import Entry, FileEntry, UnitDirectory

OLDEST_SYSTEMD = 257
"""The oldest one that we write for: what is written where the running one does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the units of an export go, and its scripts."""

    units: UnitDirectory
    scripts: UnitDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitExport:
    """What was written: names of units and links, and of scripts; removed: of older exports.

    notes: what could not be checked. warnings: what was passed over.
    """

    jobs: int
    units: tuple[str, ...]
    scripts: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[Problem, ...]


def export_units(host: Host, config: Path, target: Target) -> UnitExport:
    """Write the units of the jobs below the folder `config` into `target`; this host is left alone.

    They are as `apply` would write them on a host with the clock of `host`. Raises DefinitionError
    for jobs that are wrong, RefusedError where a file of somebody else is in the way.
    """
    definitions = applied_definitions(host, config).require()
    version = _version(host)
    desired = desired_states(
        host,
        definitions,
        generation=1,
        templates=config / "templates",
        version=max(version, OLDEST_SYSTEMD),
    )
    entries = {name: each for state in desired.values() for name, each in state.entries.items()}
    scripts = {
        name: FileEntry(text) for state in desired.values() for name, text in state.scripts.items()
    }
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = (
        f"the units were not verified: no systemd {OLDEST_SYSTEMD} runs here",
    )
    if version >= OLDEST_SYSTEMD:
        is_here = config == host.layout.config
        problems, notes = _verified(host, definitions, entries, is_here=is_here), ()
    return UnitExport(
        jobs=len(desired),
        units=tuple(sorted(entries)),
        scripts=tuple(sorted(scripts)),
        removed=_write(target, entries, scripts),
        notes=notes,
        warnings=(*definitions.problems, *problems),
    )


def _verified(
    host: Host, definitions: Definitions, entries: Mapping[str, Entry], *, is_here: bool
) -> tuple[Problem, ...]:
    """Return what systemd says of units. Raises DefinitionError for an error.

    is_here: they are of this host; what it lacks, an image may have.
    """
    units = {name: each.text for name, each in entries.items() if isinstance(each, FileEntry)}
    findings = host.analyzer.verify(units)
    problems = tuple(problems_of(findings, definitions.jobs, units, refused=frozenset()))
    if not is_here:
        return tuple(replace(problem, severity=Severity.WARNING) for problem in problems)
    if any(problem.is_error for problem in problems):
        raise DefinitionError((*definitions.problems, *problems))
    return problems


def _version(host: Host) -> int:
    """Return the version of the systemd that runs here, 0 for none."""
    try:
        return host.manager.version()
    except (SystemdError, ImportError):  # no D-Bus; no bindings, where nothing runs
        return 0


def _write(
    target: Target, entries: Mapping[str, Entry], scripts: Mapping[str, FileEntry]
) -> tuple[str, ...]:
    """Write all, and remove what an older export has left; return the names of that."""
    there = target.units.read()
    for name in entries:
        if name in there and not is_ours(name, there[name], there):
            raise RefusedError(
                f"nothing was written: {name} is there, and not written by debvisor-timers",
                fix="name an empty folder, or move it away",
            )
    ours = {name for each in owned_by_job(there).values() for name in each}
    old, old_scripts = ours - entries.keys(), target.scripts.read().keys() - scripts.keys()
    target.scripts.write({**scripts, **dict.fromkeys(old_scripts)})
    target.units.write({**entries, **dict.fromkeys(old)})
    return tuple(sorted((*old, *old_scripts)))
