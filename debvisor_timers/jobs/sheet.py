# SPDX-License-Identifier: Apache-2.0
"""The text of a YAML file by lines: where entries and their comments begin and end; splices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from debvisor_timers.jobs.files import LINE_BREAK

BLOCK_STYLES = ("|", ">")
_COLON = re.compile(r"[ \t]*:")


@dataclass(frozen=True, slots=True)
class Splice:
    """Some characters of a text, and what takes their place."""

    start: int
    end: int
    text: str = ""


class CannotSpliceError(Exception):
    """The text is written in a way that is not changed by machine."""


class Sheet:
    """A text and its lines; places are indexes of characters."""

    def __init__(self, text: str) -> None:
        """Find the lines of `text`."""
        self.text = text
        breaks = list(LINE_BREAK.finditer(text))
        self._starts = [0, *(found.end() for found in breaks)]
        self._ends = [*(found.start() for found in breaks), len(text)]
        self.newline = breaks[0][0] if breaks else "\n"

    def line_of(self, place: int) -> int:
        """Return the number, from 0, of the line with `place`."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= place else (low, middle)
        return low

    def line_start(self, place: int) -> int:
        """Return where the line with `place` begins."""
        return self._starts[self.line_of(place)]

    def line_end(self, place: int) -> int:
        """Return where the line with `place` ends, before its line break."""
        return self._ends[self.line_of(place)]

    def next_line(self, place: int) -> int:
        """Return where the line behind that with `place` begins; the end of the text, if none."""
        number = self.line_of(place) + 1
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def column(self, place: int) -> int:
        """Return how many characters stand before `place` in its line."""
        return place - self.line_start(place)

    def begins_line(self, node: Node) -> bool:
        """Return True where nothing but spaces stands before `node` in its line."""
        place = node.start_mark.index
        return not self.text[self.line_start(place) : place].strip(" ")

    def behind_colon(self, key: Node) -> int | None:
        """Return the place behind the colon of `key`, None where it has none."""
        found = _COLON.match(self.text, key.end_mark.index)
        return found.end() if found else None

    def end_of(self, node: Node) -> int:
        """Return where the last line of a value ends; comments behind it do not belong to it."""
        start, end = node.start_mark.index, node.end_mark.index
        if isinstance(node, ScalarNode):
            return self._end_of_block(start, end) if node.style in BLOCK_STYLES else int(end)
        if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
            return int(end)
        last = node.value[-1]
        return self.end_of(last[1] if isinstance(node, MappingNode) else last)

    def _end_of_block(self, start: int, end: int) -> int:
        keeps_blank_lines = "+" in self.text[start : self.line_end(start)].split("#")[0]
        if keeps_blank_lines:
            # libyaml ends it behind the indentation of what follows.
            is_behind = not self.text[self.line_start(end) : end].strip(" ")
            return self._ends[self.line_of(end) - 1] if is_behind else end
        content = self.text[start:end].rstrip()
        return self.line_end(start + len(content)) if content else end

    def comments_above(self, place: int, *, floor: int) -> int:
        """Return where the comments right above the line of `place` begin, as far in as it is.

        floor: they do not begin before that place.
        """
        number = self.line_of(place)
        column = self.column(place)
        while (
            number > 0
            and self._starts[number - 1] >= floor
            and self._is_comment(number - 1, column)
        ):
            number -= 1
        return self._starts[number]

    def comments_below(self, place: int, *, column: int) -> int:
        """Return where the lines end that follow `place` and are comments further in than `column`.

        Blank lines between them count, those behind the last one do not.
        """
        number, last = self.line_of(place) + 1, self.next_line(place)
        while number < len(self._starts):
            line = self.text[self._starts[number] : self._ends[number]]
            bare = line.lstrip(" \t")
            if bare.startswith("#") and len(line) - len(bare) > column:
                last = self.next_line(self._starts[number])
            elif bare:
                break
            number += 1
        return last

    def blank_above(self, place: int, *, floor: int) -> int:
        """Return where the blank lines above the line that begins at `place` begin."""
        number = self.line_of(place)
        while number > 0 and self._starts[number - 1] >= floor and self._is_blank(number - 1):
            number -= 1
        return self._starts[number]

    def blank_below(self, place: int) -> int:
        """Return where the blank lines end that begin at `place`, the beginning of a line."""
        number = self.line_of(place)
        if place >= len(self.text):
            return place
        while number < len(self._starts) - 1 and self._is_blank(number):
            number += 1
        return len(self.text) if self._is_blank(number) else self._starts[number]

    def _is_blank(self, number: int) -> bool:
        return not self.text[self._starts[number] : self._ends[number]].strip(" \t")

    def _is_comment(self, number: int, column: int) -> bool:
        line = self.text[self._starts[number] : self._ends[number]]
        return line[:column].strip(" ") == "" and line[column : column + 1] == "#"

    def insert_lines(self, place: int, lines: Sequence[str]) -> Splice:
        """Return the splice that puts whole lines before the line that begins at `place`.

        At the end of a text that lacks its last line break it goes on lacking it.
        """
        joined = self.newline.join(lines)
        is_cut_short = place == len(self.text) and self.column(place) > 0
        whole = self.newline + joined if is_cut_short else joined + self.newline
        return Splice(place, place, whole)

    def spliced(self, splices: Iterable[Splice]) -> str:
        """Return the text with all `splices` made; at one place in their order."""
        parts, last = [], 0
        for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
            if splice.start < last:
                raise CannotSpliceError
            parts += [self.text[last : splice.start], splice.text]
            last = splice.end
        return "".join([*parts, self.text[last:]])
