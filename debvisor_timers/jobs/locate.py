# SPDX-License-Identifier: Apache-2.0
"""A complaint about a value becomes a problem with its place in a file."""

from __future__ import annotations

from dataclasses import replace

from debvisor_timers.jobs.document import Document
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Problem


def locate(document: Document, base: tuple[str, ...], complaint: Complaint) -> Problem:
    """Return the problem of a complaint about the values at `base` in `document`."""
    path = (*base, *complaint.path)
    if complaint.path == ("id",) and not complaint.on_key:
        path, complaint = base, replace(complaint, path=(), on_key=True)
    span = document.span(
        path, on_key=complaint.on_key, start=complaint.start, length=complaint.length
    )
    named = complaint.path[:-1] if complaint.about_parent else complaint.path
    depth = document.depth(path) - len(base)
    key = ".".join(_shown(step) for step in named[: max(depth, 0)] if isinstance(step, str))
    return document.problem(complaint.message, span, key=key, fix=complaint.fix)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]
