# SPDX-License-Identifier: Apache-2.0
"""What people read: whatever is in a log or a name, it stays one subject and harmless text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.notify.message import Message, bundle

FAILURE: dict[str, Any] = {
    "event": "failure",
    "message": "20261127T020000000000-000000-0a1b2c3d",
    "run": "20261127T020000Z-4f2a9c",
    "job": "nightly-backup",
    "name": "Nightly backup",
    "owner": "ops",
    "host": "node1",
    "outcome": "failed",
    "reason": "exit status 3",
    "exit_status": 3,
    "attempts": 2,
    "max_attempts": 3,
    "start": "2026-11-27T02:00:00+01:00",
    "end": "2026-11-27T03:30:05+01:00",
    "duration_seconds": 5405.0,
    "trigger": "timer",
    "by": "",
    "failures": 3,
    "since": "2026-11-25T02:00:00+01:00",
    "tags": {"site": "ams1"},
    "links": {"runbook": "https://wiki/backup"},
    "log": ["disk full", "giving up"],
}


def test_a_failure_says_all_that_is_known() -> None:
    message = Message(FAILURE)

    assert message.subject == "[node1] FAILED: Nightly backup (3 runs in a row)"
    assert message.body == (
        "Job:       nightly-backup (Nightly backup)\n"
        "Owner:     ops\n"
        "Host:      node1\n"
        "Run:       20261127T020000Z-4f2a9c\n"
        "Result:    failed, exit status 3\n"
        "Exit:      3\n"
        "Attempts:  2 of 3\n"
        "Started:   Fri 2026-11-27 02:00:00 +0100\n"
        "Ended:     Fri 2026-11-27 03:30:05 +0100 (took 1h 30min)\n"
        "Trigger:   timer\n"
        "Failures:  3 runs in a row\n"
        "Since:     Wed 2026-11-25 02:00:00 +0100\n"
        "Tag:       site=ams1\n"
        "Link:      runbook: https://wiki/backup\n"
        "\n"
        "More: debvisor-timers show --run 20261127T020000Z-4f2a9c\n"
        "      debvisor-timers logs nightly-backup --run 20261127T020000Z-4f2a9c\n"
        "\n"
        "The last 2 lines that it printed:\n"
        "\n"
        "  disk full\n"
        "  giving up\n"
    )


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_has_a_subject_of_one_line_and_a_text(kind: EventKind) -> None:
    message = Message({"event": str(kind), "host": "node1", "job": "a", "text": "It is so."})

    assert message.subject.startswith("[node1] ")
    assert "\n" not in message.subject
    assert message.body.strip()
    for template in ("slack", "matrix", "teams"):
        json.loads(message.render(f"{template}.json.j2"))


def test_what_a_job_is_called_and_prints_breaks_nothing() -> None:
    wild = 'a\r\nBcc: all@example.org\n"}]</pre>\x1b[2J\u2028\udcff```'
    message = Message({**FAILURE, "name": wild, "log": [wild, "x" * 5000]})

    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert len(message.subject) <= 200
    assert "\x1b" not in message.body
    assert "\x1b" not in message.subject
    message.body.encode("utf-8")
    for template in ("slack", "matrix", "teams"):
        json.loads(message.render(f"{template}.json.j2"))
    matrix = json.loads(message.render("matrix.json.j2"))
    assert "</pre>\ufffd" not in matrix["formatted_body"]
    assert json.loads(message.as_json)["name"] == wild


def test_many_are_one_without_their_logs() -> None:
    document = bundle([FAILURE, {**FAILURE, "event": "success", "job": "b", "name": "B"}])
    message = Message(document)

    assert message.subject == "[node1] 2 messages of jobs, 1 of trouble"
    assert message.is_trouble
    assert "FAILURE  Nightly backup  run 20261127T020000Z-4f2a9c  exit status 3" in message.body
    assert "success  B" in message.body
    assert "disk full" not in message.as_json
    assert message.id == FAILURE["message"]


def test_a_template_of_the_administrator_takes_the_place_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "notify"
    folder.mkdir()
    (folder / "subject.txt.j2").write_text("{{ job }} on {{ host }}")

    assert Message(FAILURE, tmp_path).subject == "nightly-backup on node1"
    assert "disk full" in Message(FAILURE, tmp_path).body


@pytest.mark.parametrize("text", ["{{ job", "{{ 1 / 0 }}", "{% include 'none' %}"])
def test_a_broken_template_loses_no_message(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "notify"
    folder.mkdir()
    (folder / "text.txt.j2").write_text(text)

    body = Message(FAILURE, tmp_path).body

    assert "disk full" in body
    assert "The template notify/text.txt.j2 failed: " in body


def test_a_template_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "notify"
    folder.mkdir()
    (folder / "text.txt.j2").write_text("mine")
    (folder / "text.txt.j2").chmod(0o666)

    assert "is writable by others" in Message(FAILURE, tmp_path).body


def test_a_log_calls_nobody_in_slack() -> None:
    message = Message({**FAILURE, "name": "<!here> & co", "log": ["<!channel>"]})

    value = json.loads(message.render("slack.json.j2"))

    assert "&lt;!channel&gt;" in value["blocks"][1]["text"]["text"]
    assert "<!" not in value["blocks"][1]["text"]["text"]
    assert value["text"] == "[node1] FAILED: &lt;!here&gt; &amp; co (3 runs in a row)"


@pytest.mark.parametrize("line", ["ж" * 500, "\udcff" * 500, '"' * 500])
def test_a_long_log_is_as_short_as_the_servers_want_it(line: str) -> None:
    message = Message({**FAILURE, "log": [line] * 50})

    matrix = json.loads(message.render("matrix.json.j2"))
    assert len(json.dumps(matrix, ensure_ascii=False).encode()) < 65_000
    teams = json.loads(message.render("teams.json.j2"))
    assert len(json.dumps(teams).encode()) < 28_000
