# SPDX-License-Identifier: Apache-2.0
"""Messages reach a real mail server and a real receiver of HTTP, whatever these do meanwhile."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.package import installed_layer
from tests.box.recipes import RECEIVERS
from tests.system import work
from tests.system.host import STATE, Host

CONFIG = """\
channels:
  mail:
    mail:
      to: [ops@example.org, night@example.org]
      from: timers@example.org
      smtp: {host: mail.box, port: 2525, user: timers, password: {credential: smtp-password}}
  plain:
    mail: {to: a@example.org, smtp: {host: mail.box, port: 2525, security: tls}}
    timeout: 3s
  wrong:
    mail: {to: nobody@example.org, smtp: {host: mail.box, port: 2525}}
  some: {mail: {to: [ops@example.org, later@example.org], smtp: {host: mail.box, port: 2525}}}
  away: {webhook: {url: "http://127.0.0.1:1/"}}
  sendmail: {mail: {to: root}}
  hook:
    webhook:
      url: http://127.0.0.1:8080/ok
      headers: {X-Team: ops}
      secret: {credential: hook-key}
  bad: {webhook: {url: "http://127.0.0.1:8080/500"}}
  odd: {webhook: {url: "http://127.0.0.1:8080/400"}}
  slow: {webhook: {url: "http://127.0.0.1:8080/slow"}, timeout: 2s}
  stuck: {webhook: {url: "http://127.0.0.1:8080/slow"}, timeout: 30s}
  drip: {webhook: {url: "http://127.0.0.1:8080/drip"}, timeout: 2s}
  calm: {webhook: {url: "http://127.0.0.1:8080/calm"}, digest: {more_than: 1, within: 1h}}
  gone: {webhook: {url: "http://127.0.0.1:1/"}, give_up_after: 1s}
  phone: {ntfy: {url: "http://127.0.0.1:8080/my-topic", token: {credential: ntfy-token}}}
  slack: {slack: {url: {credential: slack-url}}}
  teams: {teams: {url: "http://127.0.0.1:8080/teams"}}
  matrix:
    matrix: {server: "http://127.0.0.1:8080", room: "!a:b.org", token: {credential: ntfy-token}}
  lost: {ntfy: {url: "http://127.0.0.1:8080/x", token: {credential: none}}}
