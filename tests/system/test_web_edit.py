# SPDX-License-Identifier: Apache-2.0
"""Editing on pages of the installed server: through its sandbox and the agent, with real trials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.box import Box, web_layer
from tests.system.host import Host

HERE = "http://127.0.0.1:5000"
FILE = "/etc/debvisor/timers/jobs.d/nightly.yaml"
TEXT = """\
jobs:
  # Its comment stays.
  nightly:
    schedule: "0 2 * * *"
    command: [/bin/true]
    depends_on: [first]
  first:
    command: [/bin/true]
"""
LATER = TEXT.replace("0 2", "30 1")
JOINED = """\
jobs:
  a: {command: [/bin/true]}
  b: {command: [/bin/true], depends_on: [a]}
  c: {command: [/bin/true], depends_on: [a]}
  d: {command: [/bin/true], depends_on: [b, c]}
  e: {command: [/bin/true], depends_on: [d]}
"""
POLICY = "policy: {raw_commands: true, users: [root]}\n"


class Pages(Host):
    """A host with the server, and one who may edit."""

    token = ""

    def post(self, path: str, **fields: str) -> tuple[int, str, str]:
        """Send a form; return status, where it leads, and the page."""
        argv = [
            "curl",
            "-X",
            "POST",
            "--silent",
            "--max-time",
            "60",
            "-H",
            f"Authorization: Bearer {self.token}",
        ]
        for name, value in fields.items():
            self.box.write(f"/tmp/field-{name}", value, 0o600)
            argv += ["--data-urlencode", f"{name}@/tmp/field-{name}"]
        argv += ["--output", "/tmp/page", "--write-out", "%{http_code} %{redirect_url}"]
        status, _, address = self.box.run([*argv, f"{HERE}{path}"]).stdout.partition(" ")
        return int(status), address.removeprefix(HERE), self.box.run("cat /tmp/page").stdout

    def get(self, path: str) -> str:
        """Return a page."""
        said = self.box.run(
            ["curl", "-sSf", "-H", f"Authorization: Bearer {self.token}", f"{HERE}{path}"]
        )
        return said.stdout

    def edit(self, text: str, **fields: str) -> tuple[int, str, str]:
        """Send another text for the file of the job."""
        base = sha256(self.file().encode()).hexdigest()
        return self.post("/jobs/nightly/edit", text=text, base=base, view="yaml", **fields)

    def file(self) -> str:
        return self.box.run(f"cat {FILE}").stdout

    def calendar(self) -> list[str]:
        shown = self.box.run("systemctl cat debvisor-job-nightly.timer").stdout
        return re.findall("^OnCalendar=(.*)", shown, re.MULTILINE)


@pytest.fixture(scope="module")
def host() -> Iterator[Pages]:
    with Box.boot(web_layer(), hostname="zeus") as box:
        host = Pages(box)
        box.write("/etc/debvisor/timers/config.yaml", POLICY, 0o640)
        box.write(FILE, TEXT, 0o640)
        box.run("chgrp -R debvisor-timers /etc/debvisor/timers")
        host.cli("apply", "--yes")
        host.token = host.cli("token", "create", "ed", "--role", "editor").stdout.strip()
        box.wait_until(f"curl -sSf {HERE}/api/v1/health", 60, "the server answers")
        yield host


def test_what_is_typed_is_checked_by_the_server_alone(host: Pages) -> None:
    wrong = TEXT.replace("0 2", "0 25").replace("/bin/true", "/no/such", 1)

    status, _, said = host.post("/draft", job="nightly", view="yaml", text=wrong)

    assert status == 200
    first = json.loads(said)["problems"][0]
    assert (first["line"], first["column"]) == (4, 18)
    assert host.file() == TEXT


def test_what_systemd_says_is_said(host: Pages) -> None:
    odd = TEXT + '    unit: {Service: {NoSuchDirective: "1"}}\n'

    _, _, said = host.post("/draft", job="first", view="yaml", text=odd)

    assert "NoSuchDirective" in " ".join(one["message"] for one in json.loads(said)["problems"])


def test_a_trial_comes_back_with_its_file_when_its_timer_elapses(host: Pages) -> None:
    status, address, _ = host.edit(LATER, step="try", seconds="120")
    assert (status, address) == (303, "/trial?job=nightly")
    assert host.calendar() == ["*-*-* 01:30:00"]
    assert host.file() == LATER
    assert "A change is on trial" in host.get("/timeline")
    assert 60 < json.loads(host.get("/trial/state"))["left_seconds"] <= 120

    # What its timer starts; nobody waits for two minutes here.
    host.box.run("systemctl start debvisor-timers-undo-try.service")

    assert host.calendar() == ["*-*-* 02:00:00"]
    assert host.file() == TEXT
    assert json.loads(host.get("/trial/state"))["trying"] is False


def test_a_trial_is_kept(host: Pages) -> None:
    host.edit(LATER, step="try", seconds="120")

    status, address, _ = host.post("/trial/confirm", job="nightly")

    assert (status, address) == (303, "/jobs/nightly?done=confirm")
    assert host.calendar() == ["*-*-* 01:30:00"]
    host.edit(TEXT, step="apply")
    assert host.file() == TEXT


def test_a_trial_is_taken_back_by_hand(host: Pages) -> None:
    host.edit(LATER, step="try", seconds="120")

    status, address, _ = host.post("/trial/undo")

    assert (status, address) == (303, "/trial?done=undo")
    assert (host.calendar(), host.file()) == (["*-*-* 02:00:00"], TEXT)


def test_a_job_is_made_and_deleted(host: Pages) -> None:
    text = "jobs:\n  fresh: {command: [/bin/true]}\n"

    status, address, page = host.post("/new", text=text, view="yaml", step="plan")
    assert (status, "Create fresh" in page) == (200, True)
    status, address, _ = host.post("/new", text=text, view="yaml", step="apply")

    assert (status, address) == (303, "/jobs/fresh?done=create")
    assert host.box.run("cat /etc/debvisor/timers/jobs.d/fresh.yaml").stdout == text
    status, address, _ = host.post("/jobs/fresh/delete", sure="fresh")
    assert (status, address) == (303, "/?done=delete")
    assert host.box.run("ls /etc/debvisor/timers/jobs.d").stdout.split() == ["nightly.yaml"]


def test_the_audit_knows_who_it_was(host: Pages) -> None:
    asked = [(one["verb"], one["token"]) for one in host.json("audit") if one["token"]]

    assert ("try", "ed") in asked
    assert ("create", "ed") in asked
    assert ("confirm", "ed") in asked


def test_the_graph_is_drawn_with_graphviz_and_without(host: Pages) -> None:
    host.box.write("/etc/debvisor/timers/jobs.d/graph.yaml", JOINED, 0o644)
    host.cli("apply", "--yes")
    by_dot = _paths(host.get("/graph"))

    host.box.run("mv /usr/bin/dot /usr/bin/not-dot")
    try:
        ours = _paths(host.get("/graph"))
    finally:
        host.box.run("mv /usr/bin/not-dot /usr/bin/dot")

    assert len(by_dot) == len(ours) == 6
    assert by_dot != ours, "dot was not run in the sandbox"


def _paths(page: str) -> list[str]:
    return re.findall(r'class="e e-\w+" d="([^"]+)" data', page)
