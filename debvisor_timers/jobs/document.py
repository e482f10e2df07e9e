# SPDX-License-Identifier: Apache-2.0
"""A YAML file as values, each of which knows its file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from yaml.error import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from debvisor_timers.jobs.compose import DEEPEST, TooDeepError, compose, without_collector
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.files import LINE_BREAK, SourceFile, printable
from debvisor_timers.jobs.scalar import NULL, NULL_SPELLINGS, Null, Plain
from debvisor_timers.jobs.syntax import explain_syntax
from debvisor_timers.source import Problem, Span

Value = dict[str, "Value"] | list["Value"] | str | Null
KeyPath = Sequence[str | int]

JOBS = "jobs"
"""The one key of a job file."""

_PROPERTY = re.compile(r"(?:^|[\s\[{,:?-])(?:&[\w-]|!)", re.MULTILINE)


class Document:
    """The values of one file.

    value: mappings, lists, Plain (no quotes), str (quotes) and NULL; an empty mapping where the
    file is wrong or empty.
    problems: what is wrong with the file as YAML; its keys are checked elsewhere.
    """

    def __init__(self, source: SourceFile) -> None:
        """Parse `source`; never raises for what is in it."""
        self.path: Path = source.path
        self.digest: str = source.digest
        self._text = source.text
        self.problems: list[Problem] = []
        self._indexes: dict[int, dict[str, tuple[Node, Node]]] = {}
        with without_collector():
            self._root = self._compose()
            self.value: dict[str, Value] = self._mapping_of_file()

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines of the file without their ends."""
        return LINE_BREAK.split(self._text)

    @property
    def is_empty(self) -> bool:
        """Return True for a file with nothing in it but comments."""
        if self.problems:
            return False
        return self._root is None or (isinstance(self._root, ScalarNode) and not self._root.value)

    @property
    def is_blank(self) -> bool:
        """Return True for a file without a character in it, as an editor may leave behind."""
        return not self._text.strip()

    @property
    def text(self) -> str:
        """Return the text of the file."""
        return self._text

    @property
    def root(self) -> Node | None:
        """Return the tree of nodes, None for a text without values; their marks are in `text`."""
        return self._root

    def span(self, path: KeyPath, *, on_key: bool = False, start: int = 0, length: int = 0) -> Span:
        """Return the place of the value at `path`, or of the nearest thing above it that exists.

        on_key: the place of its key.
        start, length: some characters of the value; ignored where the file does not hold them
        as they are (escapes, several lines).
        """
        key, node, found = self._find(path)
        if node is None:
            return Span(file=self.path)
        # A bare text in the place of a mapping stands for one of its keys (schedule for its cron).
        is_missing = found < len(path) and not isinstance(node, ScalarNode)
        if key is not None and (on_key or is_missing or _is_nothing(node)):
            return self._span_of(key)
        offset = self._offset(node, start, length) if length else None
        if offset is None:
            return self._span_of(node)
        line, column = node.start_mark.line, node.start_mark.column
        return Span(file=self.path, line=line + 1, column=column + offset + 1, length=length)

    def depth(self, path: KeyPath) -> int:
        """Return how many steps of `path` are written in the file."""
        return self._find(path)[2]

    def problem(self, message: str, span: Span, *, key: str = "", fix: str = "") -> Problem:
        """Return a problem at `span`, with the line that it stands in."""
        shown = self.lines[span.line - 1] if 0 < span.line <= len(self.lines) else ""
        text = printable(shown, span)
        return Problem(span=span, message=message, key=key, fix=fix, source_line=text)

    def _compose(self) -> Node | None:
        try:
            root = compose(self._text)
        except TooDeepError as error:
            place = Span(file=self.path, line=error.mark.line + 1, column=error.mark.column + 1)
            message = f"nested more than {DEEPEST} levels deep"
            fix = "check brackets and indentation"
            self.problems.append(self.problem(message, place, fix=fix))
        except MarkedYAMLError as error:
            wrong = explain_syntax(error, self._text, self.lines)
            span = Span(file=self.path, line=wrong.line, column=wrong.column)
            self.problems.append(self.problem(wrong.message, span, fix=wrong.fix))
        except YAMLError as error:
            self._say(f"is not YAML: {error}", "check the syntax of YAML")
        else:
            return root
        return None

    def _say(self, message: str, fix: str) -> None:
        self.problems.append(Problem(span=Span(file=self.path), message=message, fix=fix))

    def _mapping_of_file(self) -> dict[str, Value]:
        if self._root is None:
            return {}
        if _PROPERTY.search(self._text) and not self._check_properties(self._root, seen=set()):
            # An alias can hold itself, or double at each level: what it stands for is not read.
            return {}
        value = self._convert(self._root)
        if isinstance(value, dict):
            return value
        if value is not NULL:
            span = self._span_of(self._root)
            self.problems.append(
                self.problem("a mapping was expected", span, fix="begin the file with a key: jobs:")
            )
        return {}

    def _convert(self, node: Node) -> Value:
        if type(node) is ScalarNode:
            text = node.value
            if node.style:
                return str(text)
            return NULL if text in NULL_SPELLINGS else Plain(text)
        if type(node) is MappingNode:
            return self._convert_mapping(node)
        return [self._convert(item) for item in node.value]

    def _convert_mapping(self, node: MappingNode) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for key, value in node.value:
            if type(key) is not ScalarNode:
                fix = "write a name, or put quotes around the whole value"
                self._wrong_key(key, "a list or mapping cannot be a key", fix)
                continue
            name = key.value
            if name in result:
                self._duplicate(node, key)
            elif name == "<<" and not key.style:
                fix = "write the keys out, or put them under defaults in config.yaml"
                self._wrong_key(key, "merge keys (<<) are not used here", fix)
            else:
                result[name] = self._convert(value)
        return result

    def _wrong_key(self, key: Node, message: str, fix: str) -> None:
        self.problems.append(self.problem(message, self._span_of(key), fix=fix))

    def _duplicate(self, node: MappingNode, key: ScalarNode) -> None:
        first = next(other for other, _ in node.value if other.value == key.value)
        message = f"the key {quoted(key.value)} stands here a second time"
        fix = f"remove one of them; the first is in line {first.start_mark.line + 1}"
        self._wrong_key(key, message, fix)

    def _check_properties(self, node: Node, seen: set[int]) -> bool:
        """Tell of anchors and tags below `node`; return True when no node stands in two places."""
        if id(node) in seen:
            return False
        seen.add(id(node))
        begins = self._text[node.start_mark.index : node.start_mark.index + 1]
        if begins == "&":
            fix = "write the value out where it is needed, or put it under defaults in config.yaml"
            self._wrong_key(node, "anchors and aliases (& and *) are not used here", fix)
        elif begins == "!" or node.tag:
            self._wrong_key(node, "tags (!) are not used here", "remove it, or put quotes around")
        shared = [child for child in _children(node) if not self._check_properties(child, seen)]
        return not shared

    def _find(self, path: KeyPath) -> tuple[Node | None, Node | None, int]:
        """Return the key and the value at `path`, and how many of its steps could be taken."""
        key, node = None, self._root
        for number, step in enumerate(path):
            if isinstance(node, MappingNode) and step in (index := self._index(node)):
                key, node = index[str(step)]
            elif (
                isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value)
            ):
                node, key = node.value[step], None
            else:
                return key, node, number
        return key, node, len(path)

    def _index(self, node: MappingNode) -> dict[str, tuple[Node, Node]]:
        if id(node) not in self._indexes:
            pairs = [(k, v) for k, v in reversed(node.value) if isinstance(k, ScalarNode)]
            self._indexes[id(node)] = {key.value: (key, value) for key, value in pairs}
        return self._indexes[id(node)]

    def _span_of(self, node: Node) -> Span:
        begin, end = node.start_mark, node.end_mark
        line = self.lines[begin.line] if begin.line < len(self.lines) else ""
        last = end.column if end.line == begin.line else len(line.rstrip())
        length = max(1, last - begin.column)
        return Span(file=self.path, line=begin.line + 1, column=begin.column + 1, length=length)

    def _offset(self, node: Node, start: int, length: int) -> int | None:
        """Return where character `start` of a scalar stands, counted from its first one."""
        raw = self._text[node.start_mark.index : node.end_mark.index]
        if not isinstance(node, ScalarNode) or start + length > len(node.value) + 1:
            return None
        if raw == node.value:
            return start
        return start + 1 if raw[1:-1] == node.value and raw[0] in "'\"" else None


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        yield from (part for pair in node.value for part in pair)
    elif isinstance(node, SequenceNode):
        yield from node.value


def _is_nothing(node: Node) -> bool:
    return isinstance(node, ScalarNode) and bool(node.start_mark.index == node.end_mark.index)
