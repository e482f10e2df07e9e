# SPDX-License-Identifier: Apache-2.0
"""A table of text for the journal, within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 80


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> list[str]:
    """Return the lines of a table: so many columns of text to the left, numbers to the right.

    The first is cut where the lines would be too wide.
    """
    every = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    left = WIDTH - sum(widths[1:]) - 2 * (len(heads) - 1)
    widths[0] = min(widths[0], max(left, 8))
    return ["  ".join(_cells(row, widths, texts)).rstrip() for row in every]


def _cells(row: Sequence[str], widths: Sequence[int], texts: int) -> list[str]:
    first = row[0] if len(row[0]) <= widths[0] else f"{row[0][: widths[0] - 3]}..."
    cells = enumerate(zip((first, *row[1:]), widths, strict=True))
    return [
        cell.ljust(width) if number < texts else cell.rjust(width)
        for number, (cell, width) in cells
    ]


def paragraph(text: str, *, indent: str = "") -> list[str]:
    """Return `text` in lines that fit, those after the first indented more."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
