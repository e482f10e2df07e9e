# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests that want a real systemd: a booted box with our package installed."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from tests.box import Box, Guest, Layer, installed_layer


def pytest_configure() -> None:
    """Let what tests start be interrupted, also where a shell in the background started us."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def installed() -> Layer:
    """The layer in which this checkout's .deb is installed; made once, by whoever comes first."""
    if os.geteuid() != 0:
        pytest.skip("boxes need root")
    return installed_layer()


@pytest.fixture
def box(installed: Layer) -> Iterator[Box]:
    """A freshly booted box, for one test alone."""
    with Box.boot(installed) as new:
        yield new


@pytest.fixture(scope="module")
def module_box(installed: Layer) -> Iterator[Box]:
    """One booted box for all tests of a module that asks for it."""
    with Box.boot(installed) as new:
        yield new


RUNS_IN_THE_BOX = "runs in the box"
"""In the reason of a skip: `make test` runs that test in a box, right after those outside."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what is known of the boxes of a failed test, while they are still there."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        _refuse_skip(report)
    if report.failed and call.when == "call":
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Guest):
                report.sections.extend(value.evidence(name))
    return report


def _refuse_skip(report: pytest.TestReport) -> None:
    """Where CI runs, a tool that is missing must not look like a success."""
    if not hasattr(report, "wasxfail") and RUNS_IN_THE_BOX not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
