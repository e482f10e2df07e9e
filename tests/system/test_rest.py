# SPDX-License-Identifier: Apache-2.0
"""The REST API of the installed package: the guide's curl commands as printed, and what is beyond.

The token is in curl's own configuration, so that each command stays as the guide has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, Layer, web_layer
from tests.guide.requests import shown_requests
from tests.system.host import Host
from tests.system.test_guide import DECLARED, FOLDER, HANDLER, JOB, ORIGINAL

API = "http://localhost:5000/api/v1"
TWO_STREAMS = """\
jobs:
  talk:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    script: |
      echo first; sleep 0.5
      echo wrong >&2
      sleep 1
      echo last
  fails:
    schedule: {on_calendar: "2099-01-01 00:00:00"}
    script: exit 3
"""


GUIDE = {
    "cron_expression": "0 3 * * *",
    "task_type": "vm_snapshot",
    "task_config": {"vm_id": "vm-1"},
}


class Client:
    """curl in the box, with a token of each role."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.tokens = {
            role: host.json("token", "create", f"a-{role}", "--role", role)["token"]
            for role in ("viewer", "operator", "editor", "admin")
        }
        header = f'header = "Authorization: Bearer {self.tokens["editor"]}"\n'
        host.box.write("/root/.curlrc", f"silent\nshow-error\n{header}", 0o600)

    def shell(self, line: str) -> str:
        """Run a line as root, and return what it prints."""
        done = self.host.box.run(["/bin/bash", "-c", f"cd; HOME=/root {line}"], timeout=60)
        return done.stdout

    def call(self, method: str, path: str, *more: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the document of an answer."""
        data = [] if body is None else ["--json", json.dumps(body)]
        argv = ["curl", "--config", "/root/.curlrc", "-X", method, "-w", "\n%{http_code}"]
        done = self.host.box.run([*argv, *data, *more, f"{API}/{path}"], timeout=60)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text)


@pytest.fixture(scope="module")
def layer() -> Layer:
    return web_layer()


@pytest.fixture(scope="module")
def client(layer: Layer) -> Iterator[Client]:
    """A box whose administrator has the guide's job, and has declared its type of task."""
    with Box.boot(layer) as box:
        box.write("/opt/tools/vm_tasks.py", HANDLER)
        box.write("/etc/debvisor/timers/tasks.d/vm_snapshot.yaml", f"{DECLARED}    closed: []\n")
        box.write(f"{FOLDER}/{JOB}.json", json.dumps(ORIGINAL))
        host = Host(box)
        host.cli("import", "guide-json", FOLDER, "--write")
        host.apply(TWO_STREAMS)
        yield Client(host)


def test_the_curl_commands_of_the_guide_work_as_printed(client: Client) -> None:
    answers = {shown.text: json.loads(client.shell(shown.text)) for shown in shown_requests()}

    created, listed, executed, history = answers.values()
    assert {answer["status"] for answer in answers.values()} == {"success"}
    assert created["data"]["name"] == "Daily Backup"
    assert created["data"]["execution_count"] == 0
    assert {job["job_id"] for job in listed["data"]["jobs"]} == {JOB, created["data"]["job_id"]}
    assert listed["data"]["count"] == 2
    assert (executed["data"]["job_id"], executed["data"]["status"]) == (JOB, "completed")
    assert executed["data"]["exit_code"] == 0
    ids = [run["execution_id"] for run in history["data"]["executions"]]
    assert ids == [executed["data"]["execution_id"]]
    for answer in answers.values():
        assert re.search(r"[+-]\d\d:\d\d$", answer["timestamp"])


def test_the_statistics_count_what_has_run(client: Client) -> None:
    before = client.call("GET", "jobs/fails/stats")[1]["data"]["failed_executions"]

    status, run = client.call("POST", "jobs/fails/run")
    _, stats = client.call("GET", "jobs/fails/stats")
    _, job = client.call("GET", "jobs/fails")

    assert (status, run["data"]["status"], run["data"]["exit_code"]) == (200, "failed", 3)
    assert stats["data"]["failed_executions"] == before + 1
    assert stats["data"]["last_execution"] == run["data"]["start_time"]
    assert job["data"]["failure_count"] == before + 1


def test_a_failed_run_is_repeated_and_says_so(client: Client) -> None:
    _, failed = client.call("POST", "jobs/fails/run")
    run = failed["data"]["execution_id"]

    status, again = client.call("POST", f"jobs/fails/executions/{run}/retry")

    assert status == 200
    assert (again["data"]["retry_of"], again["data"]["trigger"]) == (run, "retry")
    assert again["data"]["by"] == "a-editor"


def test_who_does_not_wait_follows_the_run_by_its_place(client: Client) -> None:
    status, started = client.call("POST", "jobs/talk/run?wait=false")
    place = started["data"]["location"].removeprefix("/api/v1/")

    text = client.shell(
        f"curl -N -m 30 -H 'Accept: text/event-stream' http://localhost:5000/api/v1/{place}/logs"
    )

    assert status == 202
    events = [
        (kind, json.loads(data))
        for kind, data in re.findall(r"event: (\w+)\ndata: (.*)", text.replace("\r", ""))
    ]
    lines = [(data["stream"], data["text"]) for kind, data in events if kind == "line"]
    assert [line for line in lines if line[0] in {"stdout", "stderr"}] == [
        ("stdout", "first"),
        ("stderr", "wrong"),
        ("stdout", "last"),
    ]
    kind, end = events[-1]
    assert (kind, end["execution_id"]) == ("end", started["data"]["execution_id"])
    assert (end["status"], end["stdout"]) == ("completed", "first\nlast\n")


def test_a_stream_that_was_cut_off_goes_on_where_it_was(client: Client) -> None:
    _, run = client.call("POST", "jobs/talk/run")
    path = f"jobs/talk/runs/{run['data']['execution_id']}/logs"
    _, log = client.call("GET", path)
    lines = log["data"]["lines"]
    first = next(line for line in lines if line["text"] == "first")

    text = client.shell(
        f"curl -N -m 30 -H 'Accept: text/event-stream' -H 'Last-Event-ID: {first['id']}'"
        f" {API}/{path}"
    )

    told = [json.loads(data)["text"] for data in re.findall(r"event: line\ndata: (.*)", text)]
    assert told[:2] == ["wrong", "last"]
    assert "event: end" in text


def test_an_answer_outlives_a_restart_of_the_server(client: Client) -> None:
    body = {**GUIDE, "name": "Once"}
    key = ("-H", "Idempotency-Key: order-7")
    _, first = client.call("POST", "jobs", *key, body=body)
    client.host.box.run(["systemctl", "restart", "debvisor-timers-web.service"])

    status, again = client.call("POST", "jobs", *key, body=body)

    assert (status, again) == (201, first)


def test_of_two_who_change_a_job_the_second_is_told(client: Client) -> None:
    version = client.call("GET", f"jobs/{JOB}")[1]["data"]["version"]
    match = ("-H", f'If-Match: "{version}"')

    first, _ = client.call("PUT", f"jobs/{JOB}", *match, body={"priority": "high"})
    second, late = client.call("PUT", f"jobs/{JOB}", *match, body={"priority": "low"})

    assert (first, second) == (200, 412)
    assert late["error"]["fix"]
    assert client.call("GET", f"jobs/{JOB}")[1]["data"]["priority"] == "high"


def test_an_error_of_a_job_is_told_with_its_place(client: Client) -> None:
    status, answer = client.call("PUT", f"jobs/{JOB}", body={"cron_expression": "61 2 * * *"})

    assert status == 422
    (problem,) = answer["error"]["problems"]
    assert problem["file"].endswith(f"{JOB}.yaml")
    assert problem["line"] > 0
    assert problem["column"] > 0


def test_every_page_of_the_host_is_there(client: Client) -> None:
    paths = (
        "status",
        "config",
        "plan",
        "graph",
        "timeline?span=week",
        "tasks",
        "tasks/vm_snapshot",
    )
    more = ("audit", "audit/proof", "maintenance", "runs", "stats", "jobs/talk/logs")

    found = {path: client.call("GET", path) for path in (*paths, *more)}

    assert {path: status for path, (status, _) in found.items() if status != 200} == {}
    assert found["audit"][1]["data"]["entries"][0]["token"] == "a-editor"


def test_a_job_is_paused_and_resumed_in_the_name_of_the_token(client: Client) -> None:
    _, paused = client.call("POST", "jobs/talk/pause", body={"reason": "new disk"})
    _, job = client.call("GET", "jobs/talk")
    _, resumed = client.call("POST", "jobs/talk/resume")

    assert paused["data"]["paused"][0]["by"] == "a-editor"
    assert job["data"]["paused"]["reason"] == "new disk"
    assert resumed["data"]["resumed"] == ["talk"]
