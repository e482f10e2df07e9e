# SPDX-License-Identifier: Apache-2.0
"""A host whose pages are looked at: its box, a token for each role, and windows of a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.browser import jobs
from tests.system import work
from tests.system.host import Host

BASE = "http://127.0.0.1:5000"
POLICY = "policy: {raw_commands: true, users: [root]}\n"
ROLES = ("viewer", "operator", "editor", "admin")
WIDE = 1440
PHONE = 390
_HEIGHTS = {WIDE: 900, PHONE: 844}


_POST = """async ([path, fields]) => {
  const body = new URLSearchParams(fields);
  return (await fetch(path, {method: 'POST', body, redirect: 'manual'})).status;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a window looks at pages: its width in pixels, its theme, with or without scripts."""

    width: int = WIDE
    theme: str = "light"
    scripts: bool = True


@dataclass(kw_only=True)  # no slots: the driver notes things in it
class Window:
    """A page of a browser, and what went wrong in it: errors of scripts, refusals of the policy."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def noted(self) -> Window:
        """Note from now on what goes wrong."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        return self

    def forgive(self, words: str) -> None:
        """Let it be that a resource was not had, as the browser says of the answer `words`."""
        self.errors = [each for each in self.errors if words not in each]

    def post(self, path: str, **fields: str) -> int:
        """Send a form from the page, as a script of another one would, and return the status."""
        status: int = self.page.evaluate(_POST, [path, fields])
        self.forgive(str(status))
        return status

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text}")


class Site:
    """The pages of one host in one browser."""

    def __init__(self, host: Host, browser: Browser) -> None:
        """Make a token for each role."""
        self.host = host
        self.browser = browser
        self.tokens = {role: _token(host, role) for role in ROLES}
        host.box.wait_until(f"curl --fail --silent {BASE}/api/v1/health", 30, "the server answers")

    def is_paused(self, job: str) -> bool:
        """Return whether `list` has the job as paused."""
        row = next(row for row in self.host.json("list") if row["job"] == job)
        return row["paused"] is not None

    @contextmanager
    def window(self, role: str = "", look: Look | None = None) -> Iterator[Window]:
        """Yield a window of its own, signed in as `role` if one is given.

        What goes wrong in its scripts, or against the policy of the page, fails the test.
        """
        seen = look or Look()
        context = self.browser.new_context(
            base_url=BASE,
            viewport={"width": seen.width, "height": _HEIGHTS[seen.width]},
            color_scheme="dark" if seen.theme == "dark" else "light",
            java_script_enabled=seen.scripts,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Etc/UTC",
        )
        context.set_default_timeout(15_000)
        try:
            window = Window(page=context.new_page()).noted()
            if role:
                sign_in(window.page, self.tokens[role])
            yield window
            assert not window.errors, f"{window.page.url}: {window.errors}"
        finally:
            context.close()


def sign_in(page: Page, token: str) -> None:
    """Sign in by the form, as somebody does who was given a token."""
    page.goto("/sign-in")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{BASE}/")


def prepare(host: Host, yaml: str) -> None:
    """Let the host have these jobs, the program that they start, and editors who may set it."""
    host.box.write(jobs.WORK, jobs.PROGRAM, 0o755)
    host.box.write(work.CONFIG, POLICY, 0o640)
    host.apply(yaml)


def _token(host: Host, role: str) -> str:
    made = host.json("token", "create", f"browser-{role}", "--role", role)
    token: str = made["token"]
    return token
