# SPDX-License-Identifier: Apache-2.0
"""Hosts with pages, each in a box with a browser in its network."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Playwright, expect, sync_playwright

from tests.box import WEB, Box, Layer, web_layer
from tests.browser import chromium, jobs, past
from tests.browser.site import Site, Window, prepare
from tests.system.conftest import pytest_configure, swept
from tests.system.host import Host

__all__ = ["pytest_configure", "swept"]

BROWSER = Layer(name="browser", parent=WEB, packages=("graphviz", "systemd-journal-remote"))
"""Beside what the pages need: what writes a journal of weeks that never were."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the host of a failed test has in its journal."""
    report = yield
    for name, value in getattr(item, "funcargs", {}).items():
        if report.failed and isinstance(value, Site):
            report.sections.extend(value.host.box.evidence(name))
    return report


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver of all browsers."""
    expect.set_options(timeout=15_000)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def layer(swept: None) -> Layer:
    """Both packages of this checkout, installed."""
    return web_layer(BROWSER)


@pytest.fixture(scope="module")
def site(
    layer: Layer, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A small host: five jobs and forty days of them."""
    with Box.boot(layer, hostname="hera") as box:
        host = Host(box)
        prepare(host, jobs.FIVE)
        past.write(box, jobs.past_of_five())
        browser = chromium.launch(playwright, box, tmp_path_factory.mktemp("chromium"))
        yield Site(host, browser)
        browser.close()


@pytest.fixture(scope="session")
def large_site(
    layer: Layer, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A large host: five hundred jobs, twelve days. Tests look at it, and change nothing."""
    with Box.boot(layer, hostname="atlas") as box:
        host = Host(box)
        prepare(host, jobs.five_hundred())
        past.write(box, jobs.past_of_five_hundred())
        browser = chromium.launch(playwright, box, tmp_path_factory.mktemp("chromium"))
        yield Site(host, browser)
        browser.close()


@pytest.fixture
def window(site: Site) -> Iterator[Window]:
    """A window on the small host, signed in as an administrator."""
    with site.window("admin") as window:
        yield window
