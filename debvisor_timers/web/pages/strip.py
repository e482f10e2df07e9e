# SPDX-License-Identifier: Apache-2.0
"""The last runs of a job as a strip of bars: one path of SVG for each way to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome

SLOTS = 30
"""So many runs are shown."""

_PITCH, _HEIGHT = 7, 24
_SHORT = {RunOutcome.SKIPPED: 4.0}
_LEAST = {RunOutcome.SUCCEEDED: 5.0}
_LEAST_OF_OTHERS = 12.0
"""A failure ends early, most often: it has to be seen all the same."""
_EMPTY = 3.0
_MOST_OF_MEDIAN = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """All bars of one kind: the class of their path, and its data."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A strip: its bars, its size, and what it shows in words."""

    bars: tuple[Bars, ...]
    label: str
    width: int = SLOTS * _PITCH - 2
    height: int = _HEIGHT


def strip(runs: Sequence[RunFigures]) -> Strip:
    """Return the strip of the newest of `runs`, which are oldest first; the newest is at the right.

    The height of a bar tells how long a run took, compared with the longest of them; one that took
    much longer than most does not press all others to the ground.
    """
    shown = runs[-SLOTS:]
    longest = _full(sorted(run.duration for run in shown if run.duration and run.duration > 0))
    empty = SLOTS - len(shown)
    strokes: dict[str, list[str]] = {"slot": [_stroke(at, _EMPTY) for at in range(empty)]}
    for at, run in enumerate(shown, empty):
        strokes.setdefault(f"m-{run.outcome}", []).append(_stroke(at, _tall(run, longest)))
    bars = (Bars(kind=kind, path="".join(lines)) for kind, lines in strokes.items() if lines)
    return Strip(bars=tuple(bars), label=_label(shown))


def _stroke(at: int, height: float) -> str:
    return f"M{at * _PITCH + 2.5:g} {_HEIGHT}v-{height:.3g}"


def _tall(run: RunFigures, longest: float) -> float:
    if run.outcome in UNDER_WAY:
        return _HEIGHT
    if run.outcome in _SHORT:
        return _SHORT[run.outcome]
    least = _LEAST.get(run.outcome, _LEAST_OF_OTHERS)
    length = min(max(run.duration or 0.0, 0.0), longest)
    share = sqrt(length / longest) if longest else 0.0
    return least + (_HEIGHT - least) * share


def _full(lengths: Sequence[float]) -> float:
    """Return how long a run takes whose bar has the full height."""
    return min(lengths[-1], lengths[len(lengths) // 2] * _MOST_OF_MEDIAN) if lengths else 0.0


def _label(runs: Sequence[RunFigures]) -> str:
    if not runs:
        return "no runs yet"
    what = "the only run" if len(runs) == 1 else f"the last {len(runs)} runs"
    return f"{what}: {', '.join(_counts(run.outcome for run in runs))}"


def _counts(outcomes: Iterable[RunOutcome]) -> list[str]:
    counts = Counter(outcomes)
    return [
        f"{counts[outcome]} {outcome.replace('_', ' ')}"
        for outcome in RunOutcome
        if counts[outcome]
    ]
