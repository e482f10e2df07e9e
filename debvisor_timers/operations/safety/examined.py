# SPDX-License-Identifier: Apache-2.0
"""What one check of `doctor` has found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from debvisor_timers.operations.host import Host


class Verdict(StrEnum):
    """How it is; UNKNOWN: the caller may not look, or there is nothing to look at yet."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One thing that was looked at, in words, and the command that mends it, if it needs to be."""

    verdict: Verdict
    message: str
    fix: str = ""


Look = Callable[[Host], Iterator[Examined]]
"""A check: yields what is amiss, or one thing that is well."""


def ok(message: str) -> Examined:
    """Return that all is well."""
    return Examined(verdict=Verdict.OK, message=message)


def unknown(message: str, fix: str = "") -> Examined:
    """Return that nobody knows."""
    return Examined(verdict=Verdict.UNKNOWN, message=message, fix=fix)


def warning(message: str, fix: str) -> Examined:
    """Return what will hurt some day."""
    return Examined(verdict=Verdict.WARNING, message=message, fix=fix)


def problem(message: str, fix: str) -> Examined:
    """Return what hurts now."""
    return Examined(verdict=Verdict.PROBLEM, message=message, fix=fix)
