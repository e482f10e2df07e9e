# SPDX-License-Identifier: Apache-2.0
"""What can be read from the journal, and what PID 1 writes there about a run."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from uuid import uuid4

import pytest

from debvisor_timers.history.records import JournalMatch
from tests.contract.rig import Rig, timer

DONE = "39f53479d3a045ac8e11786248231fbf"
FAILED = "be02cf6855d2428ba40df7e9d022f03d"
STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"
EXITED = "98e322203f7a4ed290d09fe03c09fe15"
RESULT = "d9b373ed55a64feb8242e02dbe79a49c"
STOPPED = "9d1aaa27d60140bd96365438aad20286"


@pytest.fixture
def mark() -> str:
    """Return a value that no other record has."""
    return uuid4().hex


def send(rig: Rig, mark: str, *messages: str) -> None:
    for message in messages:
        rig.journal.send({"MESSAGE": message, "CONTRACT_TEST": mark})
    settle(rig)


def settle(rig: Rig) -> None:
    rig.starts("contract-none.service")


def messages(rig: Rig, mark: str, **options: object) -> list[str]:
    found = rig.journal.records([{"CONTRACT_TEST": mark}], **options)  # type: ignore[arg-type]
    return [record.get("MESSAGE") for record in found]


def run_records(rig: Rig, service: str) -> list[dict[str, str]]:
    settle(rig)
    match = {"_PID": "1", "UNIT": service}
    names = ("MESSAGE_ID", "JOB_TYPE", "JOB_RESULT", "UNIT_RESULT", "EXIT_CODE", "EXIT_STATUS")
    return [
        {name: record.get(name) for name in names if record.get(name)}
        for record in rig.journal.records([match], since=rig.began)
        if record.get("MESSAGE_ID")
    ]


def test_records_come_oldest_first(rig: Rig, mark: str) -> None:
    send(rig, mark, "one", "two", "three")
    assert messages(rig, mark) == ["one", "two", "three"]


def test_records_come_newest_first_on_demand(rig: Rig, mark: str) -> None:
    send(rig, mark, "one", "two", "three")
    assert messages(rig, mark, newest_first=True) == ["three", "two", "one"]
    records = rig.journal.records([{"CONTRACT_TEST": mark}], newest_first=True)
    assert [record.get("MESSAGE") for record in islice(records, 1)] == ["three"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_since_and_until_are_included(rig: Rig, mark: str, newest_first: bool) -> None:
    for message in ("one", "two", "three"):
        send(rig, mark, message)
        rig.let_pass(timedelta(milliseconds=20))
    found = {r.get("MESSAGE"): r.realtime for r in rig.journal.records([{"CONTRACT_TEST": mark}])}
    first = messages(rig, mark, newest_first=newest_first, until=found["two"])
    last = messages(rig, mark, newest_first=newest_first, since=found["two"])
    assert sorted(first) == ["one", "two"]
    assert sorted(last) == ["three", "two"]
    only = messages(rig, mark, newest_first=newest_first, since=found["two"], until=found["two"])
    assert only == ["two"]


def test_all_fields_of_a_match_must_hold_and_any_match_will_do(rig: Rig, mark: str) -> None:
    for color, size in (("red", "big"), ("red", "small"), ("blue", "big"), ("green", "big")):
        rig.journal.send(
            {"MESSAGE": f"{size} {color}", "CONTRACT_TEST": mark, "COLOR": color, "SIZE": size}
        )
    settle(rig)
    either: list[JournalMatch] = [
        {"CONTRACT_TEST": mark, "COLOR": "red", "SIZE": "big"},
        {"CONTRACT_TEST": mark, "COLOR": ("blue", "green")},
    ]
    found = [record.get("MESSAGE") for record in rig.journal.records(either)]
    assert found == ["big red", "big blue", "big green"]


def test_what_was_sent_before_a_sync_can_be_read_after_it(rig: Rig, mark: str) -> None:
    for number in range(50):
        rig.journal.send({"MESSAGE": str(number), "CONTRACT_TEST": mark})
    rig.journal.sync()
    assert messages(rig, mark) == [str(number) for number in range(50)]


def test_no_match_finds_nothing(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    assert list(rig.journal.records([])) == []
    assert messages(rig, "another") == []


def test_any_text_can_be_sent(rig: Rig, mark: str) -> None:
    text = "two\nlines=\t\x1b[1m \N{SNOWMAN} " + "x" * 100_000
    send(rig, mark, text)
    assert messages(rig, mark) == [text]


def test_a_field_that_is_absent_reads_as_empty(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    [record] = rig.journal.records([{"CONTRACT_TEST": mark}])
    assert record.get("NO_SUCH_FIELD") == ""
    assert record.fields["CONTRACT_TEST"] == (mark,)


def test_a_record_is_of_this_boot_and_of_now(rig: Rig, mark: str) -> None:
    before = rig.clock.now()
    send(rig, mark, "one")
    [record] = rig.journal.records([{"CONTRACT_TEST": mark}])
    assert record.boot_id == rig.journal.boot_id()
    assert len(record.boot_id) == 32
    assert abs(record.realtime - before) < timedelta(seconds=2)
    assert record.cursor


def test_what_we_send_is_of_root_and_not_of_pid_1(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    [record] = rig.journal.records([{"CONTRACT_TEST": mark}])
    assert record.get("_UID") == "0"
    assert record.get("_PID") not in {"", "1"}


def test_a_good_run_leaves_three_records(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.service"])
    assert run_records(rig, "contract-a.service") == [
        {"MESSAGE_ID": STARTING, "JOB_TYPE": "start"},
        {"MESSAGE_ID": DEACTIVATED},
        {"MESSAGE_ID": DONE, "JOB_TYPE": "start", "JOB_RESULT": "done"},
    ]


def test_a_failed_run_leaves_its_status(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", fails=True))
    rig.manager.start(["contract-a.service"])
    assert run_records(rig, "contract-a.service") == [
        {"MESSAGE_ID": STARTING, "JOB_TYPE": "start"},
        {"MESSAGE_ID": EXITED, "EXIT_CODE": "exited", "EXIT_STATUS": "1"},
        {"MESSAGE_ID": RESULT, "UNIT_RESULT": "exit-code"},
        {"MESSAGE_ID": FAILED, "JOB_TYPE": "start", "JOB_RESULT": "failed"},
    ]


def test_a_stopped_run_leaves_the_signal(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=30))
    rig.manager.start(["contract-a.service"], wait=False)
    rig.wait_for(lambda: not rig.is_idle("contract-a.service"), "the service runs")
    rig.manager.stop(["contract-a.service"])
    assert run_records(rig, "contract-a.service") == [
        {"MESSAGE_ID": STARTING, "JOB_TYPE": "start"},
        {"MESSAGE_ID": EXITED, "EXIT_CODE": "killed", "EXIT_STATUS": "15"},
        {"MESSAGE_ID": RESULT, "UNIT_RESULT": "signal"},
        {"MESSAGE_ID": STOPPED, "JOB_TYPE": "stop", "JOB_RESULT": "done"},
    ]


def test_a_skipped_run_leaves_a_record_that_says_done(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", skipped=True))
    rig.manager.start(["contract-a.service"])
    assert run_records(rig, "contract-a.service") == [
        {"MESSAGE_ID": DONE, "JOB_TYPE": "start", "JOB_RESULT": "done"},
    ]


def test_a_run_kept_back_by_a_dependency_leaves_a_record(rig: Rig) -> None:
    needs = "Requires=contract-bad.service\nAfter=contract-bad.service"
    rig.write(
        bad_service=rig.service("contract-bad.service", fails=True),
        a_service=rig.service("contract-a.service", unit=needs),
    )
    rig.manager.start(["contract-a.service"])
    assert run_records(rig, "contract-a.service") == [
        {"MESSAGE_ID": FAILED, "JOB_TYPE": "start", "JOB_RESULT": "dependency"},
    ]


def test_records_of_one_run_share_its_invocation_and_the_extra_fields(rig: Rig, mark: str) -> None:
    extra = f"LogExtraFields=CONTRACT_TEST={mark}"
    rig.write(
        a_timer=timer("OnCalendar=*-*-* 02:00:00 UTC"),
        a_service=rig.service("contract-a.service", extra=extra),
    )
    rig.manager.start(["contract-a.timer", "contract-a.service"])
    invocation = rig.manager.service("contract-a.service").invocation_id
    settle(rig)
    match = {"_PID": "1", "CONTRACT_TEST": mark, "INVOCATION_ID": invocation}
    found = [record.get("MESSAGE_ID") for record in rig.journal.records([match])]
    assert found == [STARTING, DEACTIVATED, DONE]


def cursors(rig: Rig, mark: str) -> dict[str, str]:
    return {
        record.get("MESSAGE"): record.cursor
        for record in rig.journal.records([{"CONTRACT_TEST": mark}])
    }


def test_records_from_a_cursor_begin_with_the_one_there(rig: Rig, mark: str) -> None:
    send(rig, mark, "one", "two", "three")
    found = rig.journal.records_from(cursors(rig, mark)["two"], [{"CONTRACT_TEST": mark}])
    assert found is not None
    assert [record.get("MESSAGE") for record in found] == ["two", "three"]


def test_records_from_a_cursor_are_only_those_that_match(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    other = uuid4().hex
    send(rig, other, "of another")
    send(rig, mark, "two")
    found = rig.journal.records_from(cursors(rig, other)["of another"], [{"CONTRACT_TEST": mark}])
    assert found is not None
    assert [record.get("MESSAGE") for record in found] == ["two"]


def test_no_match_finds_nothing_from_a_cursor_either(rig: Rig, mark: str) -> None:
    send(rig, mark, "one", "two")
    assert [*(rig.journal.records_from(cursors(rig, mark)["one"], []) or ())] == []


def test_nothing_comes_after_the_newest_record(rig: Rig, mark: str) -> None:
    send(rig, mark, "one", "two")
    found = rig.journal.records_from(cursors(rig, mark)["two"], [{"CONTRACT_TEST": mark}])
    assert found is not None
    assert [record.get("MESSAGE") for record in found] == ["two"]


@pytest.mark.parametrize("cursor", ["", "no cursor", "s=0", "i=1;x=2", "s=" + "f" * 99, "\0"])
def test_what_is_no_cursor_is_nowhere(rig: Rig, mark: str, cursor: str) -> None:
    send(rig, mark, "one")
    assert rig.journal.records_from(cursor, [{"CONTRACT_TEST": mark}]) is None


def test_the_cursor_of_another_journal_is_nowhere(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    (cursor,) = cursors(rig, mark).values()
    parts = dict(part.split("=", 1) for part in cursor.split(";"))
    foreign = {**parts, "s": "f" * 32, "b": "f" * 32, "x": "f"}
    other = ";".join(f"{name}={value}" for name, value in foreign.items())
    assert rig.journal.records_from(other, [{"CONTRACT_TEST": mark}]) is None


def test_within_a_boot_cursors_tell_the_order(rig: Rig, mark: str) -> None:
    for message in "abc":
        send(rig, mark, message)
        rig.let_pass(timedelta(milliseconds=5))
    found = cursors(rig, mark)
    numbers = [
        tuple(int(dict(p.split("=") for p in found[each].split(";")).get(n, "0"), 16) for n in "mi")
        for each in "abc"
    ]
    assert numbers == sorted(set(numbers))


def test_this_boot_is_among_the_boots(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    boots = rig.journal.boots()
    assert rig.journal.boot_id() in boots
    assert {len(boot) for boot in boots} == {32}


def test_records_of_a_boot_that_never_was(rig: Rig, mark: str) -> None:
    send(rig, mark, "one")
    match = {"CONTRACT_TEST": mark, "_BOOT_ID": "0" * 32}
    assert [*rig.journal.records([match])] == []
    match["_BOOT_ID"] = rig.journal.boot_id()
    assert len([*rig.journal.records([match])]) == 1
