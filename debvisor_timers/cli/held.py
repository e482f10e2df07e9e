# SPDX-License-Identifier: Apache-2.0
"""What is held back, in words for people."""

from __future__ import annotations

from debvisor_timers.operations.holding.words import (
    at,
    long_words,
    maintenance_words,
    paused_words,
    skip_words,
)

__all__ = ["at", "long_words", "maintenance_words", "paused_words", "skip_words"]
