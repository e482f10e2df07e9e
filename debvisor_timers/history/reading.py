# SPDX-License-Identifier: Apache-2.0
"""What a reading of the journal gives to the index, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from debvisor_timers.history.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the journal of a boot has been read.

    cursor: of the last record that was read, empty before the first; written: when that was.
    pins: the first record of the oldest run of a job that may still change, by job.
    is_over: the boot has ended, and all of it was read.
    """

    cursor: str = ""
    written: datetime | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRun:
    """A run that was read; is_settled: nothing that comes can change it any more.

    replaces: the id that it had before its own was known; empty for none.
    """

    run: Run
    is_settled: bool
    replaces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a further part of the journal of a boot has told.

    runs: in the order in which they began. jobs: those whose unsettled runs were read again.
    more: there is more to be read, of this boot or of another.
    """

    boot: str
    place: Place
    runs: Sequence[ReadRun]
    jobs: frozenset[str]
    more: bool = False
