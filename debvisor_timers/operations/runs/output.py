# SPDX-License-Identifier: Apache-2.0
"""What a run printed, standard output and standard error apart, as the journal has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host

STDERR_FACILITY = "1"
"""SYSLOG_FACILITY= of standard error: `run` opens that stream, and gives it another one than
systemd gives to standard output. A level prefix of a line (`<5>`) changes PRIORITY= alone."""

_STDOUT_FACILITY = "3"
_OURS = "debvisor-timers: "
_OF_ERRORS = ("3", "4")
_NOT_ENDED = frozenset({"line-max", "eof"})
"""Where a line goes on in the next record, or the program ended before it. Not `pid-change`: an
other process went on, maybe by a line feed alone, which journald does not store (systemd 257)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much of each stream is kept: the newest lines, in text of so many bytes at most."""

    lines: int = 1000
    size: int = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, without its line feed, at the time when journald read it.

    What is not UTF-8 is replaced. is_ended: False where the program ended before the line did, and
    for a piece of a line that was too long for one record.
    """

    at: datetime
    text: str
    is_ended: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The newest lines of a stream, oldest first; is_cut: older ones were left out."""

    lines: tuple[Line, ...] = ()
    is_cut: bool = False

    @property
    def text(self) -> str:
        """Return the lines as the program wrote them."""
        return "".join(line.text + "\n" * line.is_ended for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What all attempts of a run printed.

    journald stores no empty lines, no space at the end of a line, and nothing that comes too fast
    (systemd 257, RateLimitBurst=); what it dropped it tells when the unit prints again, maybe in
    another run. Where a sandbox keeps a program from journald, its standard error comes with its
    standard output. What our own programs said of a failure is with standard error.
    """

    stdout: Stream = Stream()
    stderr: Stream = Stream()


def run_output(host: Host, run: Run, limit: Limit | None = None) -> Output:
    """Return what `run` printed, as far as the journal has it, of each stream the newest.

    By fields that journald alone writes: nothing but the processes of the run can add to it.
    Raises SystemdError when the journal is not readable.
    """
    if not run.invocation_ids:
        return Output()
    limit = limit or Limit()
    streamed: JournalMatch = {"_SYSTEMD_INVOCATION_ID": run.invocation_ids, "_TRANSPORT": "stdout"}
    stdout: JournalMatch = {**streamed, "SYSLOG_FACILITY": _STDOUT_FACILITY}
    ours: JournalMatch = {**stdout, "PRIORITY": _OF_ERRORS}
    stderr: JournalMatch = {**streamed, "SYSLOG_FACILITY": STDERR_FACILITY}
    read = host.journal.records
    return Output(
        stdout=_newest((r for r in read([stdout], newest_first=True) if not _is_ours(r)), limit),
        stderr=_newest((r for r in read([stderr, ours], newest_first=True) if _is_error(r)), limit),
    )


def _newest(records: Iterable[JournalRecord], limit: Limit) -> Stream:
    """Return the lines of `records`, which come newest first, as many as there is room for."""
    kept: list[Line] = []
    room = limit.size
    for record in records:
        line = _line(record)
        size = len(line.text.encode()) + 1
        if len(kept) == limit.lines or size > room:
            # Of a single line that is too large its end: it tells more than nothing.
            end = () if kept else (_end_of(line, room),)
            return Stream(lines=(*end, *reversed(kept)), is_cut=True)
        kept.append(line)
        room -= size
    return Stream(lines=tuple(reversed(kept)))


def _line(record: JournalRecord) -> Line:
    is_ended = record.get("_LINE_BREAK") not in _NOT_ENDED
    return Line(at=record.realtime, text=record.get("MESSAGE"), is_ended=is_ended)


def _end_of(line: Line, room: int) -> Line:
    """Return what of the end of a line fits into so many bytes, its line feed included."""
    text = line.text.encode()[-(room - 1) :].decode(errors="ignore")
    return replace(line, text=text)


def _is_error(record: JournalRecord) -> bool:
    return record.get("SYSLOG_FACILITY") == STDERR_FACILITY or _is_ours(record)


def _is_ours(record: JournalRecord) -> bool:
    """Return True for what `begin` and `end` say: their errors come by the stream of the unit."""
    is_error = record.get("PRIORITY") in _OF_ERRORS
    return is_error and record.get("MESSAGE").startswith(_OURS)
