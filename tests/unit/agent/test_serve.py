# SPDX-License-Identifier: Apache-2.0
"""For whom there is room."""

from __future__ import annotations

import pytest

from debvisor_timers.agent import callers
from debvisor_timers.agent.callers import Peer
from debvisor_timers.agent.serve import is_full

WEB = 990


def of(uid: int) -> Peer:
    return Peer(pid=1, uid=uid, groups=frozenset({uid}))


@pytest.fixture(autouse=True)
def web_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "_uid", lambda _user: WEB)


def test_one_member_leaves_room_for_others() -> None:
    connected = [of(1000)] * 16

    assert is_full(connected, of(1000))
    assert not is_full(connected, of(1001))


def test_members_keep_neither_root_nor_the_web_server_out() -> None:
    connected = [of(1000)] * 16 + [of(1001)] * 16

    assert is_full(connected, of(1002))
    assert not is_full(connected, of(0))
    assert not is_full([*connected, *[of(WEB)] * 31], of(WEB))
    assert is_full([*connected, *[of(WEB)] * 32], of(WEB))
