# SPDX-License-Identifier: Apache-2.0
"""Ids of runs, for completion: from the index and from notes, in a few milliseconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from debvisor_timers.layout import Layout

_QUERY = """SELECT id, outcome FROM runs WHERE job = ? AND substr(id, 1, ?) = ?
    ORDER BY position DESC LIMIT ?"""


def newest_ids(layout: Layout, job: str, *, begin: str = "", most: int) -> Mapping[str, str]:
    """Return the ids of the newest runs of a job that begin so, with their outcomes.

    The outcome is empty where it is not known. What this user may not read is left out, and so are
    runs that the index does not have yet, but for the one under way and the newest that has ended.
    """
    found: dict[str, str] = {}
    for folder in (layout.runs, layout.last):
        run = _noted(folder / job) if job and "/" not in job else ""
        if run and run.startswith(begin):
            found[run] = ""
    try:
        address = f"{layout.index.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0.2)) as index:
            rows = dict(index.execute(_QUERY, (job, len(begin), begin, most)).fetchall())
    except sqlite3.Error:
        rows = {}
    return {run: rows.get(run, outcome) for run, outcome in {**found, **rows}.items()}


def _noted(note: Path) -> str:
    """Return the id of the run that a note is about, empty where there is none."""
    try:
        lines = note.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    values = [line.partition("=")[2] for line in lines if line.startswith("DEBVISOR_RUN_ID=")]
    return values[-1] if values else ""
