# SPDX-License-Identifier: Apache-2.0
"""The text of a crontab as entries: each with its settings, its comment and its places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.jobs.crontab.disabled import original
from debvisor_timers.jobs.crontab.fields import FIELDS, WORDS, Reading, read_field
from debvisor_timers.jobs.files import printable
from debvisor_timers.source import Problem, Severity, Span

LONGEST_COMMAND = 998
"""The longest command that cron 3.0pl1-197 takes."""

_BLANK = " \t"
_NAME = r"""(?:"(?P<q1>[^"]*)"|'(?P<q2>[^']*)'|(?P<bare>[^\s="'][^\s=]*))"""
_VALUE = r"""(?:"(?P<v1>[^"]*)"|'(?P<v2>[^']*)'|(?P<plain>(?!["']).*))"""
_SETTING = re.compile(rf"[ \t]*{_NAME}[ \t]*=[ \t]*{_VALUE}\s*", re.DOTALL)
_WORD = re.compile(r"[^ \t]+")
_ENTRY_IN_COMMENT = re.compile(
    r"#\s*(?:@[a-z]+\s+\S|(?:[0-9*][0-9*,/-]*\s+){3}(?:[0-9A-Za-z*][0-9A-Za-z*,/-]*\s+){2}\S)"
)
_HEADINGS = re.compile(r"#[\s#]*m(?:in)?\s+h\S*\s+d\S*\s+mon\S*\s+d", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A line NAME=value; it counts from its line on. column: of its name."""

    value: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line that runs something.

    schedule: the five fields, a blank between each, or a word such as @daily. raw: the command as
    it is written, percent signs and all. columns: where schedule, user and command begin.
    settings: those that count here. comment: the lines right above it, without their #.
    text: the whole line, as it is without the mark that it was taken over.
    """

    line: int
    schedule: str
    user: str
    raw: str
    columns: tuple[int, int, int]
    settings: Mapping[str, Setting]
    comment: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crontab:
    """What a crontab says; problems: what cron itself does not take, or not as it is meant.

    is_ignored: cron passes over the whole file, because of a problem.
    """

    path: Path
    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_ignored: bool = False


@dataclass(slots=True)
class _State:
    """What is known at a line of the file."""

    path: Path
    owner: str
    settings: dict[str, Setting] = field(default_factory=dict)
    comment: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse_crontab(text: str, *, path: Path, owner: str = "") -> Crontab:
    """Return `text` as Debian's cron 3.0pl1-197 reads it.

    owner: whose crontab it is; empty for a system crontab, which has a column with users.
    """
    state = _State(path=path, owner=owner)
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        _read_line(state, number, line)
    if lines[-1]:
        said = "the last line has no line break"
        _refuse(state, len(lines), lines[-1], (1, len(lines[-1])), said, "add it")
    ignored = any(problem.is_error for problem in state.problems)
    return Crontab(
        path=path,
        entries=tuple(state.entries),
        problems=tuple(state.problems),
        is_ignored=ignored,
    )


def _read_line(state: _State, number: int, line: str) -> None:
    line = original(line)
    stripped = line.strip(_BLANK)
    if not stripped:
        state.comment.clear()
    elif stripped.startswith("#"):
        if _ENTRY_IN_COMMENT.match(stripped) or _HEADINGS.match(stripped):
            state.comment.clear()
        else:
            state.comment.append(stripped.lstrip("#").strip())
    elif setting := _SETTING.fullmatch(line):
        name = next(text for text in setting.group("q1", "q2", "bare") if text is not None)
        value = next(text for text in setting.group("v1", "v2", "plain") if text is not None)
        column = len(line) - len(line.lstrip(_BLANK)) + 1
        # cron 3.0pl1-197 cuts blanks at the end off also between quotes, whatever its manual says.
        state.settings[name] = Setting(value=value.rstrip(), line=number, column=column)
        state.comment.clear()
    else:
        _read_entry(state, number, line)
        state.comment.clear()


def _read_entry(state: _State, number: int, line: str) -> None:
    words = list(_WORD.finditer(line))
    is_word = words[0][0].startswith("@")
    count = 1 if is_word else 5
    if not _check_schedule(state, number, line, words):
        return
    user, rest = state.owner, count
    if not user:
        if len(words) <= count:
            end = len(line.rstrip(_BLANK))
            _refuse(state, number, line, (end, 1), "has no user", "add user and command")
            return
        user, rest = words[count][0], count + 1
    user_column = words[count].start() + 1 if len(words) > count else len(line)
    start = words[rest].start() if len(words) > rest else len(line)
    raw = line[start:]
    if not raw.strip():
        _say(state, number, line, (1, len(line)), "has no command, and does nothing", "remove it")
        return
    if len(raw) > LONGEST_COMMAND:
        said = f"the command has {len(raw)} characters, and cron takes {LONGEST_COMMAND}"
        _refuse(state, number, line, (start + 1, len(raw)), said, "put it into a script")
        return
    entry = Entry(
        line=number,
        schedule=" ".join(word[0] for word in words[:count]),
        user=user,
        raw=raw,
        columns=(words[0].start() + 1, user_column, start + 1),
        settings=dict(state.settings),
        comment=tuple(state.comment),
        text=line,
    )
    state.entries.append(entry)


def _check_schedule(state: _State, number: int, line: str, words: list[re.Match[str]]) -> bool:
    first = words[0]
    place = (first.start() + 1, len(first[0]))
    if first[0].startswith("@"):
        if first[0] in WORDS:
            return True
        said = f"{quote(first[0])} is no word that cron knows"
        _refuse(state, number, line, place, said, f"write one of {', '.join(WORDS)}")
        return False
    if len(words) < 5:
        said = "is neither a setting nor an entry: an entry begins with five fields"
        _refuse(state, number, line, (place[0], len(line.strip())), said, "correct or remove it")
        return False
    for word, kind in zip(words, FIELDS, strict=False):
        reading = read_field(word[0], kind)
        place = (word.start() + 1, len(word[0]))
        if reading is Reading.REFUSED:
            said = f"bad {kind.name}: {quote(word[0])}"
            _refuse(state, number, line, place, said, "correct the field, or remove the line")
            return False
        if reading is Reading.ODD:
            said = (
                f"{quote(word[0])} is no {kind.name} of cron's: it takes the line, and leaves a "
                "part of this out, or never runs it; no job was made of it"
            )
            fix = "write what is meant, and see when cron runs it now: crontab(5)"
            _say(state, number, line, place, said, fix, severity=Severity.ERROR)
            return False
    return True


def _refuse(
    state: _State, number: int, line: str, place: tuple[int, int], message: str, fix: str
) -> None:
    """Note what makes cron pass over the whole file."""
    said = f"{message}: cron passes over the whole file because of this line"
    state.problems.append(
        replace(problem_at(state.path, number, line, place), message=said, fix=fix)
    )


def _say(
    state: _State,
    number: int,
    line: str,
    place: tuple[int, int],
    message: str,
    fix: str,
    severity: Severity = Severity.WARNING,
) -> None:
    problem = problem_at(state.path, number, line, place)
    state.problems.append(replace(problem, message=message, fix=fix, severity=severity))


def problem_at(path: Path, number: int, line: str, place: tuple[int, int]) -> Problem:
    """Return a problem without words at a place, (column, length), of a line."""
    span = Span(file=path, line=number, column=max(place[0], 1), length=max(place[1], 1))
    return Problem(span=span, message="", source_line=printable(line, span))


def description(comment: tuple[str, ...]) -> str:
    """Return the lines of a comment as one, without rulers; empty where nothing is left."""
    words = " ".join(_useful(comment)).split()
    text = "".join(char for char in " ".join(words) if char.isprintable())
    return text.rstrip("\\ ")


def _useful(comment: tuple[str, ...]) -> Iterator[str]:
    for line in comment:
        if re.search(r"[^\W_]", line):
            yield line
