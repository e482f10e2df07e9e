# SPDX-License-Identifier: Apache-2.0
"""What the records of a zone are to be, and what has to be so before, as nsupdate is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debvisor_timers.tasks.base import WRONG, TaskFailed

_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?|@")
_TYPE = re.compile(r"[A-Z0-9]{1,12}")
_NO_TYPES = frozenset(("ANY", "IN", "CH", "HS", "NONE", "AXFR", "IXFR", "SOA"))
"""What nsupdate reads as another word, or what no update may set as a whole."""
_NAME_AT: Mapping[str, int] = {
    **dict.fromkeys(("CNAME", "DNAME", "NS", "PTR"), 0),
    **dict.fromkeys(("MX", "AFSDB", "KX", "SVCB", "HTTPS"), 1),
    "SRV": 3,
}
"""Which word of the data is a name, by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """The records of a name and a type as they are to be; data: none where there are to be none.

    replaces: others of that name and type go; else they stay.
    """

    name: str
    type: str
    ttl: int
    data: tuple[str, ...]
    replaces: bool = True

    @property
    def words(self) -> str:
        """Return it for people."""
        return f"{self.name} {self.type}"

    def lines(self) -> Iterator[str]:
        """Yield what nsupdate is told."""
        if self.replaces:
            yield f"update delete {self.name} {self.type}"
        for data in self.data:
            yield f"update add {self.name} {self.ttl} {self.type} {data}"


def absolute(name: str, zone: str = "") -> str:
    """Return a name with its full stop; of the zone where it has none. Raises TaskFailed."""
    if not _NAME.fullmatch(name):
        raise TaskFailed(f"{name!r} is no name of DNS", exit_status=WRONG)
    if name == "@":
        return zone
    if name.endswith("."):
        return name.lower()
    return f"{name}.{zone}".lower() if zone else f"{name}.".lower()


def record_sets(records: Sequence[Mapping[str, Any]], zone: str) -> list[RecordSet]:
    """Return the sets that records make: those of one name and type together, in their order.

    Raises TaskFailed for names outside of the zone, and for data that cannot be.
    """
    found: dict[tuple[str, str], RecordSet] = {}
    for record in records:
        name, kind = _owner(record["name"], zone), _type(record["type"])
        before, replaces = found.get((name, kind)), record.get("replace", True)
        if before and before.replaces != replaces:
            problem = f"{before.words} is to be replaced, and to be added to"
            raise TaskFailed(problem, fix="give replace alike", exit_status=WRONG)
        if not replaces and not record.get("data"):
            raise TaskFailed(f"{name} {kind}: there is no data to be added", exit_status=WRONG)
        found[name, kind] = RecordSet(
            name=name,
            type=kind,
            ttl=record.get("ttl", before.ttl if before else 3600),
            data=(*(before.data if before else ()), *_data(record, kind, zone)),
            replaces=replaces,
        )
    return list(found.values())


def prerequisites(wanted: Sequence[Mapping[str, Any]], zone: str) -> list[str]:
    """Return what nsupdate is told that has to be so. Source: RFC 2136, section 2.4.

    Raises TaskFailed for what makes no sense.
    """
    lines = []
    for each in wanted:
        require, name = each["require"], _owner(each["name"], zone)
        if require in {"nxdomain", "yxdomain"}:
            if "type" in each or "data" in each:
                problem = f"{require} {name} is about the whole name"
                raise TaskFailed(problem, fix="leave out type and data", exit_status=WRONG)
            lines.append(f"prereq {require} {name}")
            continue
        if "type" not in each:
            raise TaskFailed(f"{require} {name} has no type", fix="type: A", exit_status=WRONG)
        line = f"prereq {require} {name} {(kind := _type(each['type']))}"
        several = _data(each, kind, zone)
        if several and require == "nxrrset":
            problem = f"nxrrset {name} {kind} is about all data"
            raise TaskFailed(problem, fix="leave out data", exit_status=WRONG)
        lines += [f"{line} {data}" for data in several] or [line]
    return lines


def _owner(written: str, zone: str) -> str:
    name = absolute(written, zone)
    if name != zone and not name.endswith(f".{zone}"):
        raise TaskFailed(f"{name} is not in the zone {zone}", exit_status=WRONG)
    return name


def _type(written: str) -> str:
    kind = written.upper()
    if not _TYPE.fullmatch(kind) or kind in _NO_TYPES:
        raise TaskFailed(f"{kind!r} is no type of records to set", exit_status=WRONG)
    return kind


def _data(record: Mapping[str, Any], kind: str, zone: str) -> tuple[str, ...]:
    data = record.get("data", [])
    several = [data] if isinstance(data, str) else data
    for each in several:
        if not each.isprintable() or not each.strip():
            raise TaskFailed(f"{each!r} is no data of a record", exit_status=WRONG)
    return tuple(with_whole_name(each, kind, zone) for each in several)


def with_whole_name(data: str, kind: str, zone: str) -> str:
    """Return data whose name, if its type has one, ends with its full stop.

    nsupdate adds nothing but that, where a zone file adds the zone: `web` would be a top-level
    domain. Raises TaskFailed where either may be meant.
    """
    words, place = data.split(), _NAME_AT.get(kind, len(data))
    if place >= len(words) or words[place].endswith("."):
        return data
    name = words[place]
    if "." in name:
        raise TaskFailed(
            f"{name!r}, in the data of {kind}, does not end with a full stop",
            fix=f"write {name}. or, if it is below the zone, {name}.{zone}",
            exit_status=WRONG,
        )
    words[place] = absolute(name, zone)
    return " ".join(words)
