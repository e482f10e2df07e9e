# SPDX-License-Identifier: Apache-2.0
"""Time zone files: when the clock of a zone is changed, and the rule of its future.

Source: RFC 8536 (TZif). Python's zoneinfo reads the same files, but tells of none of this.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

_HEADER = struct.Struct(">4sc15x6l")
_LOCAL_TYPE = struct.Struct(">lBB")


@dataclass(frozen=True, slots=True)
class LocalTime:
    """How a zone's clock stands: seconds east of UTC, and whether that is daylight saving time."""

    offset: int
    is_dst: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """A moment, in seconds since 1970 in UTC, at which a clock passes from one time to another."""

    at: int
    before: LocalTime
    after: LocalTime


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """What a time zone file says.

    transitions: those that the file lists, ascending; the first local time has none.
    footer: the rule for what comes after them, a POSIX TZ string; empty where the file has none.
    """

    transitions: tuple[Transition, ...]
    footer: str


def read_zone_file(data: bytes) -> ZoneFile:
    """Return what the TZif file `data` says. Raises ValueError when it makes no sense."""
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"no time zone file: {error}") from error


def _read(data: bytes) -> ZoneFile:
    magic, version, *counts = _HEADER.unpack_from(data)
    if magic != b"TZif" or version < b"2":
        raise ValueError("no time zone file of version 2 or later")
    # The first block has 32-bit times for old programs; the second is the same in 64 bits.
    second = _HEADER.size + _block_size(counts, time_bytes=4)
    magic, _version, *counts = _HEADER.unpack_from(data, second)
    start = second + _HEADER.size
    transitions = _transitions(data, start, counts)
    _newline, footer, *_ = data[start + _block_size(counts, time_bytes=8) :].split(b"\n")
    return ZoneFile(transitions=transitions, footer=footer.decode("ascii"))


def _block_size(counts: list[int], *, time_bytes: int) -> int:
    utc, standard, leaps, times, types, characters = counts
    pairs = leaps * (time_bytes + 4)
    return times * (time_bytes + 1) + types * _LOCAL_TYPE.size + characters + pairs + standard + utc


def _transitions(data: bytes, start: int, counts: list[int]) -> tuple[Transition, ...]:
    _utc, _standard, _leaps, times, types, _characters = counts
    moments = struct.unpack_from(f">{times}q", data, start)
    indexes = struct.unpack_from(f">{times}B", data, start + 8 * times)
    table = start + 9 * times
    kinds = [
        LocalTime(offset, bool(is_dst))
        for offset, is_dst, _name in (
            _LOCAL_TYPE.unpack_from(data, table + number * _LOCAL_TYPE.size)
            for number in range(types)
        )
    ]
    passed = [kinds[0], *(kinds[index] for index in indexes)]
    return tuple(
        Transition(at, before, after)
        for at, (before, after) in zip(moments, pairwise(passed), strict=True)
    )
