# SPDX-License-Identifier: Apache-2.0
"""From the nodes of a YAML text to the splices that give it other values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from debvisor_timers.jobs.emit import (
    INDENT,
    Writable,
    Written,
    in_block,
    is_list,
    item_lines,
    mapping_lines,
    on_one_line,
)
from debvisor_timers.jobs.scalar import NULL, NULL_SPELLINGS
from debvisor_timers.jobs.sheet import BLOCK_STYLES, CannotSpliceError, Sheet, Splice

FILE, JOBS_OF_FILE, JOB = 0, 1, 2
"""The levels of mappings in a job file; what is further in has no order of its own."""

SPREAD = 2
"""So many levels of a job file stand on lines of their own: jobs, and the keys of each."""

Pair = tuple[Node, Node]

# The order in which people write the keys of a job; the others come between these.
_FIRST = (
    *("name", "description", "was", "schedule", "triggers", "task", "command", "script"),
    *("shell", "input", "owner", "priority", "timeout", "total_timeout", "stop_timeout"),
    *("retries", "depends_on", "conflicts_with", "overlap", "pool", "where", "user", "group"),
)
_LAST = ("notify", "tags", "enabled", "unit")

_BLOCK_HEADER = re.compile(r"[|>][0-9+-]*")


def rank(key: str) -> int:
    """Return where a key stands among those of a job."""
    if key in _FIRST:
        return _FIRST.index(key)
    return len(_FIRST) + (1 + _LAST.index(key) if key in _LAST else 0)


def says(node: Node, wanted: Writable) -> bool:
    """Return True when the value of a node is `wanted`, in whatever quotes and order."""
    if isinstance(node, ScalarNode):
        return _scalar_says(node, wanted)
    if isinstance(node, MappingNode):
        if not isinstance(wanted, Mapping) or {key.value for key, _ in node.value} != set(wanted):
            return False
        return all(says(value, wanted[key.value]) for key, value in node.value)
    is_alike = is_list(wanted) and len(node.value) == len(wanted)
    return is_alike and all(map(says, node.value, wanted))  # type: ignore[arg-type]


def _scalar_says(node: ScalarNode, wanted: Writable) -> bool:
    if not node.style and node.value in NULL_SPELLINGS:
        return wanted is NULL
    if isinstance(wanted, str):
        return bool(node.value == wanted)
    if wanted is NULL or isinstance(wanted, Mapping | Sequence):
        return False
    return not node.style and bool(node.value == on_one_line(wanted))


@dataclass(frozen=True, slots=True)
class Region:
    """The lines of an entry with its comments, and the column where its key begins."""

    start: int
    end: int
    column: int


class Splicer:
    """Finds the splices for one text."""

    def __init__(self, sheet: Sheet) -> None:
        """Work on the text of `sheet`."""
        self._sheet = sheet

    def mapping(
        self, node: MappingNode, wanted: Mapping[str, Writable], *, level: int
    ) -> Iterator[Splice]:
        """Yield the splices that make `wanted` of a mapping. Raises CannotSpliceError."""
        for key, value in node.value:
            if key.value in wanted and not says(value, wanted[key.value]):
                yield from self._change(node, (key, value), wanted[key.value], level=level + 1)
        old = {key.value for key, _ in node.value}
        gone = old - wanted.keys()
        new = {name: value for name, value in wanted.items() if name not in old}
        if node.flow_style:
            yield from self._flow(node, gone, new)
        else:
            yield from self._added(node, gone, new, level)
            for number, pair in enumerate(node.value):
                if pair[0].value in gone:
                    yield self._without(node, number, level)

    def region(self, node: MappingNode, number: int) -> Region:
        """Return the lines of an entry of `node`, which is a block. Raises CannotSpliceError."""
        sheet, pair = self._sheet, node.value[number]
        self._check_in_line(pair[0])
        place = pair[0].start_mark.index
        column = sheet.column(place)
        return Region(
            start=sheet.comments_above(place, floor=self._floor(node, number)),
            end=sheet.comments_below(self._end(pair), column=column),
            column=column,
        )

    def _change(
        self, parent: MappingNode, pair: Pair, wanted: Writable, *, level: int
    ) -> Iterator[Splice]:
        key, value = pair
        if (
            isinstance(value, MappingNode)
            and isinstance(wanted, Mapping)
            and any(one.value in wanted for one, _ in value.value)
        ):
            yield from self.mapping(value, wanted, level=level)
            return
        style = value.style if isinstance(value, ScalarNode) else None
        if parent.flow_style:
            yield from self._put(pair, Written(on_one_line(wanted, style=style)))
            return
        self._check_in_line(key)
        if isinstance(value, SequenceNode) and is_list(wanted) and wanted and self._in_lines(value):
            yield from self._items(value, wanted)
            return
        column = self._column_below(pair, wanted)
        spread = max(SPREAD + 1 - level, 0)
        yield from self._put(pair, in_block(wanted, column=column, style=style, spread=spread))

    def _put(self, pair: Pair, written: Written) -> Iterator[Splice]:
        """Yield the splices that write a value in the place of another one, whole."""
        sheet, (key, value) = self._sheet, pair
        start, end = value.start_mark.index, sheet.end_of(value)
        colon = sheet.behind_colon(key)
        head = f" {written.head}" if written.head else ""
        if colon is None:
            yield Splice(key.end_mark.index, key.end_mark.index, f":{head}")
            return
        header = _BLOCK_HEADER.match(sheet.text, start) if _is_block_scalar(value) else None
        if start == end:
            yield Splice(colon, colon, head)
            end = colon
        elif header:
            yield Splice(start, header.end(), written.head)
            yield Splice(sheet.next_line(start), sheet.next_line(end))
            end = start
        elif sheet.line_of(start) == sheet.line_of(colon):
            # Without a head the value goes to the lines below: no blanks are left behind.
            yield Splice(start if head else colon, end, written.head)
        elif isinstance(value, ScalarNode) and not written.lines:
            yield Splice(start, end, written.head)
        else:
            yield Splice(colon, colon, head)
            yield Splice(sheet.next_line(colon), sheet.next_line(end))
            end = colon
        if written.lines:
            yield sheet.insert_lines(sheet.next_line(end), written.lines)

    def _items(self, node: SequenceNode, wanted: Sequence[Writable]) -> Iterator[Splice]:
        """Yield the splices of a list whose items stand on lines of their own."""
        sheet, items = self._sheet, node.value
        most = min(len(items), len(wanted))
        same = next((n for n in range(most) if not says(items[n], wanted[n])), most)
        tail = next(
            (n for n in range(most - same) if not says(items[-1 - n], wanted[-1 - n])), most - same
        )
        first = node.start_mark.index
        new = wanted[same : len(wanted) - tail]
        if new:
            place = sheet.next_line(sheet.end_of(items[same - 1])) if same else None
            lines = list(item_lines(new, column=sheet.column(first)))
            yield sheet.insert_lines(sheet.line_start(first) if place is None else place, lines)
        for item in items[same : len(items) - tail]:
            dash = self._dash(item) or 0
            start = sheet.comments_above(dash, floor=sheet.line_start(first))
            yield Splice(start, sheet.next_line(sheet.end_of(item)))

    def _in_lines(self, node: SequenceNode) -> bool:
        """Return True for a list each of whose items begins a line."""
        return not node.flow_style and all(self._dash(item) is not None for item in node.value)

    def _dash(self, item: Node) -> int | None:
        """Return where the dash of an item stands, None unless it is the first of its line."""
        place = item.start_mark.index
        begin = self._sheet.line_start(place)
        line = self._sheet.text[begin:place].rstrip(" ")
        is_first = line.endswith("-") and not line[:-1].strip(" ")
        return begin + len(line) - 1 if is_first else None

    def _flow(
        self, node: MappingNode, gone: set[str], new: Mapping[str, Writable]
    ) -> Iterator[Splice]:
        """Yield the splices of a mapping within braces, whose entries may stand on any line."""
        kept = [number for number, (key, _) in enumerate(node.value) if key.value not in gone]
        added = on_one_line(new)[1:-1]
        if not kept:
            if gone or new:
                yield Splice(node.start_mark.index, node.end_mark.index, f"{{{added}}}")
            return
        if added:
            place = self._end(node.value[kept[-1]])
            yield Splice(place, place, f", {added}")
        for number, pair in enumerate(node.value):
            if number < kept[-1] and pair[0].value in gone:
                yield self._without_in_braces(pair, node.value[number + 1])
        if kept[-1] + 1 < len(node.value):
            yield self._without_last(node.value[kept[-1] :])

    def _without_in_braces(self, pair: Pair, following: Pair) -> Splice:
        sheet, start = self._sheet, pair[0].start_mark.index
        rest = following[0].start_mark.index
        if sheet.begins_line(pair[0]) and sheet.begins_line(following[0]):
            return Splice(sheet.line_start(start), sheet.next_line(self._end(pair)))
        if "#" in sheet.text[self._end(pair) : rest]:
            raise CannotSpliceError
        return Splice(start, rest)

    def _without_last(self, pairs: Sequence[Pair]) -> Splice:
        """Return the splice for the last entries of a mapping within braces, but for the first."""
        sheet, end = self._sheet, self._end(pairs[-1])
        before, start = self._end(pairs[0]), pairs[1][0].start_mark.index
        if not sheet.text[before:start].strip(", "):
            return Splice(before, end)
        behind = sheet.text[end : sheet.line_end(end)].lstrip(", ")
        if sheet.begins_line(pairs[1][0]) and (not behind or behind.startswith("#")):
            return Splice(sheet.line_start(start), sheet.next_line(end))
        return Splice(start, end)

    def _added(
        self, node: MappingNode, gone: set[str], new: Mapping[str, Writable], level: int
    ) -> Iterator[Splice]:
        """Yield the splices that add entries to a mapping whose entries have lines of their own."""
        sheet = self._sheet
        if new:
            self._check_in_line(node.value[0][0])
        column = sheet.column(node.value[0][0].start_mark.index)
        are_apart = bool(new) and level == JOBS_OF_FILE and self._are_apart(node)
        for name, value in sorted(new.items(), key=lambda one: rank(one[0]) * (level == JOB)):
            kept = [
                pair
                for pair in node.value
                if pair[0].value not in gone and (level != JOB or rank(pair[0].value) <= rank(name))
            ]
            lines = list(mapping_lines({name: value}, column=column, spread=SPREAD - level))
            if not kept:
                yield sheet.insert_lines(self.region(node, 0).start, lines)
                continue
            end = self._end(kept[-1])
            is_job = level == JOBS_OF_FILE
            place = sheet.comments_below(end, column=column) if is_job else sheet.next_line(end)
            yield sheet.insert_lines(place, ["", *lines] if are_apart else lines)

    def _without(self, node: MappingNode, number: int, level: int) -> Splice:
        """Return the splice that takes an entry away with its comments."""
        sheet, region = self._sheet, self.region(node, number)
        if level != JOBS_OF_FILE:
            return Splice(region.start, sheet.next_line(self._end(node.value[number])))
        blank = sheet.blank_above(region.start, floor=self._floor(node, number))
        rest = sheet.blank_below(region.end)
        is_followed = rest > region.end or rest == len(sheet.text)
        return Splice(blank if is_followed else region.start, region.end)

    def _floor(self, node: MappingNode, number: int) -> int:
        """Return where comments and blank lines above an entry may begin."""
        if number == 0:
            return self._sheet.comments_above(node.value[0][0].start_mark.index, floor=0)
        before = node.value[number - 1]
        column = self._sheet.column(before[0].start_mark.index)
        return self._sheet.comments_below(self._end(before), column=column)

    def _are_apart(self, node: MappingNode) -> bool:
        """Return True where a blank line stands before the last one of several jobs."""
        number = len(node.value) - 1
        floor = self._floor(node, number)
        start = self.region(node, number).start
        return number > 0 and self._sheet.blank_above(start, floor=floor) < start

    def _end(self, pair: Pair) -> int:
        colon = self._sheet.behind_colon(pair[0])
        return max(self._sheet.end_of(pair[1]), colon or pair[0].end_mark.index)

    def _check_in_line(self, key: Node) -> None:
        """Refuse an entry of a block that does not begin its line: `? key`, or worse."""
        if not self._sheet.begins_line(key) or self._sheet.behind_colon(key) is None:
            raise CannotSpliceError

    def _column_below(self, pair: Pair, wanted: Writable) -> int:
        """Return where lines below a key begin: where they do now, else a step further in."""
        sheet, (key, value) = self._sheet, pair
        is_alike = (isinstance(value, MappingNode) and isinstance(wanted, Mapping)) or (
            isinstance(value, SequenceNode) and is_list(wanted)
        )
        if is_alike and not getattr(value, "flow_style", True) and value.value:
            return sheet.column(value.start_mark.index)
        return sheet.column(key.start_mark.index) + INDENT


def _is_block_scalar(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style in BLOCK_STYLES
