# SPDX-License-Identifier: Apache-2.0
"""In and out: backups, imports from elsewhere, exports to elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.edits import FileEdit
    from debvisor_timers.operations.exchange.guide_json import Imported


class Exchange(Base):
    """Bring jobs in, and let them out."""

    def read_guide_json(self, paths: Sequence[Path]) -> Imported:
        """Return what JSON files of the original scheduler become; writes nothing."""
        from debvisor_timers.operations.exchange.guide_json import (
            import_originals,
            read_originals,
        )

        return import_originals(self.host, read_originals(paths))

    def write_import(self, imported: Imported, *, file: str = "") -> Sequence[FileEdit]:
        """Write the job files of an import that are not there yet; nothing is applied."""
        from debvisor_timers.operations.exchange.guide_json import write_import

        with self.attempt("import", file=file) as attempt:
            attempt.begin()
            edits = write_import(self.host, imported)
            if edits:
                attempt.jobs = [edit.path.stem for edit in edits]
                attempt.done(f"{len(edits)} job files written")
        return edits
