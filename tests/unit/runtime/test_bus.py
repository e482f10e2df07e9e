# SPDX-License-Identifier: Apache-2.0
"""bus: what is asked of systemd, how its answers are read, and what is no answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers.runtime import bus
from tests.unit.runtime.manager import (
    Systemd,
    answering,
    answers,
    listed,
    message,
    number,
    text,
    told,
    wide_number,
)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with Systemd(str(tmp_path / "private")) as manager:
        yield manager


def test_units_are_listed_in_the_order_of_the_names_with_their_jobs(systemd: Systemd) -> None:
    systemd.units["b.service"] = ("activating", "start", "start", 12)
    manager = bus.Bus(systemd.address)
    first, second, third = manager.units("a.service", "b.service", "cc.timer")
    manager.close()
    assert (first.name, first.active, first.job, first.is_busy) == (
        b"a.service",
        b"inactive",
        0,
        False,
    )
    assert (second.sub, second.job, second.job_path, second.is_busy) == (
        b"start",
        12,
        b"/job/12",
        True,
    )
    assert third.path == b"/unit/cc.timer"


@pytest.mark.parametrize(
    ("active", "job_type", "busy"),
    [
        ("inactive", "", False),
        ("failed", "", False),
        ("inactive", "start", True),
        ("failed", "restart", True),
        ("inactive", "stop", False),
        ("activating", "", True),
        ("deactivating", "stop", True),
        ("active", "", True),
    ],
)
def test_a_unit_is_busy_from_the_start_job_on_until_it_has_ended(
    active: str, job_type: str, *, busy: bool
) -> None:
    (unit,) = bus.rows(listed(job=1 if job_type else 0, job_type=job_type, state=active))
    assert unit.is_busy is busy


def test_one_connection_carries_several_calls(systemd: Systemd) -> None:
    manager = bus.Bus(systemd.address)
    manager.start("a.service")
    manager.end("b.service")
    manager.forget_failures("c.service")
    manager.reload()
    manager.close()
    assert systemd.calls == [
        ("StartUnit", "a.service", "replace"),
        ("StopUnit", "b.service", "ignore-dependencies"),
        ("ResetFailedUnit", "c.service"),
        ("Reload",),
    ]


@pytest.mark.parametrize(
    ("variant", "value"),
    [(number(0), 0), (number(2**32 - 1), 2**32 - 1), (wide_number(2**64 - 1), 2**64 - 1)],
)
def test_numbers_of_both_sizes_are_read(tmp_path: Path, variant: bytes, value: int) -> None:
    thread = answering(str(tmp_path / "private"), answers(variant))
    manager = bus.Bus(str(tmp_path / "private"))
    assert manager.number(b"/x", b"Service", b"NRestarts") == value
    manager.close()
    thread.join()


def test_pairs_are_read_with_capitals_whatever_bytes_they_have(tmp_path: Path) -> None:
    thread = answering(str(tmp_path / "private"), answers(told({"trigger_unit": "é.timer"})))
    manager = bus.Bus(str(tmp_path / "private"))
    assert manager.pairs(b"/job", b"Job", b"ActivationDetails") == {"TRIGGER_UNIT": "é.timer"}
    manager.close()
    thread.join()


def test_a_refusal_is_told_in_systemds_words(tmp_path: Path) -> None:
    refusal = b"OK " + b"0" * 32 + b"\r\n" + message(3, text("Unit is masked."))
    thread = answering(str(tmp_path / "private"), refusal)
    manager = bus.Bus(str(tmp_path / "private"))
    with pytest.raises(PermissionError, match=r"systemd refuses: Unit is masked\."):
        manager.start("x.service")
    manager.close()
    thread.join()


def test_a_systemd_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "private"))
        server.listen()
        with pytest.raises(TimeoutError):
            bus.Bus(str(tmp_path / "private"), 0.05)


def test_no_systemd_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bus.Bus(str(tmp_path / "private"))


@pytest.mark.parametrize("length", range(1, 18))
def test_names_of_every_length_are_aligned(systemd: Systemd, length: int) -> None:
    names = ["x" * length, "y" * length]
    manager = bus.Bus(systemd.address)
    assert [unit.name.decode() for unit in manager.units(*names)] == names
    manager.close()


def test_who_asks_asks_again_while_systemd_executes_itself_anew(tmp_path: Path) -> None:
    address = str(tmp_path / "private")
    asked = []

    def step(_: bus.Bus) -> str:
        asked.append("")
        if len(asked) == 1:
            raise ConnectionResetError("systemd hung up")
        return "answered"

    with Systemd(address):
        assert bus.asking(step, address) == "answered"
    assert len(asked) == 2


def test_who_asks_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "REFUSED_SECONDS", 0.2)
    address = str(tmp_path / "private")
    refusing = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    refusing.bind(address)
    with pytest.raises(ConnectionRefusedError):
        bus.asking(lambda manager: manager.reload(), address)
    refusing.close()
