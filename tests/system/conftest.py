# SPDX-License-Identifier: Apache-2.0
"""System tests drive boxes from outside; they clean up even when they are told to end."""

from __future__ import annotations

import os
import signal
from types import FrameType

import pytest

from tests.box import sweep


def pytest_configure(config: pytest.Config) -> None:
    """Treat SIGTERM like Ctrl-C, so that fixtures are torn down."""
    signal.signal(signal.SIGTERM, _interrupt)


@pytest.fixture(scope="session", autouse=True)
def swept() -> None:
    """Remove the boxes of earlier runs that were killed."""
    if os.geteuid() != 0:
        pytest.skip("boxes need root")
    sweep()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
