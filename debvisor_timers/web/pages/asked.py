# SPDX-License-Identifier: Apache-2.0
"""Which jobs the overview is asked for: words, an owner, a state, an order and a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from debvisor_timers.operations.list import JobRow, JobState
from debvisor_timers.web.pages.cards import BUSY, ODD, has_failed

PER_PAGE = 100

ORDERS: Mapping[str, str] = {
    "name": "By name",
    "next": "Next start first",
    "last": "Newest run first",
    "longest": "Longest run first",
}
"""Every order, by its name in addresses."""

_NEVER = datetime.max.replace(tzinfo=UTC)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

FILTERS: Mapping[str, tuple[str, str, Callable[[JobRow], bool]]] = {
    "": ("All", "", lambda _row: True),
    "failed": ("Failed", "bad", has_failed),
    "running": ("Running", "busy", lambda row: row.state in BUSY),
    "paused": ("Paused", "held", lambda row: row.pause is not None),
    "disabled": ("Disabled", "", lambda row: row.state is JobState.DISABLED),
    "drift": ("Not as written", "bad", lambda row: row.state in ODD),
}
"""Every choice by state: its words, the tone of its number, and which jobs it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for; empty: all. page: from 1 on."""

    q: str = ""
    owner: str = ""
    show: str = ""
    sort: str = "name"
    page: int = 1

    @classmethod
    def read(cls, question: Mapping[str, str]) -> Asked:
        """Return what an address asks for; what makes no sense is left out."""
        page, show, sort = (question.get(name, "") for name in ("page", "show", "sort"))
        is_number = page.isascii() and page.isdecimal() and len(page) < 7
        return cls(
            q=question.get("q", "").strip()[:200],
            owner=question.get("owner", "")[:200],
            show=show if show in FILTERS else "",
            sort=sort if sort in ORDERS else "name",
            page=max(int(page), 1) if is_number else 1,
        )

    def address(self, **others: str | int) -> str:
        """Return the address that asks for the same but for `others`; its first page, else."""
        wanted = replace(self, **{"page": 1, **others})  # type: ignore[arg-type]
        plain = Asked()
        pairs = [
            (name, getattr(wanted, name))
            for name in ("q", "owner", "show", "sort", "page")
            if getattr(wanted, name) != getattr(plain, name)
        ]
        return f"/?{urlencode(pairs)}" if pairs else "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One page of the jobs that are asked for; counts: by state, of those with these words."""

    rows: Sequence[JobRow]
    first: int
    total: int
    pages: int
    page: int
    counts: Mapping[str, int]


def choose(rows: Sequence[JobRow], asked: Asked) -> Chosen:
    """Return the page of `rows` that is asked for; the last where there are not so many."""
    words = asked.q.casefold().split()
    found = [row for row in rows if _has(row, words) and asked.owner in {"", _owner(row)}]
    counts = {name: sum(map(takes, found)) for name, (_, _, takes) in FILTERS.items()}
    wanted = sorted(filter(FILTERS[asked.show][2], found), key=_ORDER[asked.sort])
    pages = max(-(-len(wanted) // PER_PAGE), 1)
    page = min(asked.page, pages)
    first = (page - 1) * PER_PAGE
    return Chosen(
        rows=wanted[first : first + PER_PAGE],
        first=first,
        total=len(wanted),
        pages=pages,
        page=page,
        counts=counts,
    )


def owners(rows: Sequence[JobRow]) -> list[str]:
    """Return the owners of jobs, in order."""
    return sorted({owner for row in rows if (owner := _owner(row))})


def _owner(row: JobRow) -> str:
    return row.job.owner if row.job else ""


def _has(row: JobRow, words: Sequence[str]) -> bool:
    if not words:
        return True
    job = row.job
    about = [row.job_id]
    if job is not None:
        tags = (f"{name}={value}" for name, value in job.tags.items())
        about += [job.title, job.owner, job.description, *tags]
    text = "\n".join(about).casefold()
    return all(word in text for word in words)


def _title(row: JobRow) -> str:
    return (row.job.title if row.job else row.job_id).casefold()


def _last(row: JobRow) -> float:
    return -(row.last.end if row.last else _LONG_AGO).timestamp()


def _length(row: JobRow) -> float:
    length = row.last.duration if row.last else None
    return -length.total_seconds() if length else 0.0


_ORDER: Mapping[str, Callable[[JobRow], tuple[object, str]]] = {
    "name": lambda row: (_title(row), row.job_id),
    "next": lambda row: (row.next_start or _NEVER, row.job_id),
    "last": lambda row: (_last(row), row.job_id),
    "longest": lambda row: (_length(row), row.job_id),
}
