# SPDX-License-Identifier: Apache-2.0
"""Whether the file of the index is whole; it is only read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from debvisor_timers.history.index import PATIENCE_SECONDS, VERSION, read_only


def fault_of_index(path: Path) -> str:
    """Return what is wrong with the index in `path`, in SQLite's words; empty where it is whole."""
    try:
        connection = sqlite3.connect(read_only(path), uri=True, timeout=PATIENCE_SECONDS)
        with closing(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                return f"its tables are of version {version}, not {VERSION}"
            # A tenth of the time of integrity_check: all pages, without what is in each index.
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return "" if answer == "ok" else str(answer)
    except sqlite3.Error as error:
        return str(error)
