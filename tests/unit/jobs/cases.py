# SPDX-License-Identifier: Apache-2.0
"""Case files: job files that say themselves, in comments, what is wrong with them.

#! error LINE:COLUMN KEY: MESSAGE     (0:0 is the whole file)
#! warning LINE:COLUMN MESSAGE
#! fix LINE:COLUMN FIX                (of a problem that is expected too)
#! job ID                             (a job that is loaded)
"""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.jobs.load import Definitions, load_files

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "tests" / "cases" / "jobs").glob("*.yaml"))


def expected(case: Path) -> set[str]:
    lines = case.read_bytes().decode(errors="replace").splitlines()
    return {line.removeprefix("#! ") for line in lines if line.startswith("#! ")}


def found(case: Path) -> set[str]:
    """Return what loading `case` gives, in the words of a case file; fixes only where expected."""
    definitions = load_files([case])
    fixes = {line for line in _fixes(definitions) if line in expected(case)}
    return {*_problems(definitions), *fixes, *(f"job {job_id}" for job_id in definitions.jobs)}


def _problems(definitions: Definitions) -> set[str]:
    return {
        f"{problem.severity} {problem.span.line}:{problem.span.column} "
        + (f"{problem.key}: " if problem.key else "")
        + problem.message
        for problem in definitions.problems
    }


def _fixes(definitions: Definitions) -> set[str]:
    return {
        f"fix {problem.span.line}:{problem.span.column} {problem.fix}"
        for problem in definitions.problems
    }
