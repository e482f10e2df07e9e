# SPDX-License-Identifier: Apache-2.0
"""In and out: backups, imports from elsewhere, exports to elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.edits import FileEdit
    from debvisor_timers.operations.exchange.backup import BackupResult
    from debvisor_timers.operations.exchange.guide_json import Imported
    from debvisor_timers.operations.exchange.restore import RestorePlan, RestoreResult


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

    def backup(self, output: Path, *, with_history: bool = False) -> BackupResult:
        """Write all that this host has been told into one file, which is root's alone."""
        from debvisor_timers.operations.exchange.backup import backup

        name = os.uname().nodename
        return backup(self.host, output, host_name=name, with_history=with_history)

    def restore(
        self,
        file: Path,
        *,
        agree: Callable[[RestorePlan], bool],
        with_history: bool = False,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> RestoreResult:
        """Bring back what a backup has; `agree` is shown what would change, and may say no."""
        from debvisor_timers.operations.exchange.restore import RestoreOptions, restore

        with self.attempt("restore", file=str(file)) as attempt:
            options = RestoreOptions(
                host_name=os.uname().nodename,
                with_history=with_history,
                agree=agree,
                on_step=attempt.on_step(on_step),
            )
            result = restore(self.host, file, options)
            if result.applied is not None:
                plan = result.planned.plan
                files = f"{len(result.planned.edits)} files restored"
                history = " with the history" if result.planned.has_history else ""
                attempt.done(
                    f"{files}{history}",
                    changes=plan.jobs,
                    settings=result.applied.settings,
                    generation=result.applied.generation,
                )
        return result
