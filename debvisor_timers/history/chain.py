# SPDX-License-Identifier: Apache-2.0
"""Is the audit whole? What its chain of records proves, and what it does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from debvisor_timers.history.audit import AuditRecord, Seal

FIRST = "first"
"""Why the first chain of a host begins; any other reason is worth a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest link, as it is kept apart from the journal. time: of its record.

    unsent: how many of the newest records it has in full, since the journal may lack them.
    """

    chain: str
    number: int
    digest: str
    time: datetime
    unsent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedDigest:
    """A digest that somebody has noted elsewhere. number: that of its record, where noted."""

    digest: str
    number: int | None = None


class Fault(StrEnum):
    """What can be wrong with the chain."""

    CHANGED = "changed"
    GAP = "gap"
    MISSING_AT_BEGINNING = "missing at the beginning"
    MISSING_AT_END = "missing at the end"
    FORKED = "forked"
    BEYOND_HEAD = "beyond the head"
    UNCHAINED = "unchained"
    BEGUN_ANEW = "begun anew"
    NO_HEAD = "no head"
    NOT_AS_NOTED = "not as noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """One thing that is wrong: `text` says it in words. number: of the first record concerned."""

    fault: Fault
    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was checked.

    first, last: the numbers of the records that are there; 0 for none. vacuumed: how many older
    ones the journal no longer has, which is no fault. attempts: refusals that other users have
    told by themselves; no chain vouches for them. unsent: how many the head has and the journal
    not yet. noted: what became of the noted digest.
    """

    checked: int
    first: int
    last: int
    head: Head | None
    vacuumed: int
    attempts: int
    unsent: int
    findings: tuple[ChainFinding, ...]
    noted: str = ""

    @property
    def is_whole(self) -> bool:
        """Return True when nothing was changed or taken away but the oldest ones."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Link:
    """A record of a chain."""

    seal: Seal
    record: AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back the journal goes, with entries of whatever kind; a record before is vacuumed.

    begins: the time of its oldest entry. boots: the same of each boot that `boots_before` names.
    """

    begins: datetime | None = None
    boots: Mapping[str, datetime] = field(default_factory=dict)


_UNKNOWN = Reach()


def verify_chain(
    records: Iterable[AuditRecord],
    head: Head | None,
    *,
    attempts: int = 0,
    reach: Reach = _UNKNOWN,
    noted: NotedDigest | None = None,
) -> Proof:
    """Return what the `records` of root, in any order, and the kept `head` prove.

    That the oldest links are gone is no fault, if so is all that is as old: each link proves the
    one before it, so the head proves all that are left.
    """
    read = list(records)
    # A record can be there twice: it was sent again since nobody knew whether it had arrived.
    links = {
        (each.seal.digest, each.is_whole): _Link(each.seal, each) for each in read if each.seal
    }
    chains = _by_chain(links.values())
    own = chains.get(head.chain, []) if head else []
    numbers = sorted({link.seal.number for link in own})
    findings = [*_unchained(read), *_without_head(head, links.values())]
    for name, chain in chains.items():
        is_own = head is not None and name == head.chain
        findings += [*_begun_anew(chain, is_own=is_own), *_links(chain)]
    findings += (cut := list(_beginning(own, reach.boots)))
    if head is not None:
        findings += _end(head, own, reach.begins)
    answer, wrong = _noted(noted, head, own)
    return Proof(
        checked=len(links),
        first=min(numbers, default=0),
        last=max(numbers, default=0),
        head=head,
        vacuumed=0 if cut else _vacuumed(numbers, head),
        attempts=attempts,
        unsent=_unsent(numbers, head),
        findings=(*findings, *wrong),
        noted=answer,
    )


def boots_before(records: Iterable[AuditRecord], chain: str) -> set[str]:
    """Return in which boot the record was sealed that is before the oldest one of `chain`."""
    seals = [each.seal for each in records if each.seal and each.seal.chain == chain]
    oldest = min((seal.number for seal in seals), default=0)
    return {seal.previous_boot for seal in seals if seal.number == oldest} - {""}


def _by_chain(links: Iterable[_Link]) -> Mapping[str, Sequence[_Link]]:
    chains: dict[str, list[_Link]] = defaultdict(list)
    for link in links:
        chains[link.seal.chain].append(link)
    return chains


def _unchained(read: Sequence[AuditRecord]) -> Iterator[ChainFinding]:
    for each in read:
        if each.seal is None:
            when = f"{each.event.time:%Y-%m-%d %H:%M:%S} UTC"
            text = f"a record of {when} ({each.event.words}) is in no chain: nothing proves it"
            yield ChainFinding(fault=Fault.UNCHAINED, text=text)


def _without_head(head: Head | None, links: Iterable[_Link]) -> Iterator[ChainFinding]:
    if head is None and any(True for _ in links):
        text = "there are records and no head: nothing tells whether newer ones were taken away"
        yield ChainFinding(fault=Fault.NO_HEAD, text=text)


def _begun_anew(chain: Sequence[_Link], *, is_own: bool) -> Iterator[ChainFinding]:
    first = min(chain, key=lambda link: link.seal.number)
    number, begin = first.seal.number, first.seal.begin
    if number == 1 and begin != FIRST:
        when = f"{first.record.event.time:%Y-%m-%d %H:%M:%S} UTC"
        text = f"the chain began anew on {when}: {begin or 'nobody says why'}"
        yield ChainFinding(fault=Fault.BEGUN_ANEW, text=text, number=1)
    elif not is_own:
        text = f"{len(chain)} records are of another chain, {first.seal.chain}, which has no head"
        yield ChainFinding(fault=Fault.BEGUN_ANEW, text=text, number=number)


