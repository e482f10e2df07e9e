# SPDX-License-Identifier: Apache-2.0
"""A report as text: 80 columns, for a terminal or a mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

import click

from debvisor_timers.cli.digest import Digest, Entry, Fact, Section

_WIDTH = 80
_TONES = {"good": "green", "bad": "red", "odd": "yellow"}


def text_of(digest: Digest) -> Iterator[str]:
    """Yield the lines of the report."""
    for line in _folded(f"Jobs on {digest.host}, {digest.period}", ""):
        yield click.style(line, bold=True)
    yield ""
    for line in _folded(digest.verdict, ""):
        yield click.style(line, fg=_TONES.get(digest.tone))
    if digest.facts:
        yield ""
        yield from _table(digest.facts, digest.before)
    for section in digest.sections:
        yield ""
        yield from _section(section)
    if digest.notes:
        yield ""
        for note in digest.notes:
            yield from _folded(f"Note: {note}", "", "  ")


def _table(facts: Sequence[Fact], before: str) -> Iterator[str]:
    label = max(len(fact.label) for fact in facts)
    value = max(len(fact.value) for fact in facts)
    title = before if any(fact.before for fact in facts) else ""
    if title:
        yield f"{' ' * (label + 4 + value)}    {title}"
    for fact in facts:
        line = f"  {fact.label.ljust(label)}  {fact.value.rjust(value)}"
        yield f"{line}    {fact.before.rjust(len(title))}".rstrip()


def _section(section: Section) -> Iterator[str]:
    colour = _TONES.get(section.tone)
    yield click.style(section.title.upper(), fg=colour, bold=True)
    if section.about:
        yield from _folded(section.about, "")
    for entry in section.entries:
        yield from _entry(entry)
    if section.more:
        yield from _folded(section.more, "  ", "    ")


def _entry(entry: Entry) -> Iterator[str]:
    name = f" ({entry.name})" if entry.name else ""
    first, *others = _folded(f"{entry.subject}{name}: {entry.words}", "  ", "    ")
    # What was folded within the id stays plain.
    yield first.replace(entry.subject, click.style(entry.subject, bold=True), 1)
    yield from others
    for line in entry.lines:
        yield from _folded(f"{line.when}  {line.words}", "    ", "      ")
        yield from _command(line.command)
    if entry.more:
        yield f"    {entry.more}"
    yield from _command(entry.command)


def _command(words: Sequence[str]) -> Iterator[str]:
    """Yield a command that a user can copy: broken where a shell goes on, if it is too long."""
    text = ""
    for part in _parts(words):
        if text and len(text) + len(part) + 3 > _WIDTH:
            yield f"{text} \\"
            text = f"        {part}"
        else:
            text = f"{text} {part}" if text else f"      {part}"
    if text:
        yield text


def _parts(words: Sequence[str]) -> Iterator[str]:
    """Yield `words`, an option and its value as one."""
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word
        else:
            yield f"{option} {word}" if option else word
            option = ""


def _folded(text: str, indent: str, further: str = "") -> list[str]:
    return wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=further or indent,
        break_on_hyphens=False,
    )
