# SPDX-License-Identifier: Apache-2.0
"""The queue: nothing is lost while a channel is down, and a storm becomes one message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.jobs.channels import Channel, QuietHours
from debvisor_timers.notify.sending import NotSentError
from debvisor_timers.operations.notifying import queue
from debvisor_timers.operations.notifying.bundling import quiet_until
from debvisor_timers.operations.notifying.deliver import Delivery, deliver
from tests.unit.operations.world import NIGHTLY, World

CONFIG = """\
channels:
  ops: {exec: [/usr/local/bin/tell]}
  letters: {mail: {to: [a@x.org, b@x.org, c@x.org]}}
  chat: {exec: [/usr/local/bin/chat], give_up_after: 2h}
  calm: {exec: [/usr/local/bin/calm], digest: {more_than: 2, within: 10min}}
  night:
    exec: [/usr/local/bin/night]
    quiet_hours: {from: "22:00", until: "07:00", timezone: UTC, except_priority: critical}
"""


class Receiver:
    """What was sent, by program; those that are down take nothing."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Mapping[str, Any]]] = []
        self.down: set[str] = set()
        self.refused: set[str] = set()

    def send(self, channel: Channel, document: Mapping[str, Any], limit: timedelta) -> None:
        name = (channel.exec_ or ("",))[0].rpartition("/")[2]
        if name in self.down:
            raise NotSentError(f"{name} is down")
        if document.get("job") in self.refused:
            raise NotSentError("it is too odd", concerns_message=True)
        self.got.append((name, document))

    def jobs(self) -> list[object]:
        return [each.get("job") or [one["job"] for one in each["messages"]] for _, each in self.got]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def host(world: World) -> World:
    (world.layout.config / "config.yaml").write_text(CONFIG)
    world.apply(NIGHTLY)
    return world


def tell(host: World, channel: str, *jobs: str, **more: object) -> None:
    for job in jobs:
        queue.enqueue(host.host, channel, {"event": "failure", "job": job, **more})


def send(host: World, receiver: Receiver) -> Delivery:
    return deliver(host.host, send=receiver.send)


def later(host: World, **span: float) -> None:
    host.systemd.advance(timedelta(**span))


def test_messages_are_sent_in_their_order_and_forgotten(host: World, receiver: Receiver) -> None:
    tell(host, "ops", *"abcdef")

    done = send(host, receiver)

    assert receiver.jobs() == [*"abcdef"]
    assert [(channel, each.job) for channel, each in done.sent] == [
        ("ops", job) for job in "abcdef"
    ]
    assert (done.waiting, done.problems, done.given_up) == (0, (), ())
    assert send(host, receiver) == Delivery()
    assert len({each["message"] for _, each in receiver.got}) == 6


def test_a_channel_that_is_down_loses_nothing_and_holds_up_no_other(
    host: World, receiver: Receiver
) -> None:
    receiver.down = {"chat"}
    tell(host, "chat", "a", "b")
    tell(host, "ops", "c")

    done = send(host, receiver)

    assert receiver.jobs() == ["c"]
    assert done.waiting == 2
    assert done.problems == ("the channel chat was not told: chat is down",)
    assert send(host, receiver).problems == ()  # not before its time
    first, second = queue.queued(host.layout)
    assert (first.attempts, first.problem, second.attempts) == (1, "chat is down", 0)

    receiver.down = set()
    later(host, minutes=1)
    assert send(host, receiver).waiting == 0
    assert receiver.jobs() == ["c", "a", "b"]


def test_it_is_tried_ever_more_rarely_and_given_up_aloud(host: World, receiver: Receiver) -> None:
    receiver.down = {"chat"}
    tell(host, "chat", "a")
    began = host.host.clock.now()
    tries = []
    for _ in range(400):
        before = [each.attempts for each in queue.queued(host.layout)]
        done = send(host, receiver)
        if done.problems:
            tries.append(round((host.host.clock.now() - began).total_seconds() / 60))
        if done.given_up:
            break
        assert before
        later(host, minutes=1)

    assert tries == [0, 1, 3, 7, 15, 31, 63, 123]
    assert queue.queued(host.layout) == []
    (lost,) = queue.given_up(host.layout)
    assert (lost.job, lost.problem, lost.attempts) == ("a", "chat is down", 8)
    assert done.problems[-1] == "gave up telling chat of failure of a: chat is down"


def test_what_was_given_up_can_be_tried_again_or_dropped(host: World, receiver: Receiver) -> None:
    tell(host, "none", "a", "b")
    done = send(host, receiver)
    assert [each.problem for _, each in done.given_up] == ["there is no channel 'none'"] * 2
    a, b = queue.given_up(host.layout)

    queue.try_again(host.host, queue.find(host.layout, a.short_id))
    queue.drop(host.host, b.id)

    assert [(each.job, each.attempts) for each in queue.queued(host.layout)] == [("a", 0)]
    assert queue.given_up(host.layout) == []
    with pytest.raises(NotFoundError):
        queue.find(host.layout, b.short_id)


def test_messages_show_the_addresses_that_fit(host: World, receiver: Receiver) -> None:
    links = "links: {book: 'https://w/{job}', run: 'https://r/{host}/{run}', all: 'https://a'}\n"
    (host.layout.config / "config.yaml").write_text(CONFIG + links)
    host.apply(NIGHTLY)
    queue.enqueue(host.host, "ops", {"event": "test", "job": "a b", "host": "n1"})
    queue.enqueue(host.host, "ops", {"event": "test", "job": "c", "host": "n1", "run": "r/1"})

    send(host, receiver)

    assert [each["links"] for _, each in receiver.got] == [
        {"book": "https://w/a%20b", "all": "https://a"},
        {"book": "https://w/c", "run": "https://r/n1/r%2F1", "all": "https://a"},
    ]