def _links(chain: Sequence[_Link]) -> Iterator[ChainFinding]:
    """Yield what is wrong within a chain, in order of the numbers."""
    by_number: dict[int, list[_Link]] = defaultdict(list)
    for link in chain:
        by_number[link.seal.number].append(link)
    numbers = sorted(by_number)
    for number in numbers:
        yield from _alone(number, by_number[number])
    for before, number in pairwise(numbers):
        if number > before + 1:
            text = f"{_range(before + 1, number - 1)} missing in the middle"
            yield ChainFinding(fault=Fault.GAP, text=text, number=before + 1)
        elif not _follows(by_number, before, number):
            text = f"record {number} does not follow the record {before} that is there"
            yield ChainFinding(fault=Fault.CHANGED, text=text, number=before)


def _alone(number: int, links: Sequence[_Link]) -> Iterator[ChainFinding]:
    for link in links:
        if not link.record.is_whole:
            text = f"record {number} was changed: its digest is that of something else"
            yield ChainFinding(fault=Fault.CHANGED, text=text, number=number)
        elif number < 1 or (number == 1) != (not link.seal.previous):
            text = f"record {number} does not say rightly what it follows"
            yield ChainFinding(fault=Fault.CHANGED, text=text, number=number)
    if len(links) > 1:
        text = f"there are {len(links)} different records with the number {number}"
        yield ChainFinding(fault=Fault.FORKED, text=text, number=number)


def _follows(by_number: Mapping[int, Sequence[_Link]], before: int, number: int) -> bool:
    digests = {link.seal.digest for link in by_number[before]}
    return all(link.seal.previous in digests for link in by_number[number])


def _end(
    head: Head, own: Sequence[_Link], journal_begins: datetime | None
) -> Iterator[ChainFinding]:
    """Yield what the head says against the end of the chain."""
    last = max((link.seal.number for link in own), default=0)
    if last > head.number:
        text = f"{_range(head.number + 1, last)} newer than the head, which names {head.number}"
        yield ChainFinding(fault=Fault.BEYOND_HEAD, text=text, number=head.number + 1)
    of_head = [link.seal.digest for link in own if link.seal.number == head.number]
    if of_head and head.digest not in of_head:
        text = f"record {head.number} is not the one that the head names"
        yield ChainFinding(fault=Fault.CHANGED, text=text, number=head.number)
    # What the head has in full is not lost, and is sent again by the next change.
    expected = head.number - head.unsent
    is_vacuumed = not own and journal_begins is not None and head.time < journal_begins
    if last < expected and not is_vacuumed:
        text = f"{_range(last + 1, expected)} missing at the end: the head names {head.number}"
        yield ChainFinding(fault=Fault.MISSING_AT_END, text=text, number=last + 1)


def _beginning(own: Sequence[_Link], boots_begin: Mapping[str, datetime]) -> Iterator[ChainFinding]:
    """Yield that the oldest are gone, where the journal has older entries of the same boot."""
    oldest = min(own, key=lambda link: link.seal.number, default=None)
    if oldest is None or not oldest.record.is_whole:
        return
    seal = oldest.seal
    begins, before = boots_begin.get(seal.previous_boot), seal.previous_time
    if begins is None or before is None or begins >= before:
        return
    if seal.time is None or seal.time < before:
        return  # the clock was set back in between: times tell nothing
    text = f"{_range(1, seal.number - 1)} missing, or part of them: the journal has older entries"
    yield ChainFinding(fault=Fault.MISSING_AT_BEGINNING, text=text, number=seal.number - 1)


def _vacuumed(numbers: Sequence[int], head: Head | None) -> int:
    if numbers:
        return numbers[0] - 1
    return head.number - head.unsent if head else 0


def _unsent(numbers: Sequence[int], head: Head | None) -> int:
    if head is None:
        return 0
    return min(head.unsent, max(head.number - max(numbers, default=0), 0))


def _noted(
    noted: NotedDigest | None, head: Head | None, own: Sequence[_Link]
) -> tuple[str, tuple[ChainFinding, ...]]:
    """Return what became of the digest that somebody has noted, and what is wrong with it."""
    if noted is None:
        return "", ()
    found = [link.seal.number for link in own if link.seal.digest == noted.digest]
    if head is not None and head.digest == noted.digest:
        found.append(head.number)
    if found:
        right = noted.number is None or noted.number in found
        if right:
            return f"the noted digest is that of record {found[0]}", ()
    oldest = min((link.seal.number for link in own), default=head.number if head else 0)
    if not found and noted.number is not None and noted.number < oldest:
        return f"record {noted.number} was vacuumed: its noted digest cannot be checked", ()
    text = "no record has the noted digest: the chain was rewritten, or it is too old to be there"
    finding = ChainFinding(fault=Fault.NOT_AS_NOTED, text=text, number=noted.number)
    return "the noted digest is not part of the chain", (finding,)


def _range(first: int, last: int) -> str:
    return f"record {first} is" if first == last else f"records {first} to {last} are"
