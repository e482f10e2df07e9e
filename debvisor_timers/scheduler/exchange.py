# SPDX-License-Identifier: Apache-2.0
"""In and out: backups, imports from elsewhere, exports to elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.edits import FileEdit
    from debvisor_timers.operations.exchange.backup import BackupResult
    from debvisor_timers.operations.exchange.guide_json import Imported
    from debvisor_timers.operations.exchange.kubernetes import KubernetesExport
    from debvisor_timers.operations.exchange.restore import RestorePlan, RestoreResult
    from debvisor_timers.operations.exchange.settings import Settings
    from debvisor_timers.operations.exchange.units import UnitExport


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
                by=str(self.caller),
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

    def export_units(self, output: Path, *, root: Path | None = None) -> UnitExport:
        """Write the units of the jobs of this host, or of an image below `root`, below `output`.

        In the folders in which they would be on a host; nothing else of this host is changed.
        """
        from debvisor_timers.errors import UsageError
        from debvisor_timers.operations.exchange.units import Target, export_units
        from debvisor_timers.systemd.clock import SystemClock
        from debvisor_timers.systemd.real import real_parts

        if output.resolve() == Path("/"):
            raise UsageError(
                "/ is this host", fix="name another folder; `debvisor-timers apply` changes a host"
            )
        layout, host = self.host.layout, self.host
        config = layout.config
        if root is not None:
            config = _below(root, layout.config)
            host = replace(host, clock=SystemClock(etc=root / "etc"))
        there = replace(
            layout, units=_below(output, layout.units), state=_below(output, layout.state)
        )
        if there.units.resolve() == layout.units.resolve():
            raise UsageError(
                f"{there.units} leads to {layout.units} of this host", fix="name another folder"
            )
        parts = real_parts(there)
        return export_units(host, config, Target(units=parts["units"], scripts=parts["scripts"]))

    def export_kubernetes(
        self, jobs: Sequence[str] = (), *, image: str, namespace: str = ""
    ) -> KubernetesExport:
        """Return jobs as CronJobs of Kubernetes, and why others cannot be; writes nothing."""
        from debvisor_timers.operations.exchange.kubernetes import export_kubernetes

        return export_kubernetes(self.host, jobs, image=image, namespace=namespace)

    def settings(self) -> Settings:
        """Return the settings in force, as the files have them."""
        from debvisor_timers.operations.exchange.settings import settings

        return settings(self.host)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")
