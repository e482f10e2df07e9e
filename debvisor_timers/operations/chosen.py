# SPDX-License-Identifier: Apache-2.0
"""Some of the jobs of `list`: those of an owner, with tags, in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.operations.list import JobRow, JobState

_BUSY = frozenset({JobState.RUNNING, JobState.WAITING, JobState.RETRYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChoice:
    """Which jobs are wanted: all where nothing is said; of several statuses one must hold."""

    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    statuses: Sequence[str] = ()

    @property
    def is_all(self) -> bool:
        """Return whether every job is wanted."""
        return not (self.owner or self.tags or self.statuses)


def chosen_rows(rows: Iterable[JobRow], choice: JobChoice) -> tuple[JobRow, ...]:
    """Return the rows that are wanted. Raises UsageError for a status that there is not."""
    tests = [_test(word) for word in choice.statuses]
    return tuple(
        row
        for row in rows
        if choice.owner in {"", row.job.owner if row.job else ""}
        and choice.tags.items() <= dict(row.job.tags if row.job else {}).items()
        and (not tests or any(test(row) for test in tests))
    )


def _test(word: str) -> Callable[[JobRow], bool]:
    """Return the question that a word asks of a row."""
    name = word.lower().replace("-", " ").replace("_", " ")
    tests: Mapping[str, Callable[[JobRow], bool]] = {
        "running": lambda row: row.state in _BUSY and row.state is not JobState.WAITING,
        "waiting": _in_state(JobState.WAITING),
        "retrying": _in_state(JobState.RETRYING),
        "pending": lambda row: row.state is JobState.WAITING or row.next_start is not None,
        "enabled": lambda row: row.job is not None and row.job.enabled,
        "paused": lambda row: row.pause is not None,
        "skipped": lambda row: bool(row.skipped),
        "never ran": lambda row: row.last is None,
        **{str(state): _in_state(state) for state in JobState if state not in _BUSY},
        **{_words(outcome): _ended(outcome) for outcome in _endings()},
        "failed": lambda row: row.last is not None and row.last.outcome.is_failure,
        "completed": _ended(RunOutcome.SUCCEEDED),
        "disabled": lambda row: row.job is not None and not row.job.enabled,
    }
    if name not in tests:
        import difflib  # noqa: PLC0415 (only to tell of a mistake)

        known = sorted(words.replace(" ", "-") for words in tests)
        near = difflib.get_close_matches(word, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}"
        raise UsageError(f"there is no status {word!r}", fix=hint)
    return tests[name]


def _in_state(state: JobState) -> Callable[[JobRow], bool]:
    return lambda row: row.state is state


def _endings() -> Iterable[RunOutcome]:
    left_out = UNDER_WAY | {RunOutcome.FAILED, RunOutcome.SKIPPED, RunOutcome.STOPPED}
    return [outcome for outcome in RunOutcome if outcome not in left_out]


def _words(outcome: RunOutcome) -> str:
    return outcome.replace("_", " ")


def _ended(outcome: RunOutcome) -> Callable[[JobRow], bool]:
    return lambda row: row.last is not None and row.last.outcome is outcome