def test_one_odd_message_holds_up_no_other(host: World, receiver: Receiver) -> None:
    receiver.refused = {"a"}
    tell(host, "ops", "a", "b")

    done = send(host, receiver)

    assert receiver.jobs() == ["b"]
    assert done.waiting == 1


def test_what_some_have_already_is_sent_to_the_others_alone(host: World) -> None:
    sent: list[tuple[object, Sequence[str]]] = []
    busy = {"b@x.org", "c@x.org"}

    def send_to_some(channel: Channel, document: Mapping[str, Any], _limit: timedelta) -> None:
        assert channel.mail
        sent.append((document["job"], channel.mail.to))
        if left := [each for each in channel.mail.to if each in busy]:
            raise NotSentError("some have it", left=left)

    tell(host, "letters", "a")
    assert deliver(host.host, send=send_to_some).waiting == 1
    busy.remove("c@x.org")
    later(host, minutes=1)
    tell(host, "letters", "next")
    assert deliver(host.host, send=send_to_some).waiting == 2
    busy.clear()
    later(host, minutes=2)
    assert deliver(host.host, send=send_to_some).waiting == 0

    assert [(job, list(to)) for job, to in sent] == [
        ("a", ["a@x.org", "b@x.org", "c@x.org"]),
        ("a", ["b@x.org", "c@x.org"]),
        ("next", ["a@x.org", "b@x.org", "c@x.org"]),
        ("a", ["b@x.org"]),
        ("next", ["b@x.org"]),
    ]


@pytest.mark.parametrize("text", ['{"chan', "7", "{}", '{"channel": "ops", "document": [1]}'])
def test_a_damaged_file_holds_up_no_other_message(
    host: World, receiver: Receiver, text: str
) -> None:
    tell(host, "ops", "a", "b")
    first = queue.queued(host.layout)[0].id
    (host.layout.queue / f"{first}.json").write_text(text)

    done = send(host, receiver)

    assert receiver.jobs() == ["b"]
    assert [each.id for _, each in done.given_up] == [first]
    assert done.waiting == 0


def test_a_storm_at_once_is_one_message(host: World, receiver: Receiver) -> None:
    tell(host, "calm", "a", "b", "c")

    done = send(host, receiver)

    assert receiver.jobs() == [["a", "b", "c"]]
    assert len(done.sent) == 3


def test_what_comes_beyond_waits_and_comes_as_one(host: World, receiver: Receiver) -> None:
    for job in "abcde":
        tell(host, "calm", job)
        send(host, receiver)
        later(host, seconds=30)
    assert receiver.jobs() == ["a", "b"]
    assert len(queue.queued(host.layout)) == 3

    later(host, minutes=8)
    tell(host, "ops", "z")
    send(host, receiver)
    assert receiver.jobs() == ["a", "b", ["c", "d", "e"], "z"] or receiver.jobs() == [
        "a",
        "b",
        "z",
        ["c", "d", "e"],
    ]
    later(host, minutes=11)
    tell(host, "calm", "f")
    send(host, receiver)
    assert receiver.jobs()[-1] == "f"


def test_nobody_is_told_in_quiet_hours_but_of_what_is_critical(
    host: World, receiver: Receiver
) -> None:
    later(host, hours=11)  # 23:00
    tell(host, "night", "a", priority="normal")
    tell(host, "night", "b", priority="critical")
    queue.enqueue(host.host, "night", {"event": "success", "job": "c", "priority": "critical"})

    send(host, receiver)
    assert receiver.jobs() == ["b"]
    later(host, hours=7, minutes=59)
    send(host, receiver)
    assert receiver.jobs() == ["b"]
    later(host, minutes=1)
    send(host, receiver)
    assert receiver.jobs() == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27T21:59", None),
        ("2026-11-27T22:00", "2026-11-28T07:00"),
        ("2026-11-28T06:59", "2026-11-28T07:00"),
        ("2026-11-28T07:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(now: str, until: str | None) -> None:
    quiet = QuietHours.model_validate({"from": "22:00", "until": "07:00"})
    end = quiet_until(quiet, datetime.fromisoformat(now).replace(tzinfo=UTC), "UTC")
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
    assert end == expected


def test_quiet_hours_are_those_of_the_clock_on_days_that_it_changes() -> None:
    night = {"from": "22:00", "until": "07:00", "timezone": "Europe/Amsterdam"}
    quiet = QuietHours.model_validate(night)
    before = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # 01:30 CEST; the clock goes back at 03:00
    assert quiet_until(quiet, before, "UTC") == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)


def test_a_message_is_whole_on_the_disk_before_anybody_is_told(host: World) -> None:
    log = ["naïve", "\udcff", "x" * 100_000]
    name = queue.enqueue(host.host, "ops", {"event": "failure", "job": "a", "log": log})

    text = (host.layout.queue / f"{name}.json").read_bytes()

    assert json.loads(text)["document"]["log"] == log
    assert (host.layout.queue / f"{name}.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_note_of_what_was_sent_holds_up_nothing(host: World, receiver: Receiver) -> None:
    note = host.layout.queue / "sent" / "calm"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text('["2026-')
    tell(host, "calm", "a")

    send(host, receiver)

    assert receiver.jobs() == ["a"]
