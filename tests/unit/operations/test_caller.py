# SPDX-License-Identifier: Apache-2.0
"""Who calls this process."""

from __future__ import annotations

import os

import pytest

from debvisor_timers.operations.auditing.caller import this_caller, user_name


def test_it_is_the_effective_user_who_came_by_that_door() -> None:
    caller = this_caller("cli", {})

    assert caller.uid == os.geteuid()
    assert caller.user == user_name(os.geteuid())
    assert caller.door == "cli"
    assert (caller.sudo_uid, caller.sudo_user) == (None, "")


def test_root_is_believed_what_sudo_said_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"SUDO_UID": "1000", "SUDO_USER": "alice"}

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert (this_caller("cli", said).sudo_uid, this_caller("cli", said).sudo_user) == (
        1000,
        "alice",
    )
    assert this_caller("cli", {"SUDO_UID": "-1x"}).sudo_uid is None
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert this_caller("cli", said).sudo_user == ""


def test_a_user_without_a_name_is_his_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)

    assert this_caller("python", {}).user == "4000000000"