"""
CONFIG += "pings: [{jobs: 'by-*', ping: 'http://127.0.0.1:8080/key/{job}'}]\n"
FAIL = "script: 'for i in $(seq 60); do echo line $i; done; exit 3'"
JOBS = {
    "all": f"{FAIL}, owner: storage, name: 'Näme \"x\"', "
    "notify: {failure: [mail, hook, phone, slack, teams, matrix]}",
    "side": "script: exit 3, notify: {failure: [slow, bad, hook]}",
    "down": "script: exit 3, notify: {failure: [hook]}",
    "some": "script: exit 3, notify: {failure: [some]}",
    "away": "script: exit 3, notify: {failure: [away]}",
    "killed": "script: exit 3, notify: {failure: [stuck, hook]}",
    "hopeless": "script: exit 3, notify: {failure: [gone]}",
    **{f"storm-{n}": "script: exit 3, notify: {failure: [calm]}" for n in range(3)},
    "good": "script: echo done, ping: http://127.0.0.1:8080/check",
    "by-rule": "script: 'echo no; exit 3'",
    "unknown": "script: exit 3, ping: {failure: http://127.0.0.1:8080/404}",
}
SECRETS = {
    "smtp-password": "s3cret\n",
    "hook-key": "the key",
    "ntfy-token": "tk_1",
    "slack-url": "http://127.0.0.1:8080/services/T0/B0",
}
RECEIVER = Path(__file__).with_name("receiver.py")
DUE = 's/"due": "[^"]*"/"due": "2026-01-01T00:00:00+00:00"/'
WATCH = "debvisor-timers-watch.service"
TIMER = "debvisor-timers-watch.timer"
LATE = "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1d\nOnUnitInactiveSec=1d\n"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(RECEIVERS), hostname="box") as box:
        host = Host(box)
        box.write("/root/receiver.py", RECEIVER.read_text(encoding="utf-8"))
        box.run("echo 127.0.0.1 mail.box >>/etc/hosts; mkdir -p /etc/credstore; touch /root/got")
        for name, value in SECRETS.items():
            box.write(f"/etc/credstore/debvisor-timers.{name}", value, 0o600)
        box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
        # Nothing but what a test starts sends: it is seen what each does.
        box.write(f"/etc/systemd/system/{TIMER}.d/late.conf", LATE)
        box.run(f"systemctl daemon-reload; systemctl restart {TIMER}")
        receive(host, "smtp", 2525)
        receive(host, "http", 8080)
        host.apply(yaml())
        yield host


def yaml() -> str:
    return "jobs:\n" + "".join(f"  {job}: {{{keys}}}\n" for job, keys in JOBS.items())


def receive(host: Host, kind: str, port: int) -> None:
    host.box.run(["systemd-run", "--quiet", f"--unit={kind}", "python3", "/root/receiver.py", kind,
                  f"{port}"])  # fmt: skip
    connect = ["bash", "-c", f": </dev/tcp/127.0.0.1/{port}"]
    host.box.wait_until(
        lambda: host.box.run(connect, check=False).returncode == 0, 20, f"{kind} listens"
    )


def got(host: Host) -> list[dict[str, Any]]:
    """Return what has come since this was asked last."""
    # Whole lines alone, and none is removed: one may be written just now.
    script = "seen=$(cat /root/seen || echo 0); lines=$(wc -l </root/got); echo $lines >/root/seen"
    text = host.box.run(f"{script}; head -n $lines /root/got | tail -n +$((seen + 1))").stdout
    return [json.loads(line) for line in text.splitlines()]


def queue(host: Host) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what waits or was given up, by channel and job."""
    done = host.box.run("debvisor-timers notify queue --json", check=False)
    return {(each["channel"], each["job"]): each for each in json.loads(done.stdout)}


def told(host: Host, job: str) -> None:
    """Let a job fail, and wait until its handler has ended."""
    work.start(host, job)
    handler = f"debvisor-timers-notify@{job}.service"
    host.box.wait_until(
        lambda: (
            host.box.run(f"systemctl is-active {handler}", check=False).stdout.strip()
            in {"inactive", "failed"}
            and host.box.run(f"systemctl show -P ExecMainStartTimestamp {handler}").stdout.strip()
        ),
        60,
        f"{handler} has ended",
    )


def due_now(host: Host) -> None:
    """Let what waits be due, and send it."""
    host.box.run(f"sed -i '{DUE}' {STATE}/queue/*.json; systemctl start {WATCH} || :")


def test_a_failed_run_reaches_every_kind_of_channel(host: Host) -> None:
    told(host, "all")

    came = got(host)
    mails = [each for each in came if "mail" in each]
    posts = {each["path"]: each for each in came if "path" in each}
    assert queue(host) == {}
    run = host.json("history", "all")[0]["run"]

    (mail,) = mails
    letter = email.message_from_string(mail["mail"], policy=email.policy.default)
    assert (mail["tls"], mail["user"], mail["sender"]) == (True, "timers", "timers@example.org")
    assert mail["to"] == ["ops@example.org", "night@example.org"]
    assert letter["Subject"] == '[box] FAILED: Näme "x"'
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content().replace("\r\n", "\n")
    assert f"Run:       {run}\n" in text
    assert "Result:    failed, exit status 3\n" in text
    assert "line 60" in text
    assert "line 11\n" in text
    assert "line 10\n" not in text
    assert f"debvisor-timers logs all --run {run}" in text

    hook = posts["/ok"]
    document = json.loads(hook["body"])
    assert (document["event"], document["job"], document["run"]) == ("failure", "all", run)
    headers = hook["headers"]
    signed = f"{headers['X-Debvisor-Timestamp']}.{hook['body']}".encode()
    expected = hmac.new(b"the key", signed, hashlib.sha256).hexdigest()
    assert headers["X-Debvisor-Signature"] == f"sha256={expected}"
    assert (headers["X-Team"], headers["X-Debvisor-Event"]) == ("ops", "failure")

    phone = posts["/my-topic"]
    assert phone["headers"]["Authorization"] == "Bearer tk_1"
    assert phone["headers"]["Priority"] == "high"
    assert "line 60" in phone["body"] or len(phone["body"].encode()) <= 4000
    assert "FAILED" in json.loads(posts["/services/T0/B0"]["body"])["text"]
    assert json.loads(posts["/teams"]["body"])["attachments"]
    matrix = next(each for path, each in posts.items() if path.startswith("/_matrix/"))
    assert matrix["method"] == "PUT"
    assert "/rooms/%21a%3Ab.org/send/m.room.message/" in matrix["path"]


