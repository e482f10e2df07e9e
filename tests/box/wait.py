# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition: a deadline instead of a sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.box.errors import BoxTimeoutError

_POLL_SECONDS = 0.02
T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, deadline_seconds: float, what: str) -> T:
    """Return the first true value of `condition`, asked again and again.

    what: the condition in words, for the message. Raises BoxTimeoutError at the deadline.
    """
    end = time.monotonic() + deadline_seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise BoxTimeoutError(f"after {deadline_seconds} s still not: {what}")
        time.sleep(_POLL_SECONDS)
