# SPDX-License-Identifier: Apache-2.0
"""Audit, tokens, settings, errors; and what holds for the HTML of all pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from debvisor_timers.render.location import find_templates
from debvisor_timers.web.pages.rendering import environment
from tests.unit.operations.world import TWO
from tests.unit.web.pages.conftest import browser
from tests.unit.web.served import Served

TEMPLATES = sorted((find_templates() / "web").glob("*.j2"))


def test_the_audit_tells_who_did_what(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)
    operator.post("/jobs/nightly/pause")

    html = operator.get("/audit").text

    assert "pause nightly" in html
    assert "token a-operator from 192.0.2.7" in html
    assert "pause nightly" not in operator.get("/audit?verb=run").text
    assert "Nothing like that was changed" in operator.get("/audit?who=nobody-at-all").text


def test_a_token_is_shown_once_and_revoked(served: Served, admin: TestClient) -> None:
    made = admin.post("/tokens", data={"name": "ci", "role": "editor", "lifetime": "90"})
    secret = re.search(r"dvt_[\w-]+", made.text)
    listed = admin.get("/tokens").text

    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert secret
    assert secret[0] not in listed
    assert "<strong>ci</strong>" in listed

    revoked = admin.post("/tokens/ci/revoke")

    assert revoked.headers["location"] == "/tokens?done=revoke"
    assert "<strong>ci</strong>" not in admin.get("/tokens").text


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_tokens_are_for_administrators(served: Served, role: str) -> None:
    client = browser(served, role)

    assert client.get("/tokens").status_code == 403
    assert client.post("/tokens", data={"name": "ci", "role": "admin"}).status_code == 403
    assert 'href="/tokens"' not in client.get("/").text


def test_settings_are_shown_without_secrets(served: Served, viewer: TestClient) -> None:
    hook = "https://chat.example.org/hooks/abcdefgh12345678"
    config = f"pools: {{backup: 2}}\nchannels:\n  ops: {{webhook: {{url: {hook}}}}}\n"
    (served.world.layout.config / "config.yaml").write_text(config, encoding="utf-8")

    html = viewer.get("/settings").text

    assert "backup" in html
    assert "abcdefgh12345678" not in html
    assert "https://chat.example.org/[redacted]" in html


def test_who_is_not_signed_in_is_led_to_where_that_is_done(served: Served) -> None:
    client = browser(served, "")

    answer = client.get("/jobs/nightly?page=2")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fjobs%2Fnightly%3Fpage%3D2"


def test_a_page_that_is_not_there_is_a_page_but_programs_get_the_envelope(
    served: Served, viewer: TestClient
) -> None:
    page, program = viewer.get("/nothing"), served.as_role("viewer").get("/nothing")

    assert (page.status_code, program.status_code) == (404, 404)
    assert "Not there" in page.text
    assert program.json()["status"] == "error"


def test_the_theme_is_that_of_the_cookie_or_of_the_browser(viewer: TestClient) -> None:
    assert "data-theme" not in viewer.get("/").text
    viewer.cookies.set("theme", "dark")
    assert 'data-theme="dark"' in viewer.get("/").text
    viewer.cookies.set("theme", "x onload=y")
    assert "onload" not in viewer.get("/").text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_more_than_the_policy_of_content_allows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert "<style" not in text
    assert "| safe" not in text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_every_template_can_be_read() -> None:
    for path in TEMPLATES:
        environment().get_template(path.name)
