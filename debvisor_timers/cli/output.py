# SPDX-License-Identifier: Apache-2.0
"""How answers look: tables that fit the terminal, JSON, problems."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from textwrap import wrap

import click

from debvisor_timers.source import Problem, Severity, format_problem

_GAP = "  "
_NARROWEST = 6
_USEFUL = 16
"""So much of a cell still tells something."""
_NEVER_CUT = {"JOB", "RUN"}
_MARGIN = 14
"""So wide is the column of titles, with the gap behind it."""


def echo_json(document: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def echo_problems(problems: Sequence[Problem]) -> None:
    """Print every problem on stderr, and how many there are."""
    for problem in problems:
        click.echo(_coloured(format_problem(problem), problem.severity), err=True)
        click.echo(err=True)
    click.echo(_count(problems), err=True)


def echo_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    spare: Sequence[str] = (),
    whole: Collection[str] = (),
) -> None:
    """Print a table; on a terminal the widest columns are shortened until it fits.

    Never those that a user types again: a line is rather too long than its id cut. spare: which
    columns a narrow terminal may lack, the first one first. whole: which are shortened last.
    """
    cells = [list(titles), *(list(row) for row in rows)]
    limit = _terminal_width()
    for title in spare:
        cells = _without(cells, title, limit, whole)
    widths = _widths(cells, limit, whole)
    for number, row in enumerate(cells):
        line = _GAP.join(
            _fit(cell, width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def echo_notes(notes: Iterable[str]) -> None:
    """Print what people should know besides the answer, on stderr."""
    for note in notes:
        click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)


def echo_about(subject: str, text: str) -> None:
    """Print `subject: text`, the subject in bold; on a terminal broken where its lines end."""
    width = _terminal_width()
    line = f"{subject}: {text}"
    if width is not None:
        line = "\n".join(
            wrap(
                line,
                width,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    click.echo(click.style(subject, bold=True) + line.removeprefix(subject))


def echo_titled(lines: Iterable[tuple[str, str]]) -> None:
    """Print what is known of one thing: a title in bold on the left of each of its lines.

    On a terminal a line that is too long goes on below itself.
    """
    width = _terminal_width()
    for title, value in lines:
        parts = [value]
        if width is not None and len(value) > width - _MARGIN:
            parts = wrap(value, width - _MARGIN, break_long_words=False, break_on_hyphens=False)
        for number, part in enumerate(parts):
            head = title if number == 0 else ""
            click.echo(f"{click.style(f'{head:>{_MARGIN - 2}}', bold=bool(head))}  {part}")


def cut(text: str, margin: int) -> str:
    """Return what of a line fits beside a margin on a terminal; all of it where stdout is none."""
    width = _terminal_width()
    return text if width is None else _fit(text, max(width - margin, _NARROWEST)).rstrip()


def is_narrow(columns: int) -> bool:
    """Return whether stdout is a terminal that has fewer columns."""
    width = _terminal_width()
    return width is not None and width < columns


def takes_unicode() -> bool:
    """Return whether stdout takes more than ASCII.

    In the C locale, which LC_ALL asks for, Python writes UTF-8 whatever the terminal takes.
    """
    if os.environ.get("LC_ALL") in {"C", "POSIX"}:
        return False
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def confirm(question: str) -> bool | None:
    """Ask on the terminal; None when there is none to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return click.confirm(question, err=True)


def progress(step: str) -> None:
    """Show `step` on one line of the terminal, over the one before; nothing when piped."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{step} ..." if step else "\r\033[K", nl=False, err=True)


def printable(text: str) -> str:
    """Return `text` with a space for each character that no page, and no XML, may hold."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)


def counted(count: int, noun: str) -> str:
    """Return `1 job` or `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def grouped(count: int) -> str:
    """Return `12,345`."""
    return f"{count:,}"


def some(names: Sequence[str], most: int) -> str:
    """Return `a, b and 3 more`: at most so many of them by name."""
    named, left = ", ".join(names[:most]), len(names) - most
    return f"{named} and {left} more" if left > 0 else named


def percent(rate: float | None, *, digits: int = 1) -> str:
    """Return a rate from 0 to 1 as `96.4 %`, a dash for None.

    Less than all is never rounded to all, nor some to none.
    """
    if rate is None:
        return "-"
    least = 1 / 10**digits
    shown = round(rate * 100, digits)
    if 0 < rate < 1:
        shown = min(max(shown, least), 100 - least)
    return f"{shown:.{digits}f} %"


def starts(load: float) -> str:
    """Return `1 start` or, where jitter spreads them, `2.5 starts`."""
    text = f"{load:.1f}".removesuffix(".0")
    if text == "0":
        text = "less than 0.1"
    return f"{text} start" if text == "1" else f"{text} starts"


def _count(problems: Sequence[Problem]) -> str:
    errors = sum(problem.is_error for problem in problems)
    warnings = len(problems) - errors
    words = [
        counted(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count
    ]
    return ", ".join(words)


def _coloured(text: str, severity: Severity) -> str:
    colour = "red" if severity is Severity.ERROR else "yellow"
    word = f"{severity}:"
    return text.replace(word, click.style(word, fg=colour, bold=True), 1)


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _natural(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]


def _without(
    cells: list[list[str]], spare: str, limit: int | None, whole: Collection[str]
) -> list[list[str]]:
    """Return the cells without that column where the others need its place."""
    if spare not in cells[0]:
        return cells
    uncut = _NEVER_CUT.union(whole)
    needed = [
        width if title in uncut else min(width, _USEFUL)
        for title, width in zip(cells[0], _natural(cells), strict=True)
    ]
    if limit is None or sum(needed) + len(_GAP) * (len(needed) - 1) <= limit:
        return cells
    column = cells[0].index(spare)
    return [[*row[:column], *row[column + 1 :]] for row in cells]


def _widths(
    cells: Sequence[Sequence[str]], limit: int | None, whole: Collection[str] = ()
) -> list[int]:
    widths = _natural(cells)
    if limit is None:
        return widths
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
    elastic = [column for column, title in enumerate(cells[0]) if title not in _NEVER_CUT]
    first = [column for column in elastic if cells[0][column] not in whole]
    for _ in range(max(excess, 0)):
        is_left = any(widths[column] > _NARROWEST for column in first)
        widest = max(first if is_left else elastic, key=lambda column: widths[column])
        widths[widest] = max(widths[widest] - 1, _NARROWEST)
    return widths


def _fit(cell: str, width: int) -> str:
    if len(cell) > width:
        cell = cell[: width - 1] + "…"
    return cell.ljust(width)
