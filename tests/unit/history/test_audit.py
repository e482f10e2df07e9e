# SPDX-License-Identifier: Apache-2.0
"""An event of the audit as fields of the journal, and what is believed of such fields."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.audit import AuditRecord, AuditResult, Verb, digest_of
from debvisor_timers.history.caller import Caller
from tests.unit.history.events import NOON, chain, event, read

EVERYTHING = event(
    7,
    verb=Verb.APPLY,
    jobs=("a", "b"),
    file="jobs.yaml",
    what="1 created, 1 updated",
    result=AuditResult.UNDONE,
    error="no space",
    diff="--- a\n+++ a\n-x\n+y",
    generation=12,
    caller=Caller(
        uid=0,
        user="root",
        login_uid=1001,
        login_user="bob",
        sudo_uid=1000,
        sudo_user="alice",
        token="deploy",
        address="192.0.2.7",
        door="api",
    ),
)


def test_an_event_is_read_as_it_was_written() -> None:
    assert read(EVERYTHING.to_fields()) == AuditRecord(event=EVERYTHING)
    assert read(event(1).to_fields()) == AuditRecord(event=event(1))


def test_the_message_says_all_to_whoever_reads_the_journal() -> None:
    assert EVERYTHING.to_fields()["MESSAGE"] == (
        "root (token deploy from 192.0.2.7, sudo by alice, login of bob): "
        "apply a, b: 1 created, 1 updated: undone (no space)"
    )
    fields = event(1).to_fields()
    assert fields["MESSAGE"] == "root (sudo by alice): run job-1: done"
    assert fields["MESSAGE_ID"] == "974f72e112d142cc8e09cb96778de9f7"
    assert "DEBVISOR_AUDIT_ERROR" not in fields


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        (Caller(uid=1000, user="alice", login_uid=1000, login_user="alice"), "alice"),
        (Caller(uid=0, user="root"), "root"),
        (Caller(uid=0, user="root", login_uid=1000, login_user="alice"), "root (login of alice)"),
        (Caller(uid=0, user="root", login_uid=77), "root (login of 77)"),
        (Caller(uid=4242, user=""), "4242"),
    ],
)
def test_who_it_was_in_words(caller: Caller, words: str) -> None:
    assert str(caller) == words


def test_what_another_user_writes_is_an_attempt_of_his_and_nothing_else() -> None:
    forged = chain(1)[0]

    found = read(forged, uid=1000)

    assert found.seal is None
    assert found.event.caller == Caller(uid=1000, user="")
    assert found.event.result is AuditResult.REFUSED
    assert found.event.time == NOON + timedelta(days=1)
    assert (found.event.verb, found.event.jobs) == (Verb.RUN, ("job-1",))
    assert (found.event.what, found.event.error, found.event.diff) == ("", "", "")


def test_what_another_user_writes_reaches_no_terminal() -> None:
    forged = {
        "DEBVISOR_AUDIT_VERB": "rm -rf\x1b[2J",
        "DEBVISOR_AUDIT_JOBS": " ".join(["\x1b[2J", "../x", "good", *["a"] * 1000]),
        "DEBVISOR_AUDIT_HOST": "\x1b[2J",
        "DEBVISOR_AUDIT_ID": "\x1b[2J",
    }

    found = read(forged, uid=1000).event

    assert found.verb is None
    assert found.jobs[0] == "good"
    assert len(found.jobs) < 20
    assert "\x1b" not in str(found)


@given(st.dictionaries(st.sampled_from(sorted(EVERYTHING.to_fields())), st.text()), st.booleans())
def test_nonsense_is_read_without_an_error(changes: dict[str, str], is_root: bool) -> None:
    read({**EVERYTHING.to_fields(), **changes}, uid=0 if is_root else 1000)


@given(st.data())
def test_a_digest_fits_one_record_alone(data: st.DataObject) -> None:
    whole = {name: (value,) for name, value in EVERYTHING.to_fields().items()}
    names = sorted(name for name in whole if name.startswith(("MESSAGE", "DEBVISOR_AUDIT_")))
    name = data.draw(st.sampled_from([name for name in names if name != "MESSAGE_ID"]))
    value = data.draw(st.text().filter(lambda text: text != whole[name][0]))

    assert digest_of({**whole, name: (value,)}) != digest_of(whole)
    assert digest_of({**whole, name: (*whole[name], value)}) != digest_of(whole)
    assert digest_of({n: v for n, v in whole.items() if n != name}) != digest_of(whole)


def test_a_text_cannot_pass_for_the_end_of_a_field_and_another() -> None:
    one = {"DEBVISOR_AUDIT_A": ("x",), "DEBVISOR_AUDIT_B": ("y",)}
    other = {"DEBVISOR_AUDIT_A": ("xDEBVISOR_AUDIT_B=1:y",)}

    assert digest_of(one) != digest_of(other)
