# SPDX-License-Identifier: Apache-2.0
"""A user's own OnCalendar= value: systemd judges it, we only show it."""

from __future__ import annotations


def describe_on_calendar(spec: str) -> str:
    """Return words for `spec`, which is written for people already: itself, blanks evened out."""
    return " ".join(spec.split())
