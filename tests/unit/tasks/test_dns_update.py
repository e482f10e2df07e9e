# SPDX-License-Identifier: Apache-2.0
"""dns_update: what nsupdate is told, and when nothing has to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.tasks.base import BUSY, UNAVAILABLE, WRONG, TaskFailed
from debvisor_timers.tasks.dns_records import (
    RecordSet,
    absolute,
    prerequisites,
    record_sets,
    with_whole_name,
)
from debvisor_timers.tasks.dns_update import failure_of, is_answered, key_file, normal, script_of

ZONE = "example.com."
WWW = RecordSet(name="www.example.com.", type="A", ttl=300, data=("192.0.2.1", "192.0.2.2"))
ANSWER = """\
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 5
www.example.com.\t300\tIN\tA\t192.0.2.2
www.example.com.\t300\tIN\tA\t192.0.2.1
"""


def test_records_of_one_name_and_type_are_one_set() -> None:
    records: list[dict[str, Any]] = [
        {"name": "www", "type": "a", "ttl": 300, "data": "192.0.2.1"},
        {"name": "www.example.com.", "type": "A", "ttl": 300, "data": ["192.0.2.2"]},
        {"name": "@", "type": "TXT", "data": '"a b" "c"'},
        {"name": "old", "type": "A", "data": []},
    ]

    assert record_sets(records, ZONE) == [
        WWW,
        RecordSet(name=ZONE, type="TXT", ttl=3600, data=('"a b" "c"',)),
        RecordSet(name="old.example.com.", type="A", ttl=3600, data=()),
    ]


def test_all_changes_are_one_update() -> None:
    old = RecordSet(name="old.example.com.", type="A", ttl=60, data=())

    lines = [*WWW.lines(), *old.lines()]
    assert script_of(lines, {"server": "ns1", "port": 5353}) == (
        "server ns1 5353\n"
        "update delete www.example.com. A\n"
        "update add www.example.com. 300 A 192.0.2.1\n"
        "update add www.example.com. 300 A 192.0.2.2\n"
        "update delete old.example.com. A\n"
        "send\n"
    )


@pytest.mark.parametrize(
    "record",
    [
        {"name": "www\nupdate delete x", "type": "A", "data": "192.0.2.1"},
        {"name": "www", "type": "TXT", "data": '"a"\nupdate delete example.com. ANY'},
        {"name": "www", "type": "TXT", "data": "a\x85b"},
        {"name": "www", "type": "TXT", "data": " "},
        {"name": "www.example.org.", "type": "A", "data": "192.0.2.1"},
        {"name": "badexample.com.", "type": "A", "data": "192.0.2.1"},
        {"name": "-a", "type": "A", "data": "192.0.2.1"},
        {"name": "www", "type": "A\n", "data": "192.0.2.1"},
        {"name": "www", "type": "any", "data": []},
        {"name": "www", "type": "IN", "data": []},
    ],
)
def test_no_value_can_begin_a_line_of_its_own(record: dict[str, Any]) -> None:
    with pytest.raises(TaskFailed) as raised:
        record_sets([record], ZONE)
    assert raised.value.exit_status == WRONG


def test_records_that_are_added_leave_others_as_they_are() -> None:
    (more,) = record_sets([{"name": "a", "type": "A", "data": "192.0.2.3", "replace": False}], ZONE)
    assert list(more.lines()) == ["update add a.example.com. 3600 A 192.0.2.3"]
    one = RecordSet(name=WWW.name, type="A", ttl=300, data=("192.0.2.2",), replaces=False)
    assert is_answered(ANSWER, one)
    assert not is_answered(ANSWER, replace(one, data=("192.0.2.3",)))


def test_what_has_to_be_so_is_told_before_the_changes() -> None:
    wanted: list[dict[str, Any]] = [
        {"require": "nxdomain", "name": "new"},
        {"require": "yxdomain", "name": "@"},
        {"require": "nxrrset", "name": "www", "type": "aaaa"},
        {"require": "yxrrset", "name": "www", "type": "A", "data": ["192.0.2.1", "192.0.2.2"]},
        {"require": "yxrrset", "name": "alias", "type": "CNAME", "data": "www"},
    ]
    assert prerequisites(wanted, ZONE) == [
        "prereq nxdomain new.example.com.",
        "prereq yxdomain example.com.",
        "prereq nxrrset www.example.com. AAAA",
        "prereq yxrrset www.example.com. A 192.0.2.1",
        "prereq yxrrset www.example.com. A 192.0.2.2",
        "prereq yxrrset alias.example.com. CNAME www.example.com.",
    ]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"require": "nxrrset", "name": "www"}, "has no type"),
        ({"require": "nxdomain", "name": "www", "type": "A"}, "is about the whole name"),
        ({"require": "nxrrset", "name": "a", "type": "A", "data": "192.0.2.1"}, "about all data"),
        ({"require": "yxdomain", "name": "www.example.org."}, "is not in the zone"),
        ({"require": "yxrrset", "name": "a", "type": "A", "data": "1\nsend"}, "is no data"),
    ],
)
def test_what_cannot_have_to_be_so_is_wrong(wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(TaskFailed, match=problem) as raised:
        prerequisites([wanted], ZONE)
    assert raised.value.exit_status == WRONG


@pytest.mark.parametrize(
    ("data", "kind", "whole"),
    [
        ("web", "CNAME", "web.example.com."),
        ("web.example.org.", "CNAME", "web.example.org."),
        ("10 mail", "MX", "10 mail.example.com."),
        ("0 5 5060 @", "SRV", "0 5 5060 example.com."),
        ("web", "TXT", "web"),
        ("10", "MX", "10"),
    ],
)
def test_a_name_in_data_is_below_the_zone_unless_it_is_whole(
    data: str, kind: str, whole: str
) -> None:
    assert with_whole_name(data, kind, ZONE) == whole


def test_a_name_in_data_that_may_mean_either_is_refused() -> None:
    with pytest.raises(TaskFailed, match="does not end with a full stop") as raised:
        with_whole_name("web.example.com", "CNAME", ZONE)
    fix = "write web.example.com. or, if it is below the zone, web.example.com.example.com."
    assert fix in str(raised.value)


def test_what_is_there_already_is_left_alone() -> None:
    assert is_answered(ANSWER, WWW)
    assert not is_answered(ANSWER.replace("300", "60"), WWW)
    assert not is_answered(ANSWER + "www.example.com.\t300\tIN\tA\t192.0.2.3\n", WWW)
    assert not is_answered("", WWW)
    assert is_answered("", RecordSet(name="a.", type="A", ttl=1, data=()))


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ('"a b" "c"', '"a b" c', "TXT"),
        ("Web.Example.COM.", "web.example.com", "CNAME"),
        ("2001:DB8::0001", "2001:db8:0:0::1", "AAAA"),
        ("3 1 1 ABCD EF01", "3 1 1 abcdef01", "TLSA"),
        ("10  mail.example.com.", "10 mail.example.com.", "MX"),
    ],
)
def test_the_same_in_another_form_is_the_same(one: str, other: str, kind: str) -> None:
    assert normal(one, kind) == normal(other, kind)


def test_a_name_is_below_its_zone_unless_it_is_whole() -> None:
    assert absolute("Example.com") == "example.com."
    assert absolute("www", ZONE) == "www.example.com."
    assert absolute("www.example.com.", ZONE) == "www.example.com."
    assert absolute("@", ZONE) == ZONE


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("update failed: REFUSED", WRONG),
        ("; TSIG error with server: tsig indicates error\nupdate failed: NOTAUTH(BADKEY)", WRONG),
        ("update failed: YXDOMAIN", BUSY),
        ("invalid rdata format: bad dotted quad\nsyntax error", WRONG),
        ("update failed: FORMERR", WRONG),
        ("; Communication with 192.0.2.1#53 failed: timed out", UNAVAILABLE),
        ("could not talk to any server: connection refused", UNAVAILABLE),
        ("", 1),
    ],
)
def test_what_a_server_says_decides_whether_a_retry_helps(said: str, status: int) -> None:
    assert failure_of(said, ZONE, "ns1").exit_status == status


@pytest.mark.parametrize(
    "key",
    ["s3cret", "hmac-sha256:update:s3cret=", 'key "a" { secret "s3cret="; };', "key a {};"],
)
def test_a_key_that_nsupdate_would_pass_over_is_refused_and_told_nowhere(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tsig").write_text(key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(TaskFailed, match="is no key of TSIG") as raised:
        key_file(tmp_path)
    assert "s3cret" not in str(raised.value)


def test_a_key_as_tsig_keygen_writes_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'key "update" {\n\talgorithm hmac-sha256;\n\tsecret "aGVsbG8=";\n};\n'
    (tmp_path / "tsig").write_text(text)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path, secret = key_file(tmp_path)
    assert (path.read_text().strip(), secret) == (text.strip(), "aGVsbG8=")
    assert path.stat().st_mode & 0o777 == 0o600
