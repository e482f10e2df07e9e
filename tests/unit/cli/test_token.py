# SPDX-License-Identifier: Apache-2.0
"""token create, list and revoke as people see them."""

from __future__ import annotations

import re

from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY


def test_a_token_is_shown_once_and_taken_back(program: Program) -> None:
    program.world.apply(NIGHTLY)
    assert program("token", "list").out == "there are no tokens\n"

    made = program("token", "create", "grafana", "--expires", "2026-12-01 06:00")
    assert made.code == 0
    assert re.fullmatch(r"dvt_[\w-]{43}\n", made.out)
    assert made.err == (
        "note: grafana is viewer, until Tue 2026-12-01 07:00:00 CET; the token is not shown again\n"
    )
    program("token", "create", "deploy", "--role", "editor")

    lines = program("token", "list").out.splitlines()
    assert [line.split() for line in lines] == [
        ["NAME", "ROLE", "CREATED", "BY", "EXPIRES", "LAST", "USED"],
        ["deploy", "editor", "2026-11-23", "13:00:07", "alice", "never", "-"],
        ["grafana", "viewer", "2026-11-23", "13:00:07", "alice", "2026-12-01", "07:00:00", "-"],
    ]
    assert made.out.strip() not in program("token", "list", "--json").out

    assert program("token", "revoke", "deploy").out == "revoked deploy, which was editor\n"
    gone = program("token", "revoke", "deploy")
    assert gone.code == 2
    assert "there is no token 'deploy'" in gone.err


def test_what_is_done_with_tokens_is_in_the_audit(program: Program) -> None:
    program("token", "create", "deploy", "--role", "admin")
    program("token", "revoke", "deploy")

    events = program("audit", "--verb", "token", "--json").json
    assert [event["what"] for event in events] == [
        "revoke deploy, which was admin",
        "create deploy as admin",
    ]


def test_a_token_that_has_ended_is_shown_as_such(program: Program) -> None:
    program("token", "create", "alerts", "--expires", "2026-11-23 12:30")
    program.world.systemd.advance_to(program.world.systemd.clock.now().replace(hour=13))

    assert "expired 2026-11-23 13:30:00" in program("token", "list").out
