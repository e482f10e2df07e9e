# SPDX-License-Identifier: Apache-2.0
"""Sending: whatever a channel runs into is told, and holds up no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.channels import Channel
from debvisor_timers.layout import Layout
from debvisor_timers.notify.sending import NotSentError, Sender

SOON = timedelta(seconds=2)


def send(tmp_path: Path, channel: object, **secrets: str) -> str:
    """Return what went wrong."""
    for name, value in secrets.items():
        (tmp_path / f"debvisor-timers.{name}").write_text(value)
    sender = Sender(Layout(config=tmp_path), secrets=tmp_path)
    with pytest.raises(NotSentError) as raised:
        sender.send(Channel.model_validate(channel), {"event": "test", "host": "n1"}, SOON)
    return str(raised.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://host:port/x", "cannot be sent"),
        ("nonsense", "the address has no host"),
        ("http://[::1/x", "this is no address"),
        ("http://127.0.0.1:1/\u00e9", "cannot be sent"),
        ("http://127.0.0.1:1/a b", "cannot be sent"),
    ],
)
def test_an_address_from_a_credential_may_be_anything(
    tmp_path: Path, url: str, problem: str
) -> None:
    channel = {"slack": {"url": {"credential": "hook"}}}
    assert problem in send(tmp_path, channel, hook=f"{url}\n")


def test_a_credential_that_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    channel = {"ntfy": {"url": "http://127.0.0.1:1/t", "token": {"credential": "none"}}}
    assert "write it to /etc/credstore/debvisor-timers.none" in send(tmp_path, channel)


def test_nobody_who_listens_is_told(tmp_path: Path) -> None:
    said = send(tmp_path, {"webhook": {"url": "http://127.0.0.1:1/secret"}})
    assert said == "127.0.0.1:1: [Errno 111] Connection refused"


@pytest.mark.parametrize("secret", ["tk_abc\nsecond-line", "tk_abc\u20ac"])
def test_a_token_that_cannot_be_sent_is_not_told(tmp_path: Path, secret: str) -> None:
    ntfy = {"url": "http://127.0.0.1:1/t", "token": {"credential": "token"}}

    said = send(tmp_path, {"ntfy": ntfy}, token=secret)

    assert "tk_abc" not in said
    assert "second-line" not in said


@pytest.mark.parametrize("url", ["http://me:s3cret@127.0.0.1:1/", "http://127.0.0.1:1/s3 cret"])
def test_an_address_that_is_a_secret_is_not_told(tmp_path: Path, url: str) -> None:
    said = send(tmp_path, {"webhook": {"url": {"credential": "hook"}}}, hook=url)

    assert "s3" not in said
