# SPDX-License-Identifier: Apache-2.0
"""Pages of the installed server: what it sees from inside its sandbox, and its buttons."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.box import Box, web_layer
from tests.system.host import Host

HERE = "http://127.0.0.1:5000"
UNITS = "/etc/systemd/system"
JOBS = """\
jobs:
  good:
    name: A good one
    schedule: "0 2 * * *"
    command: [/bin/echo, hello]
  bad:
    schedule: "0 3 * * *"
    script: |
      echo before
      echo "it <went> wrong" >&2
      exit 3
  often:
    schedule: "* * * * *"
    command: [/bin/true]
  slow:
    command: [/bin/sleep, infinity]
"""


class Pages(Host):
    """A host with the server, and who may look at it and press buttons."""

    token = ""

    def get(self, path: str) -> str:
        """Return a page."""
        bearer = f"Authorization: Bearer {self.token}"
        return self.box.run(["curl", "-sSf", "-H", bearer, f"{HERE}{path}"]).stdout

    def press(self, path: str) -> str:
        """Press a button; return where it leads."""
        bearer = f"Authorization: Bearer {self.token}"
        options = ["--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"]
        argv = ["curl", "-sS", "-X", "POST", "-H", bearer, *options, f"{HERE}{path}"]
        status, _, address = self.box.run(argv).stdout.partition(" ")
        assert status == "303", self.box.run(["journalctl", "-n", "50", "--no-pager"]).stdout
        return address.removeprefix(HERE)

    def attention(self) -> str:
        """Return what needs attention, as text."""
        return re.sub(r"<[^>]+>", " ", self.get("/?part=attention"))

    def await_page(self, path: str, words: str) -> None:
        """Wait until a page says so."""
        bearer = f"Authorization: Bearer {self.token}"
        command = f"curl -sSf -H '{bearer}' '{HERE}{path}' | grep -q '{words}'"
        self.box.wait_until(command, 60, f"{path} says {words}")


@pytest.fixture(scope="module")
def host() -> Iterator[Pages]:
    with Box.boot(web_layer(), hostname="zeus") as box:
        host = Pages(box)
        host.write(JOBS)
        box.run("chgrp -R debvisor-timers /etc/debvisor/timers")
        host.cli("apply", "--yes")
        host.token = host.cli("token", "create", "op", "--role", "operator").stdout.strip()
        box.wait_until(f"curl -sSf {HERE}/api/v1/health", 60, "the server answers")
        yield host


def test_buttons_start_and_stop_jobs_for_the_token(host: Pages) -> None:
    assert host.press("/jobs/slow/run") == "/jobs/slow?done=run"
    host.await_page("/jobs/slow", 'formaction="/jobs/slow/stop"')

    assert host.press("/jobs/slow/stop") == "/jobs/slow?done=stop"
    host.await_page("/jobs/slow", "stopped")
    host.await_page("/audit?job=slow", "token op")


def test_pause_skip_and_what_takes_them_back(host: Pages) -> None:
    host.press("/jobs/good/pause")
    host.await_page("/jobs/good", 'formaction="/jobs/good/resume"')
    host.press("/jobs/good/resume")
    host.press("/jobs/good/skip")
    host.await_page("/", "skips next")
    host.press("/jobs/good/unskip")
    host.box.wait_until(lambda: "skips next" not in host.get("/"), 20, "it is taken back")


def test_the_log_of_a_failed_run_tells_the_streams_apart(host: Pages) -> None:
    host.press("/jobs/bad/run")
    host.await_page("/jobs/bad", "failed (exit status 3)")
    run = re.search(r"/jobs/bad/runs/[^\"]+", host.get("/jobs/bad"))
    assert run

    log = host.get(run[0])

    assert re.search(r'<li class="out">.*before', log)
    assert re.search(r'<li class="err">.*it &lt;went&gt; wrong', log)
    host.await_page("/?part=attention", "exit status 3")


def test_source_and_units_are_there_for_the_user_of_the_server(host: Pages) -> None:
    html = host.get("/jobs/good")

    assert "/etc/debvisor/timers/jobs.d/jobs.yaml" in html
    assert "debvisor-job-good.timer" in html
    assert "exposure" in html


def test_what_is_not_as_it_was_written_needs_attention(host: Pages) -> None:
    # Since then, each minute: nobody started it.
    host.box.run("systemctl stop debvisor-job-often.timer")
    host.box.run(f"touch -d '-10 minutes' {UNITS}/debvisor-job-often.timer")
    host.box.run(f"sed -i 's/hello/bye/' {UNITS}/debvisor-job-good.service")
    host.box.run("systemctl restart debvisor-timers-web.service")

    for word in ("Edited", "Stopped", "Missed"):
        host.await_page("/?part=attention", word)
    told = host.attention()

    assert re.search(r"Missed\s+often\s+\d+ runs of the last day never began", told)
    assert re.search(r"Stopped\s+often", told)
    assert re.search(r"Edited\s+A good one", told)


def test_settings_audit_and_errors_are_pages(host: Pages) -> None:
    assert "config.yaml" in host.get("/settings")
    assert "apply" in host.get("/audit")
    answer = host.box.run(["curl", "-s", "-H", "Accept: text/html", f"{HERE}/nothing"]).stdout
    assert "<html" in answer
