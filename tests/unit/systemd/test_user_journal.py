# SPDX-License-Identifier: Apache-2.0
"""The journal of a user's manager, told in the words of PID 1's."""

from __future__ import annotations

from datetime import UTC, datetime

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.history.records import JournalRecord
from debvisor_timers.systemd.memory import MemorySystemd
from debvisor_timers.systemd.ports import Journal
from debvisor_timers.systemd.user_journal import UserJournal, user_match, user_terms

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# As systemd 257 has them.
OF_THE_MANAGER = {
    "_UID": ("1000",),
    "_PID": ("77",),
    "_SYSTEMD_UNIT": ("user@1000.service",),
    "_SYSTEMD_USER_UNIT": ("init.scope",),
    "USER_UNIT": ("debvisor-job-a.service",),
    "USER_INVOCATION_ID": ("863f",),
    "MESSAGE": ("Starting debvisor-job-a.service...",),
}
OF_THE_JOB = {
    "_UID": ("1000",),
    "_PID": ("105",),
    "_SYSTEMD_UNIT": ("user@1000.service",),
    "_SYSTEMD_USER_UNIT": ("debvisor-job-a.service",),
    "_SYSTEMD_INVOCATION_ID": ("863f",),
    "MESSAGE": ("hello",),
}


class Kept:
    """A journal with these two records, which tells nobody but root that it is synced."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def records(self, matches: object, **_: object) -> object:
        self.asked.append(matches)
        return iter(
            JournalRecord(cursor="c", realtime=NOON, boot_id="b", fields=fields)
            for fields in (OF_THE_MANAGER, OF_THE_JOB)
        )

    def sync(self) -> None:
        raise PermissionRefusedError("journald does this for root")


def journal() -> UserJournal:
    return UserJournal(Kept(), 1000)  # type: ignore[arg-type] # the rest is asked nothing


def test_questions_are_about_the_user_and_the_user_s_manager() -> None:
    assert user_match({"_PID": "1", "UNIT": "a.service"}, "1000") == {
        "_UID": "1000",
        "_SYSTEMD_USER_UNIT": "init.scope",
        "USER_UNIT": "a.service",
    }
    assert user_match({"_UID": "0", "DEBVISOR_JOB": "a"}, "1000") == {
        "_UID": "1000",
        "DEBVISOR_JOB": "a",
    }
    assert user_match({"_SYSTEMD_INVOCATION_ID": ("a", "b")}, "1000") == {
        "_UID": "1000",
        "_SYSTEMD_INVOCATION_ID": ("a", "b"),
    }


def test_journalctl_is_asked_the_same() -> None:
    argv = ["journalctl", "--unit=a.service", "_PID=1", "UNIT=a.service", "+", "_UID=0", "X=a=b"]

    assert user_terms(argv, 1000) == [
        *("journalctl", "--user-unit=a.service"),
        *("_UID=1000", "_SYSTEMD_USER_UNIT=init.scope", "USER_UNIT=a.service"),
        *("+", "_UID=1000", "X=a=b"),
    ]


def test_answers_are_those_of_pid_1_and_of_its_units() -> None:
    manager, job = journal().records([{"_PID": "1"}])

    assert [manager.get(name) for name in ("_PID", "_UID", "UNIT", "INVOCATION_ID")] == [
        *("1", "0", "debvisor-job-a.service", "863f")
    ]
    assert [job.get(name) for name in ("_PID", "_UID", "UNIT", "_SYSTEMD_UNIT")] == [
        *("105", "0", "", "debvisor-job-a.service")
    ]
    assert set(manager.fields) == {
        *("_UID", "_PID", "_SYSTEMD_UNIT", "UNIT", "INVOCATION_ID", "MESSAGE")
    }
    assert len(job.fields) == 5
    assert dict(job.fields)["MESSAGE"] == ("hello",)


def test_what_root_alone_can_have_synced_is_left_to_journald() -> None:
    journal().sync()


def test_it_is_a_journal() -> None:
    port: Journal = UserJournal(MemorySystemd(now=NOON).journal, 1000)

    assert list(port.records([{"_UID": "0"}])) == []
