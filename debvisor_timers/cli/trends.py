# SPDX-License-Identifier: Apache-2.0
"""Trends and unusual runs in words."""

from __future__ import annotations

from debvisor_timers.operations.past.trend_words import (
    duration_words,
    failure_words,
    size,
    unusual_words,
)

__all__ = ["duration_words", "failure_words", "size", "unusual_words"]
