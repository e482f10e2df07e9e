# SPDX-License-Identifier: Apache-2.0
"""How a job looks in a graph: a sign, a colour and a word, so that each may be missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from debvisor_timers.cli.output import counted
from debvisor_timers.history.outcome import RunOutcome

if TYPE_CHECKING:
    from debvisor_timers.history.last import LastRun
    from debvisor_timers.operations.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The signs of a result, its colour in a terminal, and in pictures those of ink and paper."""

    sign: str
    ascii_sign: str
    colour: str | None
    ink: str
    paper: str


def _look(signs: str, colour: str | None, ink: str, paper: str) -> Look:
    return Look(sign=signs[0], ascii_sign=signs[1], colour=colour, ink=ink, paper=paper)


LOOKS: Mapping[RunOutcome | None, Look] = {
    None: _look("○-", None, "#57606a", "#ffffff"),
    RunOutcome.SUCCEEDED: _look("✓+", "green", "#116329", "#dafbe1"),
    RunOutcome.FAILED: _look("✗x", "red", "#a40e26", "#ffdfdc"),
    RunOutcome.TIMED_OUT: _look("!!", "magenta", "#8250df", "#f3e8ff"),
    RunOutcome.STOPPED: _look("■#", "yellow", "#7d4e00", "#fff1c2"),
    RunOutcome.LOST: _look("??", "red", "#a40e26", "#ffdfdc"),
    RunOutcome.SKIPPED: _look("»>", "cyan", "#0a3069", "#ddf4ff"),
    RunOutcome.WAITING: _look("…~", "blue", "#0a3069", "#ddf4ff"),
    RunOutcome.RUNNING: _look("▶*", "blue", "#0a3069", "#ddf4ff"),
}
"""None: the job never ran."""


def look_of(last: LastRun | None) -> Look:
    """Return how a last run looks; None: the job never ran."""
    return LOOKS[last.outcome if last else None]


def outcome_word(last: LastRun | None) -> str:
    """Return `succeeded`, `timed out` or the like; `never ran` for None."""
    return "never ran" if last is None else str(last.outcome).replace("_", " ")


def lone_words(graph: Graph) -> str:
    """Return how many jobs are not drawn."""
    return f"{counted(graph.alone, 'job')} without dependencies: not drawn"