def test_a_slow_channel_and_a_broken_one_hold_up_no_other(host: Host) -> None:
    told(host, "side")

    assert "/ok" in {each["path"] for each in got(host)}
    waiting = queue(host)
    assert set(waiting) == {("slow", "side"), ("bad", "side")}
    assert waiting["bad", "side"]["problem"] == "127.0.0.1:8080 answers 500: not today"
    assert "timed out" in waiting["slow", "side"]["problem"]
    assert (waiting["bad", "side"]["attempts"], waiting["bad", "side"]["state"]) == (1, "waiting")
    # The notifier never tells of itself: its failure is a failed unit, for `status`.
    state = host.box.run("systemctl is-failed debvisor-timers-notify@side.service", check=False)
    assert state.stdout.strip() == "failed"
    host.box.run(f"systemctl reset-failed; rm {STATE}/queue/*.json")


def test_what_a_channel_misses_while_it_is_down_comes_when_it_is_back(host: Host) -> None:
    host.box.run(["systemctl", "stop", "http.service"])
    told(host, "down")
    assert "Connection refused" in queue(host)["hook", "down"]["problem"]

    receive(host, "http", 8080)
    got(host)
    due_now(host)

    (message,) = got(host)
    assert json.loads(message["body"])["job"] == "down"
    assert queue(host) == {}


def test_a_sender_that_is_killed_loses_nothing(host: Host) -> None:
    handler = "debvisor-timers-notify@killed.service"
    sent: list[str] = []

    def is_sent(path: str) -> bool:
        sent.extend(each["path"] for each in got(host))
        return path in sent

    host.box.run(["systemctl", "start", "--no-block", work.unit("killed")])
    host.box.wait_until(lambda: is_sent("/slow"), 30, "it is being sent")
    host.box.run(["systemctl", "kill", "--signal=KILL", handler])
    work.await_ends(host, "killed")

    assert ("stuck", "killed") in queue(host)
    if ("hook", "killed") in queue(host):
        due_now(host)
    assert is_sent("/ok")
    host.box.run(f"systemctl reset-failed; rm -f {STATE}/queue/*.json")


def test_a_storm_comes_as_one_message(host: Host) -> None:
    for number in range(3):
        told(host, f"storm-{number}")
    (first,) = got(host)
    assert json.loads(first["body"])["job"] == "storm-0"
    assert set(queue(host)) == {("calm", "storm-1"), ("calm", "storm-2")}

    host.box.write(f"{STATE}/queue/sent/calm", '["2026-01-01T00:00:00+00:00"]')
    due_now(host)
    (together,) = got(host)
    document = json.loads(together["body"])
    assert (document["event"], document["count"]) == ("digest", 2)
    assert [each["job"] for each in document["messages"]] == ["storm-1", "storm-2"]
    assert queue(host) == {}


