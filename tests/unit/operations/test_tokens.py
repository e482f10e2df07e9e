# SPDX-License-Identifier: Apache-2.0
"""Tokens: shown once, kept as digests, revoked at once."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError, SystemdError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.access.tokens import (
    create_token,
    list_tokens,
    read_tokens,
    revoke_token,
)
from tests.unit.operations.world import World

ALICE = Caller(uid=0, user="root", sudo_uid=1000, sudo_user="alice")
NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)


def test_each_role_includes_those_before_it() -> None:
    assert Role.ADMIN.includes(Role.EDITOR)
    assert Role.EDITOR.includes(Role.OPERATOR)
    assert Role.OPERATOR.includes(Role.VIEWER)
    assert Role.VIEWER.includes(Role.VIEWER)
    assert not Role.VIEWER.includes(Role.OPERATOR)
    assert not Role.EDITOR.includes(Role.ADMIN)


def test_only_the_digest_of_a_token_is_kept(world: World) -> None:
    made = create_token(world.host, "grafana", Role.VIEWER, ALICE)

    assert made.secret.startswith("dvt_")
    assert len(made.secret) == 47
    text = world.layout.tokens.read_text(encoding="utf-8")
    assert made.secret not in text
    assert json.loads(text) == {
        "format": 1,
        "tokens": {
            "grafana": {
                "sha256": hashlib.sha256(made.secret.encode()).hexdigest(),
                "role": "viewer",
                "created": "2026-11-23T12:00:07+00:00",
                "created_by": "alice",
                "expires": None,
            }
        },
    }
    assert stat.S_IMODE(world.layout.tokens.stat().st_mode) == 0o640


def test_tokens_are_found_by_their_digests_until_they_are_revoked(world: World) -> None:
    deploy = create_token(world.host, "deploy", Role.EDITOR, ALICE)
    create_token(world.host, "alerts", Role.VIEWER, ALICE, expires=NOW + timedelta(days=1))
    digest = hashlib.sha256(deploy.secret.encode()).hexdigest()

    assert read_tokens(world.layout.tokens)[digest].name == "deploy"
    assert [token.name for token in list_tokens(world.layout)] == ["alerts", "deploy"]

    assert revoke_token(world.host, "deploy").role is Role.EDITOR
    assert digest not in read_tokens(world.layout.tokens)
    assert [token.name for token in list_tokens(world.layout)] == ["alerts"]


def test_a_token_holds_until_its_time_is_over(world: World) -> None:
    end = NOW + timedelta(days=1)
    token = create_token(world.host, "alerts", Role.VIEWER, ALICE, expires=end).token

    assert token.holds(end - timedelta(seconds=1))
    assert not token.holds(end)


def test_the_last_use_is_what_the_web_server_has_noted(world: World) -> None:
    token = create_token(world.host, "alerts", Role.VIEWER, ALICE).token
    world.layout.web_state.mkdir()
    assert list_tokens(world.layout)[0].last_used is None

    said = {token.digest: "2026-11-23T12:05:00+00:00", "other": "nonsense"}
    world.layout.last_uses.write_text(json.dumps(said), encoding="utf-8")

    assert list_tokens(world.layout)[0].last_used == datetime(2026, 11, 23, 12, 5, tzinfo=UTC)


def test_wrong_names_and_times_are_refused(world: World) -> None:
    create_token(world.host, "deploy", Role.EDITOR, ALICE)

    with pytest.raises(RefusedError, match="there is a token deploy already"):
        create_token(world.host, "deploy", Role.VIEWER, ALICE)
    with pytest.raises(UsageError, match="'De ploy' is not a name of a token"):
        create_token(world.host, "De ploy", Role.VIEWER, ALICE)
    with pytest.raises(UsageError, match="a time that has passed"):
        create_token(world.host, "late", Role.VIEWER, ALICE, expires=NOW)
    with pytest.raises(NotFoundError, match="there is no token 'deplyo'; did you mean 'deploy'"):
        revoke_token(world.host, "deplyo")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": 2, "tokens": {}}',
        '{"format": 1, "tokens": {"a": {"role": "king", "sha256": "0", "created": "2026-11-23"}}}',
        '{"format": 1, "tokens": {"a": {"role": "admin", "created": "2026-11-23"}}}',
    ],
)
def test_a_damaged_file_lets_nobody_in(world: World, text: str) -> None:
    world.layout.state.mkdir(parents=True, exist_ok=True)
    world.layout.tokens.write_text(text, encoding="utf-8")

    with pytest.raises(SystemdError, match=r"tokens\.json"):
        read_tokens(world.layout.tokens)
