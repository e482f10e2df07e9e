# SPDX-License-Identifier: Apache-2.0
"""check: every problem of the job files, systemd's opinion included; changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.jobs.load import Definitions, load_definitions, load_files
from debvisor_timers.operations.applying.desired import desired_states
from debvisor_timers.operations.applying.verify import verify
from debvisor_timers.operations.coming.crowds import crowd_problems
from debvisor_timers.operations.coming.gaps import gap_problems
from debvisor_timers.operations.config import outdated_calendars
from debvisor_timers.operations.holding.paused import paused_problems
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.packages import package_problems
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How many jobs were read from how many files, and all that is wrong with them."""

    files: int
    jobs: int
    problems: tuple[Problem, ...]

    @property
    def has_errors(self) -> bool:
        """Return True when an apply of these files would be refused."""
        return any(problem.is_error for problem in self.problems)


def check(host: Host, files: Sequence[Path] = ()) -> CheckResult:
    """Read `files`, or all files of the host, and return their problems in order."""
    config = host.layout.config
    definitions = load_files(files, config=config) if files else load_definitions(config)
    problems = [*definitions.problems, *opinion_of_systemd(host, definitions)]
    if not any(problem.is_error for problem in problems):
        problems += _advice(host, definitions)
    return CheckResult(
        files=len(definitions.sources),
        jobs=len(definitions.jobs),
        problems=tuple(sorted(problems, key=_place)),
    )


def opinion_of_systemd(
    host: Host, definitions: Definitions, jobs: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Return what systemd says of the jobs of `definitions`, or of some of them, by their ids."""
    if jobs is not None:
        chosen = {name: job for name, job in definitions.jobs.items() if name in jobs}
        definitions = replace(definitions, jobs=chosen)
    units = {
        name: entry.text
        for state in desired_states(host, definitions, generation=0).values()
        for name, entry in state.entries.items()
        if isinstance(entry, FileEntry)
    }
    return verify(host, definitions, tuple(definitions.jobs.values()), units).problems


def _advice(host: Host, definitions: Definitions) -> list[Problem]:
    """Return what can be applied, and could be better: no apply and no plan asks for it."""
    jobs = definitions.jobs.values()
    return [
        *outdated_calendars(host, definitions),
        *paused_problems(host, definitions.jobs),
        *gap_problems(host, jobs),
        *package_problems(host, definitions.task_types, jobs),
        *crowd_problems(host, definitions),
    ]


def _place(problem: Problem) -> tuple[str, int, int]:
    return (str(problem.span.file), problem.span.line, problem.span.column)
