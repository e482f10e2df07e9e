# SPDX-License-Identifier: Apache-2.0
"""What the chain of the audit proves: every change is found, the vacuum of the journal is none."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.audit import Seal, sealed
from debvisor_timers.history.chain import (
    Fault,
    NotedDigest,
    Proof,
    Reach,
    boots_before,
    verify_chain,
)
from tests.unit.history.events import (
    BOOT,
    CHAIN,
    NOON,
    Fields,
    chain,
    event,
    head_of,
    read,
    read_all,
)

DIGEST = "DEBVISOR_AUDIT_DIGEST"
FIVE = chain(5)


def verify(records: list[Fields], of: list[Fields] = FIVE, *, unsent: int = 0) -> Proof:
    return verify_chain(read_all(records), head_of(of, unsent=unsent))


def faults(proof: Proof) -> list[tuple[Fault, int | None]]:
    return [(finding.fault, finding.number) for finding in proof.findings]


def test_a_chain_that_nobody_touched_is_whole() -> None:
    proof = verify(FIVE)

    assert proof.is_whole
    assert (proof.checked, proof.first, proof.last, proof.vacuumed) == (5, 1, 5, 0)


def test_a_host_on_which_nothing_was_changed_is_whole() -> None:
    proof = verify_chain([], None)

    assert proof.is_whole
    assert (proof.checked, proof.vacuumed) == (0, 0)


@given(st.permutations(FIVE))
def test_the_order_of_the_journal_counts_for_nothing(records: list[Fields]) -> None:
    """Numbers do: the clock may have been set back."""
    assert verify(records).is_whole


@given(st.data())
def test_any_change_of_any_record_is_found(data: st.DataObject) -> None:
    records = [dict(fields) for fields in FIVE]
    number = data.draw(st.integers(1, 5))
    fields = records[number - 1]
    names = [name for name in fields if name.startswith("DEBVISOR_AUDIT_")]
    name = data.draw(st.sampled_from(["MESSAGE", *names]))
    fields[name] = data.draw(st.text().filter(lambda text: text != fields[name]))

    assert not verify(records).is_whole


@given(st.data())
def test_a_record_that_was_made_anew_with_a_digest_that_fits_is_found(
    data: st.DataObject,
) -> None:
    """Also the last one, since the head names another digest."""
    records = list(FIVE)
    number = data.draw(st.integers(1, 5))
    previous = records[number - 2][DIGEST] if number > 1 else ""
    begin = "first" if number == 1 else ""
    seal = Seal(chain=CHAIN, number=number, previous=previous, begin=begin)
    records[number - 1] = sealed(event(number, what="something else"), seal)

    assert Fault.CHANGED in {fault for fault, _ in faults(verify(records))}


@given(st.integers(2, 9), st.data())
def test_whatever_is_taken_from_the_middle_is_found(count: int, data: st.DataObject) -> None:
    records = chain(count + 1)
    first = data.draw(st.integers(2, count))
    last = data.draw(st.integers(first, count))

    proof = verify(records[: first - 1] + records[last:], records)

    assert faults(proof) == [(Fault.GAP, first)]


@given(st.integers(1, 4))
def test_whatever_is_taken_from_the_end_is_found(kept: int) -> None:
    proof = verify(FIVE[:kept])

    assert faults(proof) == [(Fault.MISSING_AT_END, kept + 1)]
    text = "record 5 is" if kept == 4 else f"records {kept + 1} to 5 are"
    assert proof.findings[0].text == f"{text} missing at the end: the head names 5"


@given(st.integers(1, 4))
def test_the_vacuum_of_the_oldest_is_no_fault(gone: int) -> None:
    proof = verify(FIVE[gone:])

    assert proof.is_whole
    assert (proof.first, proof.last, proof.vacuumed) == (gone + 1, 5, gone)


def test_the_oldest_are_vacuumed_only_if_the_boot_of_the_one_before_begins_after_it() -> None:
    head = head_of(FIVE)

    def proof(begins: timedelta, boot: str = BOOT) -> Proof:
        boots = {boot: NOON + timedelta(minutes=2) + begins}
        return verify_chain(read_all(FIVE[2:]), head, reach=Reach(boots=boots))

    assert boots_before(read_all(FIVE[2:]), CHAIN) == {BOOT}
    assert boots_before(read_all(FIVE), CHAIN) == set()
    assert proof(timedelta(seconds=1)).vacuumed == 2
    assert proof(timedelta(seconds=-1), "another").is_whole
    cut = proof(timedelta(seconds=-1))
    assert faults(cut) == [(Fault.MISSING_AT_BEGINNING, 2)]
    assert cut.vacuumed == 0


def test_a_clock_that_was_set_back_takes_nothing_for_missing() -> None:
    seal = Seal(
        chain=CHAIN,
        number=6,
        previous=FIVE[4][DIGEST],
        time=NOON - timedelta(hours=1),
        previous_time=NOON,
        previous_boot=BOOT,
    )
    records = [sealed(event(6), seal)]
    begins = {BOOT: NOON - timedelta(minutes=1)}

    assert verify_chain(read_all(records), head_of(records), reach=Reach(boots=begins)).is_whole


def test_all_records_are_vacuumed_only_if_the_journal_begins_after_them() -> None:
    head = head_of(FIVE)

    later = verify_chain([], head, reach=Reach(begins=head.time + timedelta(hours=1)))
    earlier = verify_chain([], head, reach=Reach(begins=NOON))

    assert later.is_whole
    assert later.vacuumed == 5
    assert faults(earlier) == [(Fault.MISSING_AT_END, 1)]


def test_what_the_head_still_has_is_not_missing() -> None:
    """A crash between the head and the journal."""
    proof = verify(FIVE[:4], unsent=1)

    assert proof.is_whole
    assert proof.unsent == 1
    assert faults(verify(FIVE[:3], unsent=1)) == [(Fault.MISSING_AT_END, 4)]


def test_a_record_that_was_sent_twice_is_no_fault() -> None:
    assert verify([*FIVE, FIVE[4], FIVE[2]]).is_whole


def test_a_changed_copy_beside_the_true_record_is_found() -> None:
    copy = {**FIVE[2], "DEBVISOR_AUDIT_WHAT": "nothing"}

    assert (Fault.CHANGED, 3) in faults(verify([*FIVE, copy]))
    assert (Fault.CHANGED, 3) in faults(verify([copy, *FIVE]))


def test_two_records_with_one_number_are_a_fork() -> None:
    """A head that was brought back from a backup makes one, too."""
    seal = Seal(chain=CHAIN, number=4, previous=FIVE[2][DIGEST])
    forged = sealed(event(4, what="something else"), seal)

    assert (Fault.FORKED, 4) in faults(verify([*FIVE, forged]))


def test_records_after_the_head_are_found() -> None:
    seal = Seal(chain=CHAIN, number=6, previous=FIVE[4][DIGEST])
    forged = sealed(event(6), seal)

    assert faults(verify([*FIVE, forged])) == [(Fault.BEYOND_HEAD, 6)]


def test_a_record_of_root_without_a_chain_is_found() -> None:
    assert faults(verify([*FIVE, event(9).to_fields()])) == [(Fault.UNCHAINED, None)]


def test_a_head_that_is_gone_is_told() -> None:
    proof = verify_chain(read_all(FIVE), None)

    assert Fault.NO_HEAD in {fault for fault, _ in faults(proof)}


def test_a_new_chain_says_why_it_begins_and_is_found() -> None:
    new = chain(2, name="feed", begin="the head of the one before was lost")

    proof = verify([*FIVE, *new], new)

    assert [fault for fault, _ in faults(proof)] == [Fault.BEGUN_ANEW, Fault.BEGUN_ANEW]
    assert {finding.text for finding in proof.findings} == {
        f"5 records are of another chain, {CHAIN}, which has no head",
        "the chain began anew on 2026-11-23 12:01:00 UTC: the head of the one before was lost",
    }


def test_a_chain_cannot_begin_in_its_middle() -> None:
    """A forged record cannot claim that nothing came before it."""
    seal = Seal(chain=CHAIN, number=3, previous="")
    records = [sealed(event(3), seal)]

    assert not verify(records, records).is_whole


def noted(digest: str, number: int | None = None, *, kept: int = 0) -> Proof:
    return verify_chain(
        read_all(FIVE[kept:]), head_of(FIVE), noted=NotedDigest(digest=digest, number=number)
    )


def test_a_digest_noted_elsewhere_is_found_in_the_chain() -> None:
    proof = noted(FIVE[2][DIGEST], 3)

    assert proof.is_whole
    assert proof.noted == "the noted digest is that of record 3"
    assert noted(FIVE[2][DIGEST]).is_whole


def test_a_chain_that_was_rewritten_lacks_the_noted_digest() -> None:
    """Root can make the whole chain and its head anew; nobody can make it fit to this."""
    other = chain(5, begin="first")
    before = verify_chain(
        read_all(other), head_of(other), noted=NotedDigest(digest="ab" * 32, number=3)
    )

    assert faults(before) == [(Fault.NOT_AS_NOTED, 3)]
    assert faults(noted(FIVE[2][DIGEST], 4)) == [(Fault.NOT_AS_NOTED, 4)]
    assert faults(noted("ab" * 32, 9)) == [(Fault.NOT_AS_NOTED, 9)]


def test_a_noted_digest_of_a_vacuumed_record_cannot_be_checked() -> None:
    proof = noted(FIVE[0][DIGEST], 1, kept=2)

    assert proof.is_whole
    assert proof.noted == "record 1 was vacuumed: its noted digest cannot be checked"


def test_what_other_users_send_is_in_no_chain() -> None:
    assert read(FIVE[0], uid=1000).seal is None
