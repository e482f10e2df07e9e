# SPDX-License-Identifier: Apache-2.0
"""The examples in our documents: YAML that is loaded, commands that are run, output compared."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MANUALS = tuple(sorted((ROOT / "docs").glob("*.scd")))
PAGES = tuple(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"))
DOCUMENTS = (*PAGES, *MANUALS)

_FENCE = re.compile(
    r"^(?P<tabs>\t*)```(?P<language>[a-z]*)\n(?P<body>.*?)^(?P=tabs)```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# (?P<path>/etc/\S+\.yaml)\n")
_PROMPTS = ("$ ", "# ")
_CONTINUED = "> "
ANYTHING = "..."


class Kind(StrEnum):
    """What a block of a document is: OTHER is for the shell of a developer, or for nobody.

    PYTHON is a whole program, which ends without an error.
    """

    YAML = "yaml"
    CONSOLE = "console"
    PYTHON = "python"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command as a document shows it, and the output that it shows.

    line: where the command stands, from 1. as_root: it was written behind `#`, not behind `$`.
    """

    line: int
    command: str
    as_root: bool
    output: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of literal text; line: of its first line, from 1."""

    document: Path
    line: int
    kind: Kind
    text: str

    def __str__(self) -> str:
        """Return where the block stands."""
        return f"{self.document.name}:{self.line}"

    @property
    def path(self) -> str:
        """Return the file that the block is said to be, empty for none."""
        match = _FILE.match(self.text)
        return match["path"] if match else ""

    def steps(self) -> Iterator[Step]:
        """Yield the commands of a console block."""
        lines = self.text.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith(_PROMPTS)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            rest = lines[start + 1 : end]
            more = [line[2:] for line in rest if line.startswith(_CONTINUED)]
            yield Step(
                line=self.line + start,
                command="\n".join([lines[start][2:], *more]),
                as_root=lines[start].startswith("# "),
                output=tuple(line for line in rest[len(more) :] if line.strip()),
            )


def blocks(document: Path) -> list[Block]:
    """Return every literal block of a Markdown file or of a manual page in scdoc."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document=document,
            line=text.count("\n", 0, match.start("body")) + 1,
            kind=_kind(document, match["language"], match["body"]),
            text=textwrap.dedent(match["body"]),
        )
        for match in _FENCE.finditer(text)
    ]


def _kind(document: Path, language: str, body: str) -> Kind:
    """Return what a block is; scdoc has no languages: what is no command or program is YAML."""
    if document.suffix == ".md":
        return Kind(language) if language in {"yaml", "console", "python"} else Kind.OTHER
    text = textwrap.dedent(body)
    if text.startswith(("from ", "import ")):
        return Kind.PYTHON
    return Kind.CONSOLE if text.startswith(_PROMPTS) and not _FILE.match(text) else Kind.YAML


# What differs from day to day, and what it may be instead. A time of day on a full minute is that
# of a schedule and must be right.
_VARIABLE = (
    (r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}"),
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+[+-][0-9:]{5}", r"\d{4}-\d\d-\d\dT[0-9:]+[+-][0-9:]{5}"),
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    (r"\b[A-Z][a-z]{2} [0-9]{2} [0-9:]{8}\b", r"[A-Z][a-z]{2} [0-9]{2} [0-9:]{8}"),
    (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?= [0-9]{4})", r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"),
    (r"\b[0-9]{2}:[0-9]{2}:[0-9]{2} UTC", r"[0-9]{2}:[0-9]{2}:[0-9]{2} UTC"),
    (r"\b[0-9]{2}:[0-9]{2}:(?!00)[0-9]{2}\b", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"),
    (r"\b(?:CET|CEST)\b", r"(?:CET|CEST)"),
    (
        r"\b[0-9]+(?:\.[0-9]+)?(?:us|ms|s|min|h|d)\b(?: [0-9]+(?:us|ms|s|min|h)\b)*",
        r"[0-9]+(?:\.[0-9]+)?(?:us|ms|s|min|h|d)(?: [0-9]+(?:us|ms|s|min|h))*",
    ),
    (r"\[[0-9]+\]:", r"\[[0-9]+\]:"),
    (re.escape(ANYTHING), r"[^\n]*?"),
    (r"\s+", r"\s+"),
)
_TOKEN = re.compile("|".join(f"(?P<v{number}>{of})" for number, (of, _) in enumerate(_VARIABLE)))


def output_pattern(lines: tuple[str, ...]) -> re.Pattern[str]:
    """Return what the output that a document shows as `lines` may really be.

    A line `...` stands for any lines, `...` in a line for any text; how wide columns are does not
    matter, nor empty lines.
    """
    return re.compile("".join(map(_line_pattern, lines)))


def _line_pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:[^\n]*\n)*?"
    parts, end = [], 0
    text = line.strip()
    for match in _TOKEN.finditer(text):
        parts += [
            re.escape(text[end : match.start()]),
            _VARIABLE[int((match.lastgroup or "")[1:])][1],
        ]
        end = match.end()
    return r"[ \t]*" + "".join([*parts, re.escape(text[end:])]) + r"[ \t]*\n"


def without_empty_lines(output: str) -> str:
    """Return what a command printed as `output_pattern` looks at it."""
    return "".join(f"{line}\n" for line in output.splitlines() if line.strip())