def test_it_gives_up_aloud_and_keeps_the_message(host: Host) -> None:
    told(host, "hopeless")
    host.box.run("sleep 1.1")  # longer than give_up_after
    due_now(host)

    lost = queue(host)["gone", "hopeless"]
    assert (lost["state"], lost["attempts"]) == ("given up", 2)
    assert host.box.run(f"systemctl is-failed {WATCH}", check=False).stdout.strip() == "failed"
    assert "gave up telling gone of failure of hopeless" in host.box.journal("--unit", WATCH)
    shown = host.cli("notify", "queue", expect=10).stdout
    assert "0 waiting, 1 given up" in shown
    assert "1 messages were given up" in host.box.run("debvisor-timers doctor", check=False).stdout
    said = host.box.run("debvisor-timers status", check=False).stdout
    assert "channels: 1 message was given up" in said

    host.cli("notify", "queue", "--drop", lost["id"])
    assert host.cli("notify", "queue").stdout == "no message waits, and none was given up\n"
    host.box.run("systemctl reset-failed")


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        ("mail", ""),
        ("hook", ""),
        ("plain", "mail.box:2525: "),
        ("wrong", "takes no mail for nobody@example.org: 550 no such mailbox"),
        ("sendmail", "there is no /usr/sbin/sendmail; fix: "),
        ("odd", "127.0.0.1:8080 answers 400: not today"),
        ("drip", ""),
        ("lost", "there is no credential none; fix: write it to /etc/credstore/"),
        ("nobody", "there is no channel 'nobody'"),
    ],
)
def test_a_channel_can_be_tried(host: Host, channel: str, problem: str) -> None:
    expect = 0 if not problem else 2 if channel == "nobody" else 5
    done = host.cli("notify", "test", channel, expect=expect)

    assert problem in done.stderr
    if not problem:
        assert done.stdout == f"the channel {channel} was told\n"
        assert "This is a test" in json.dumps(got(host))
    assert queue(host) == {}
    host.box.run("systemctl reset-failed")


def test_a_channel_with_a_backlog_says_why_it_is_down(host: Host) -> None:
    told(host, "away")
    host.box.run(f"sed -i '{DUE}' {STATE}/queue/*.json")

    done = host.cli("notify", "test", "away", expect=5)

    assert "the channel away was not told: 127.0.0.1:1" in done.stderr
    host.cli("notify", "queue", "--drop", queue(host)["away", "away"]["id"])
    host.box.run("systemctl reset-failed")


def test_a_mail_that_a_server_takes_for_some_is_sent_to_the_others_alone(host: Host) -> None:
    got(host)
    told(host, "some")
    assert [each["to"] for each in got(host)] == [["ops@example.org"]]
    assert "450 mailbox busy; the others have it" in queue(host)["some", "some"]["problem"]
    due_now(host)
    assert got(host) == []

    host.box.run("touch /root/open")
    due_now(host)

    assert [each["to"] for each in got(host)] == [["later@example.org"]]
    assert queue(host) == {}
    host.box.run("systemctl reset-failed")


def test_an_address_is_told_when_a_run_begins_and_how_it_ends(host: Host) -> None:
    work.start(host, "good")
    work.start(host, "by-rule")
    came: list[tuple[str, str]] = []

    def all_came() -> bool:
        came.extend((each["path"], each["body"]) for each in got(host))
        return len(came) >= 4

    host.box.wait_until(all_came, 30, "all pings came")
    assert sorted(came) == [
        ("/check", "done"),
        ("/check/start", ""),
        ("/key/by-rule/fail", "no"),
        ("/key/by-rule/start", ""),
    ]


def test_an_address_that_is_not_known_holds_up_no_other(host: Host) -> None:
    told(host, "unknown")
    assert queue(host)[":ping 127.0.0.1:8080", "unknown"]["problem"] == (
        "127.0.0.1:8080 answers 404: not today"
    )
    got(host)

    work.start(host, "good")

    host.box.wait_until(lambda: "/check" in str(got(host)), 30, "the other is told")
    host.box.run(f"systemctl reset-failed; rm -f {STATE}/queue/*.json")


def test_no_secret_is_told(host: Host) -> None:
    journal = host.box.journal()
    shown = host.cli("config", "list").stdout + host.cli("config", "list", "--json").stdout
    for secret in ("s3cret", "the key", "tk_1", "services/T0"):
        assert secret not in journal
        assert secret not in shown
