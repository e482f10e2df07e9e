# SPDX-License-Identifier: Apache-2.0
"""From cron and from hand-written timers to jobs, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.crontab.disabling import Disabled
    from debvisor_timers.operations.crontab.exporting import Exported
    from debvisor_timers.operations.crontab.importing import Imported, ImportWish
    from debvisor_timers.operations.crontab.places import CronPlaces
    from debvisor_timers.operations.crontab.timers import ImportedTimer


class Crontabs(Base):
    """Job files made of what runs already, and crontabs made of jobs."""

    def import_crontab(self, wish: ImportWish, places: CronPlaces | None = None) -> Imported:
        """Return the job files that crontabs become; nothing is written."""
        from debvisor_timers.operations.crontab.disabling import was_taken
        from debvisor_timers.operations.crontab.importing import import_crontab
        from debvisor_timers.operations.crontab.places import CronPlaces

        taken = partial(was_taken, self.host)
        return import_crontab(self.host, wish, places or CronPlaces(), taken)

    def write_imported(self, imported: Imported) -> None:
        """Write the job files of an import that are new or changed; `apply` applies them."""
        from debvisor_timers.operations.crontab.importing import FileState, write_files

        to_write = [
            file.target.name
            for file in imported.files
            if file.state in {FileState.NEW, FileState.CHANGED}
        ]
        if not to_write:
            return
        some = _some(to_write)
        with self.attempt("import", file=some) as attempt:
            attempt.begin()
            write_files(self.host, imported)
            attempt.done(f"{some} written")

    def disable_original(
        self, imported: Imported, places: CronPlaces | None = None
    ) -> Sequence[Disabled]:
        """Let cron no longer run what jobs run; refused unless these are applied."""
        from debvisor_timers.operations.crontab.disabling import check_applied, disable
        from debvisor_timers.operations.crontab.places import CronPlaces

        with self.attempt("import") as attempt:
            check_applied(self.host, imported)
            attempt.begin()
            disabled = disable(self.host, imported, places or CronPlaces())
            if disabled:
                paths = _some([str(each.path) for each in disabled])
                attempt.done(f"cron no longer runs what was imported from {paths}")
        return disabled

    def import_timer(self, unit: str) -> ImportedTimer:
        """Return the job file that a timer and its service become; nothing is written."""
        from debvisor_timers.operations.crontab.timers import import_timer

        return import_timer(self.host, unit)

    def export_crontab(self, jobs: Sequence[str] = ()) -> Exported:
        """Return `jobs`, or all of them, as lines of a system crontab."""
        from debvisor_timers.operations.crontab.exporting import export_crontab

        return export_crontab(self.host, jobs)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
