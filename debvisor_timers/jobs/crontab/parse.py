# SPDX-License-Identifier: Apache-2.0
"""The text of a crontab as entries: each with its settings, its comment and its places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.jobs.crontab.disabled import original
from debvisor_timers.jobs.crontab.fields import FIELDS, WORDS, Reading, read_field
from debvisor_timers.jobs.crontab.place import Place, error, warning
from debvisor_timers.source import Problem

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
    is_ignored: bool = False


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
        place = Place(line=len(lines), text=lines[-1], length=len(lines[-1]))
        _refuse(state, place, said, "add it")
    return Crontab(
        path=path,
        entries=tuple(state.entries),
        problems=tuple(state.problems),
        is_ignored=state.is_ignored,
    )


def _read_line(state: _State, number: int, line: str) -> None:
    line = original(line)
    stripped = line.strip(_BLANK)
    if not stripped:
        state.comment.clear()
    elif stripped.startswith("#"):
        if _ENTRY_IN_COMMENT.match(stripped):
            state.comment.clear()
        elif not _HEADINGS.match(stripped):
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
    count = 1 if words[0][0].startswith("@") else 5
    if not _check_schedule(state, number, line, words):
        return
    rest = count if state.owner else count + 1
    start = words[rest].start() if len(words) > rest else len(line)
    place = Place(line=number, text=line, column=start + 1)
    if not _check_command(state, place, lacks_user=len(words) < rest):
        return
    entry = Entry(
        line=number,
        schedule=" ".join(word[0] for word in words[:count]),
        user=state.owner or words[count][0],
        raw=line[start:],
        columns=(words[0].start() + 1, words[count].start() + 1, start + 1),
        settings=dict(state.settings),
        comment=tuple(state.comment),
        text=line,
    )
    state.entries.append(entry)


def _check_command(state: _State, place: Place, *, lacks_user: bool) -> bool:
    """Return whether there is a command where it should begin; say what is wrong where not."""
    line = place.text
    raw = line[place.column - 1 :]
    at_end = replace(place, column=len(line))
    if lacks_user:
        _refuse(state, at_end, "has no user", "add user and command")
    elif not raw and not state.owner and not line.endswith((" ", "\t")):
        _refuse(state, at_end, "has no command", "add a command, or remove the line")
    elif not raw.strip():
        whole = replace(place, column=1, length=len(line))
        said = "has no command, and does nothing"
        state.problems.append(warning(state.path, whole, said, "remove it"))
    elif len(raw) > LONGEST_COMMAND:
        said = f"the command has {len(raw)} characters, and cron takes {LONGEST_COMMAND}"
        _refuse(state, replace(place, length=len(raw)), said, "put it into a script")
    else:
        return True
    return False


def _check_schedule(state: _State, number: int, line: str, words: list[re.Match[str]]) -> bool:
    first = words[0]

    def at(column: int, length: int) -> Place:
        return Place(line=number, text=line, column=column, length=length)

    if first[0].startswith("@"):
        if first[0] not in WORDS:
            said = f"{quote(first[0])} is no word that cron knows"
            fix = f"write one of {', '.join(WORDS)}"
            _refuse(state, at(first.start() + 1, len(first[0])), said, fix)
        return first[0] in WORDS
    if len(words) < 5:
        said = "is neither a setting nor an entry: an entry begins with five fields"
        _refuse(state, at(first.start() + 1, len(line.strip())), said, "correct or remove it")
        return False
    for word, kind in zip(words, FIELDS, strict=False):
        reading = read_field(word[0], kind)
        place = at(word.start() + 1, len(word[0]))
        if reading is Reading.REFUSED:
            said = f"bad {kind.name}: {quote(word[0])}"
            _refuse(state, place, said, "correct the field, or remove the line")
            return False
        if reading is Reading.ODD:
            said = (
                f"{quote(word[0])} is no {kind.name} of cron's: it takes the line, and leaves a "
                "part of this out, or never runs it; no job was made of it"
            )
            fix = "write what is meant, and see when cron runs it now: crontab(5)"
            state.problems.append(error(state.path, place, said, fix))
            return False
    return True


def _refuse(state: _State, place: Place, message: str, fix: str) -> None:
    """Note what makes cron pass over the whole file."""
    said = f"{message}: cron passes over the whole file because of this line"
    state.problems.append(error(state.path, place, said, fix))
    state.is_ignored = True


def description(comment: tuple[str, ...]) -> str:
    """Return the last paragraph of a comment as one line; empty where it says nothing."""
    paragraph: list[str] = []
    for line in reversed(comment):
        if re.search(r"[^\W_]", line):
            paragraph.insert(0, line)
        elif paragraph:
            break
    words = " ".join(" ".join(paragraph).split())
    return "".join(char for char in words if char.isprintable()).rstrip("\\: ")
