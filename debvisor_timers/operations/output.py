# SPDX-License-Identifier: Apache-2.0
"""What a run printed, standard output and standard error apart, as the journal has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
_DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
"""journald's message on records that its rate limit dropped. Source: systemd 257, sd-messages.h."""
_GOES_ON = frozenset({"line-max", "pid-change"})
"""Where journald has cut a line that goes on in the next record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much of each stream is kept: the newest lines, in text of so many bytes at most."""

    lines: int = 1000
    size: int = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, without its line feed, at the time when journald read it.

    What is not UTF-8 is replaced. is_ended: False where the program ended before the line did, and
    for a piece of a line that was too long for journald.
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
    """What all attempts of a run printed; dropped: how many records a rate limit swallowed.

    Where a sandbox keeps a program from journald, its standard error comes with its standard
    output. What our own programs said of a failure is with standard error.
    """

    stdout: Stream = Stream()
    stderr: Stream = Stream()
    dropped: int = 0


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
        dropped=_dropped(host, run),
    )


def _newest(records: Iterable[JournalRecord], limit: Limit) -> Stream:
    """Return the lines of `records`, which come newest first, as many as there is room for."""
    kept: list[Line] = []
    room = limit.size
    for record in records:
        line = _line(record)
        size = len(line.text.encode("utf-8", "replace")) + 1
        if len(kept) == limit.lines or size > room:
            return Stream(lines=tuple(reversed(kept)), is_cut=True)
        kept.append(line)
        room -= size
    return Stream(lines=tuple(reversed(kept)))


def _line(record: JournalRecord) -> Line:
    how = record.get("_LINE_BREAK")
    is_ended = how not in {*_GOES_ON, "eof"}
    return Line(at=record.realtime, text=record.get("MESSAGE"), is_ended=is_ended)


def _is_error(record: JournalRecord) -> bool:
    return record.get("SYSLOG_FACILITY") == STDERR_FACILITY or _is_ours(record)


def _is_ours(record: JournalRecord) -> bool:
    """Return True for what `begin` and `end` say: their errors come by the stream of the unit."""
    is_error = record.get("PRIORITY") in _OF_ERRORS
    return is_error and record.get("MESSAGE").startswith(_OURS)


def _dropped(host: Host, run: Run) -> int:
    match: JournalMatch = {
        "_TRANSPORT": "driver",
        "MESSAGE_ID": _DROPPED,
        "OBJECT_SYSTEMD_INVOCATION_ID": run.invocation_ids,
    }
    counts = (record.get("N_DROPPED") for record in host.journal.records([match]))
    return sum(int(count) for count in counts if count.isdigit())
