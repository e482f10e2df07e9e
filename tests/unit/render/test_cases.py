# SPDX-License-Identifier: Apache-2.0
"""Golden units: every file of tests/cases/render says in its comments what it becomes.

    #! unit NAME [SECTION] KEY = VALUE     one line for each value, in order
    #! unit NAME [SECTION] KEY             the key is not there
    #! link PATH                           a link below the unit folder, to the unit of that name

The host has one pool, `backup`, of five slots.

No other unit and no other link may be produced than those that the file names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from debvisor_timers.jobs.load import load_files
from debvisor_timers.render.job import RenderedJob, render_job
from debvisor_timers.render.unitfile import UnitFile
from tests.unit.render.settings import settings

CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "render").glob("*.yaml"))
POOLS = {"backup": 5}
_UNIT = re.compile(r"#! unit (\S+) \[(\S+)\] ([\w-]+)(?: = (.*))?")
_LINK = re.compile(r"#! link (\S+)")


@dataclass
class Expectation:
    values: dict[tuple[str, str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    links: set[str] = field(default_factory=set)

    @property
    def units(self) -> set[str]:
        return {unit for unit, _, _ in self.values}


def read_expectation(text: str) -> Expectation:
    expectation = Expectation()
    for line in text.splitlines():
        if match := _UNIT.fullmatch(line):
            unit, section, key, value = match.groups()
            expectation.values[unit, section, key] += [] if value is None else [value]
        elif match := _LINK.fullmatch(line):
            expectation.links.add(match[1])
        else:
            assert not line.startswith("#!"), f"cannot be understood: {line}"
    return expectation


def rendered(case: Path) -> list[RenderedJob]:
    jobs = [*load_files([case]).require().jobs.values()]
    of_all = settings(jobs=jobs, pools=POOLS)
    return [render_job(job, of_all, generation=1) for job in jobs]


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_golden_units(case: Path) -> None:
    expected = read_expectation(case.read_text(encoding="utf-8"))
    found = rendered(case)
    units = {name: UnitFile.parse(text) for job in found for name, text in job.files.items()}
    links = {path: target for job in found for path, target in job.links.items()}

    assert set(units) == expected.units
    assert links == {path: f"../{Path(path).name}" for path in expected.links}
    for (unit, section, key), values in expected.values.items():
        assert (unit, key, units[unit].get(section, key)) == (unit, key, tuple(values))
