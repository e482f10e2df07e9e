# SPDX-License-Identifier: Apache-2.0
"""The commands that the guide shows, as its text has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).with_name("scheduler-guide.md")
_SHOWN = re.compile(
    # In a block, with the lines that a backslash at the end joins; or between backticks.
    r"^(?P<block>schedule (?:.*\\\n)*.*)$|`(?P<inline>(?:schedule|tail) [^`]+)`",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A command of the guide. line: where it begins, counted from 1; text: on one line."""

    line: int
    text: str

    def typed(self, program: str, job: str) -> str:
        """Return what to type for a program of that name, where the guide leaves a job open.

        The log file is the journal here, which `logs` shows.
        """
        text = re.sub(r"<(?:dep_)?job_id>", job, self.text)
        text = re.sub(r"^tail -f \S+$", "schedule logs -f --all", text)
        return re.sub(r"^schedule\b", program, text)


def shown_commands(text: str | None = None) -> Sequence[Shown]:
    """Return every command of the guide, in order."""
    guide = GUIDE.read_text(encoding="utf-8") if text is None else text
    return list(_found(guide))


def _found(guide: str) -> Iterator[Shown]:
    for match in _SHOWN.finditer(guide):
        text = match["block"] or match["inline"]
        one_line = re.sub(r"\s*\\\n\s*", " ", text).strip()
        yield Shown(line=guide.count("\n", 0, match.start()) + 1, text=one_line)
