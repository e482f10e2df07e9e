# SPDX-License-Identifier: Apache-2.0
"""YAML's own errors in our words: where they really are, and how to mend them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from yaml.error import MarkedYAMLError

from debvisor_timers.jobs.brackets import Bracket, open_brackets
from debvisor_timers.jobs.faults import quoted

_QUOTE = "put the value in quotes: {value}"
_INDENT = "check the indentation, and quotes around a value with a colon"
_BACKSLASH = r"write \\ for a backslash, or use single quotes"

_NO_SPACE = re.compile(r"(?P<before>\s*(?:- +)*)(?P<key>[A-Za-z_][\w-]*):(?P<value>[^\s:].*)")
_KEY_ALONE = re.compile(r"(?P<before>\s*(?:- +)*)(?P<key>[A-Za-z_][\w-]*)\s*")
_KEY_WITH_VALUE = re.compile(r"\s*(?:- +)*(?P<key>[^\s:'\"]+):\s+(?P<value>\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxFault:
    """What is wrong with the YAML: line and column count from 1."""

    message: str
    fix: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the text, from 0."""

    line: int
    column: int


@dataclass(frozen=True)
class _Error:
    """What the parser says, where, and what it was reading; both places from 0."""

    said: str
    place: _Place
    context: _Place
    text: str
    lines: Sequence[str]

    @property
    def char(self) -> str:
        """Return the character at the place, empty at the end of a line."""
        return self.rest(self.place)[:1]

    @property
    def before(self) -> str:
        """Return what stands before the place in its line."""
        return self.line(self.place.line)[: self.place.column]

    @cached_property
    def brackets(self) -> list[Bracket]:
        """Return the brackets that are open at the place."""
        return open_brackets(self.text, self.place.line, self.place.column)

    def line(self, number: int) -> str:
        """Return a line, empty behind the last one."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def rest(self, place: _Place) -> str:
        """Return what stands at `place` and behind it in its line."""
        return self.line(place.line)[place.column :]

    def value_at(self, place: _Place) -> str:
        """Return the value that begins at `place`, in quotes."""
        end = r"\s+#|$"
        in_flow = open_brackets(self.text, place.line, place.column)
        value = re.split(rf"{end}|,\s|[\]}}]" if in_flow else end, self.rest(place), maxsplit=1)[0]
        return _in_quotes(value.rstrip()[:60])

    def fault(self, message: str, fix: str, place: _Place | None = None) -> SyntaxFault:
        """Return the fault at `place`, brought back into the file where it is behind its end."""
        place = place or self.place
        line, column = place.line, place.column
        while line > 0 and not self.line(line).strip():
            line, column = line - 1, max(0, len(self.line(line - 1).rstrip()) - 1)
        return SyntaxFault(
            message=_shown(message), fix=_shown(fix), line=line + 1, column=column + 1
        )


def explain_syntax(error: MarkedYAMLError, text: str, lines: Sequence[str]) -> SyntaxFault:
    """Return what `error` means in `text`, whose lines are `lines`."""
    problem = error.problem_mark or error.context_mark
    context = error.context_mark or error.problem_mark
    seen = _Error(
        said=f"{error.problem or ''} | {error.context or ''}",
        place=_Place(problem.line, problem.column) if problem else _Place(0, 0),
        context=_Place(context.line, context.column) if context else _Place(0, 0),
        text=text,
        lines=lines,
    )
    found = (explain(seen) for explain in _EXPLANATIONS)
    plain = (seen.said.strip(" |"), "correct what stands here; quotes around a value may help")
    return next(filter(None, found), None) or seen.fault(*plain)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    message: str
    fix: str
    at_context: bool = False


def _rule(pattern: str, message: str, fix: str, *, at_context: bool = False) -> _Rule:
    return _Rule(re.compile(pattern), message, fix, at_context)


# Searched in order in "problem | context".
_RULES = (
    _rule(r"alias", "* begins an alias in YAML", _QUOTE, at_context=True),
    _rule(r"anchor", "& begins an anchor in YAML", _QUOTE, at_context=True),
    _rule(
        r"(scanning|parsing) a tag|tag handle|tag prefix",
        "! begins a tag in YAML",
        _QUOTE,
        at_context=True,
    ),
    _rule(r"cannot start any token", "a value cannot begin with {char}", _QUOTE),
    _rule(r"mapping keys are not", "a value cannot begin with {char}", _QUOTE),
    _rule(
        r"(end of stream|document (indicator|separator)).*quoted",
        "this {char} is never closed",
        "add {char} at the end of the value",
        at_context=True,
    ),
    _rule(r"unknown escape", "unknown escape in double quotes", _BACKSLASH),
    _rule(r"hexa?decimal", "the escape in double quotes is not complete", _BACKSLASH),
    _rule(r"escape code", "the escape is no Unicode character", "write the character itself"),
    _rule(
        r"block scalar",
        "nothing can stand behind | or > in its line",
        "write the text in the lines below, indented",
    ),
    _rule(
        r"another document",
        "a second document begins here",
        "remove the line, or use one file for each",
    ),
    _rule(
        r"sequence entries are not",
        "a list cannot begin here",
        "begin it on a line of its own; a value that begins with - needs quotes",
    ),
)


def _tab(error: _Error) -> SyntaxFault | None:
    is_tab = "tab character" in error.said or error.char == "\t"
    return error.fault("a tab is used for indentation", "indent with spaces") if is_tab else None


def _by_rule(error: _Error) -> SyntaxFault | None:
    rule = next((rule for rule in _RULES if rule.pattern.search(error.said)), None)
    if rule is None:
        return None
    place = error.context if rule.at_context else error.place
    words = {"char": error.rest(place)[:1], "value": error.value_at(place)}
    return error.fault(rule.message.format(**words), rule.fix.format(**words), place)


def _directive(error: _Error) -> SyntaxFault | None:
    if not re.search(r"directive|incompatible YAML", error.said):
        return None
    message, fix = "a line that begins with % has no place here", "remove it, or use quotes"
    return error.fault(message, fix, _Place(error.place.line, 0))


def _brackets(error: _Error) -> SyntaxFault | None:
    if not error.brackets:
        return _stray(error)
    unclosed = [bracket for bracket in error.brackets if not bracket.is_closed]
    if unclosed:
        last = unclosed[-1]
        place = _Place(last.line, last.column)
        return error.fault(f"this '{last.char}' is never closed", f"add {last.closing}", place)
    if error.char == ",":
        return error.fault("a value is missing before this comma", "remove the comma")
    closing = error.brackets[-1].closing
    fix = "separate values by commas, and put quotes around one with special characters"
    return error.fault(f"a comma or '{closing}' is missing before this", fix)


def _stray(error: _Error) -> SyntaxFault | None:
    if error.char and error.char in "]}":
        fix = "remove it, or put quotes around the whole value"
        return error.fault(f"this '{error.char}' closes nothing", fix)
    if error.char == "," and "node content" in error.said:
        fix = _QUOTE.format(value=error.value_at(error.place))
        return error.fault("a value cannot begin with ,", fix)
    return None


_WANTS_A_KEY = re.compile(r"expected key|<block end>|expected '-'|document start")


def _after_value(error: _Error) -> SyntaxFault | None:
    """Explain what stands behind a value that quotes or brackets have ended, in the same line."""
    before = error.before.rstrip()
    if not before or not _WANTS_A_KEY.search(error.said):
        return None
    end = before[-1]
    fixes = {
        '"': r'write \" for a quote inside of "...", or put the whole value in single quotes',
        "'": "write '' for a quote inside of '...', or put the whole value in double quotes",
        "]": "move it inside of the brackets, or put quotes around the whole value",
        "}": "move it inside of the brackets, or put quotes around the whole value",
    }
    if end not in fixes:
        return None
    return error.fault(f"something stands behind the closing {end}", fixes[end])


def _colon(error: _Error) -> SyntaxFault | None:
    """Explain a colon that makes a key where none can be."""
    if not re.search(r"mapping values are not|unexpected ':'", error.said):
        return None
    inside = _KEY_WITH_VALUE.match(error.line(error.place.line))
    if inside and inside.start("value") < error.place.column:
        fix = _QUOTE.format(value=_in_quotes(re.split(r"\s+#", inside["value"])[0].rstrip()[:60]))
        return error.fault("a colon cannot stand inside of this value", fix)
    return _line_above(error) or error.fault("a colon cannot stand here", _INDENT)


def _line_above(error: _Error) -> SyntaxFault | None:
    """Explain a line that YAML takes for the rest of the value above it."""
    number = _number_above(error, error.place.line)
    if number is None:
        return None
    found = _not_a_key(error, _Place(number, 0))
    if found or not _KEY_WITH_VALUE.match(error.line(number)):
        return found
    here, above = _indent(error.line(error.place.line)), _indent(error.line(number))
    if here <= above:
        return None
    fix = f"indent it by {above} spaces as line {number + 1}, or put quotes around the value there"
    place = _Place(error.place.line, here)
    return error.fault("the line is indented as a part of the value above it", fix, place)


def _not_a_key(error: _Error, place: _Place) -> SyntaxFault | None:
    """Explain a line that was meant as a key, and is none."""
    rest = error.rest(place)
    if match := _NO_SPACE.fullmatch(rest):
        at = _Place(place.line, place.column + match.end("key"))
        fix = f"write {match['key']}: {match['value'].rstrip()[:60]}"
        return error.fault("a space is missing after the colon", fix, at)
    if match := _KEY_ALONE.fullmatch(rest):
        at = _Place(place.line, place.column + match.start("key"))
        message = f"{quoted(match['key'])} has no colon"
        return error.fault(message, f"write {match['key']}: and a value, or remove it", at)
    return None


def _simple_key(error: _Error) -> SyntaxFault | None:
    if "expected ':'" not in error.said:
        return None
    fix = "write key: value, or indent it as a part of the text above"
    return _not_a_key(error, error.context) or error.fault(
        "a key with a colon was expected", fix, error.context
    )


def _indentation(error: _Error) -> SyntaxFault | None:
    """Explain a line that begins in a column where nothing above it does."""
    if not _WANTS_A_KEY.search(error.said):
        return None
    if "expected '-'" in error.said:
        fix = "begin the line with - as those above, or indent it as the key of the list"
        return error.fault("an entry of the list was expected", fix)
    if re.match(r"-(\s|$)", error.rest(error.place)):
        fix = "put it under a key that ends with a colon, or correct the indentation"
        return error.fault("an entry of a list stands where a key was expected", fix)
    number = _number_above(error, error.place.line)
    above = _indent(error.line(number)) if number is not None else 0
    fix = "begin it in the column of the keys that it belongs to"
    if number is not None and above != error.place.column:
        fix += f": line {number + 1} is indented by {above}"
    return error.fault("the indentation fits no key above", fix)


_EXPLANATIONS: Sequence[Callable[[_Error], SyntaxFault | None]] = (
    _tab,
    _by_rule,
    _directive,
    _brackets,
    _after_value,
    _colon,
    _simple_key,
    _indentation,
)
"""Asked in this order; the first that knows the error explains it."""


def _number_above(error: _Error, line: int) -> int | None:
    numbers = range(line - 1, -1, -1)
    texts = ((number, error.line(number).strip()) for number in numbers)
    return next((number for number, text in texts if text and not text.startswith("#")), None)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
