# SPDX-License-Identifier: Apache-2.0
"""A browser on the served world."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.unit.web.served import Served


@pytest.fixture
def viewer(served: Served) -> TestClient:
    return browser(served, "viewer")


@pytest.fixture
def operator(served: Served) -> TestClient:
    return browser(served, "operator")


@pytest.fixture
def admin(served: Served) -> TestClient:
    return browser(served, "admin")


def browser(served: Served, role: str) -> TestClient:
    """Return a client that asks for pages, as browsers do."""
    client = served.as_role(role)
    client.headers["Accept"] = "text/html,application/xhtml+xml"
    return client
