# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider that is not ours, in the network of a box, and signing in there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.box import Box
from tests.box.container import dying_with_us
from tests.box.places import CHECKOUT

PORT = "9000"
URL = f"http://localhost:{PORT}"
"""Another site than that of the pages, which is 127.0.0.1: cookies that are strict stay behind."""
CLIENT, SECRET, PASSWORD = "debvisor-timers", "between the two", "correct horse battery"
BUTTON = "Sign in with your organisation"
SETTINGS = f"""\
web:
  oidc:
    issuer: {URL}
    audience: {CLIENT}
    claim: groups
    roles: {{timers-admins: admin, timers-viewers: viewer}}
    client_id: {CLIENT}
    client_secret: {{credential: oidc-secret}}
"""


class Issuer:
    """Canaille, started and stopped by tests."""

    def __init__(self, box: Box, log: Path) -> None:
        """log: gets what Canaille says, a line for each request."""
        self.box = box
        self.log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        program = [sys.executable, "-m", "tests.browser.canaille_program", PORT, CLIENT]
        enter = ["nsenter", f"--target={self.box.leader}", "--net", "--", *program]
        enter += [SECRET, PASSWORD]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                dying_with_us(enter, signal.SIGKILL),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=CHECKOUT,
                text=True,
            )
        self._expect("ready")

    def stop(self) -> None:
        """Let it be gone, with all that it knows."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def tell(self, verb: str, what: str) -> None:
        """`lock` or `unlock` somebody, or let tokens `expire` after so many seconds."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(f"{verb} {what}\n")
        self._process.stdin.flush()
        self._expect("done")

    def token(self, name: str) -> str:
        """Return an access token of somebody, as the provider gives it to a program."""
        return str(
            self.box.run(
                f"curl --fail --silent --user '{CLIENT}:{SECRET}' {URL}/oauth/token"
                f" -d grant_type=password -d username={name} --data-urlencode 'password={PASSWORD}'"
                " -d 'scope=openid profile groups'"
                """ | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'"""
            ).stdout.strip()
        )

    def granted(self) -> int:
        """Return how often it was asked for tokens."""
        return self.log.read_text(encoding="utf-8").count("POST /oauth/token")

    def _expect(self, word: str) -> None:
        assert self._process
        assert self._process.stdout
        said = self._process.stdout.readline().strip()
        assert said == word, self.log.read_text(encoding="utf-8")


def sign_in(page: Page, name: str) -> None:
    """Sign in at the provider, up to its question whether we may know who it is."""
    page.locator("input[name=login]").fill(name)
    page.locator("button[type=submit]").click()
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("heading", name="Timers of hera")).to_be_visible()


def consent(page: Page) -> None:
    """Let us know who it is."""
    page.get_by_role("button", name="Accept").click()
