# SPDX-License-Identifier: Apache-2.0
"""dns_update: what nsupdate is told, and when nothing has to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.tasks.base import BUSY, UNAVAILABLE, WRONG, TaskFailed
from debvisor_timers.tasks.dns_update import (
    RecordSet,
    absolute,
    failure_of,
    is_answered,
    key_file,
    normal,
    record_sets,
    script_of,
)

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

    assert script_of(ZONE, [WWW, old], {"server": "ns1", "port": 5353}) == (
        "server ns1 5353\n"
        "zone example.com.\n"
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
