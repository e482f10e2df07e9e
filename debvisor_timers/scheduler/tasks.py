# SPDX-License-Identifier: Apache-2.0
"""Task types, and the functions that do them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.jobs.task_types import TaskType
    from debvisor_timers.operations.applying.apply import ApplyResult
    from debvisor_timers.operations.editing.handlers import TaskFunction
    from debvisor_timers.operations.runs.task_run import Wanted
    from debvisor_timers.operations.task_list import KnownType


class Tasks(Base):
    """Which handler does which type of task."""

    def task_types(self) -> Mapping[str, TaskType]:
        """Return each task type that the files of tasks.d declare."""
        from debvisor_timers.operations.editing.handlers import task_types

        return task_types(self.host)

    def known_task_types(self) -> list[KnownType]:
        """Return every task type, shipped, declared or installed, in order of the names."""
        from debvisor_timers.operations.task_list import known_types

        return known_types(self.host)

    def known_task_type(self, name: str) -> KnownType:
        """Return the task type of that name or alias."""
        from debvisor_timers.operations.task_list import known_type

        return known_type(self.host, name)

    def has_task_type(self, name: str) -> bool:
        """Return whether a type of that name is declared, or comes with the program."""
        from debvisor_timers.jobs.task_files import load_task_types

        return load_task_types(self.host.layout.tasks).get(name) is not None

    def run_task(self, wanted: Wanted) -> int:
        """Do a task now, its output being that of this process; return its exit status."""
        import subprocess

        from debvisor_timers.jobs.task_files import load_task_types
        from debvisor_timers.operations.runs.task_run import transient_task

        with self.attempt("run", file=f"task {wanted.task_type}") as attempt:
            task = transient_task(self.host, load_task_types(self.host.layout.tasks), wanted)
            attempt.begin()
            process = subprocess.Popen(task.command)
            try:
                status = process.wait()
            except BaseException:
                # systemd-run only watches: the unit would go on.
                self.host.manager.stop([task.unit])
                process.wait()
                raise
            attempt.done(f"{task.unit}: exit status {status}")
        return status

    def declare_handler(self, task_type: str, function: TaskFunction) -> ApplyResult | None:
        """Let `function` do the tasks of a type; None where it does already."""
        from debvisor_timers.operations.applying.apply import ApplyOptions
        from debvisor_timers.operations.editing.handlers import handler_of, register_handler

        handler = handler_of(function)
        with self.attempt("register", file=f"tasks.d/{task_type}.yaml") as attempt:
            options = ApplyOptions(
                on_step=attempt.on_step(lambda _step: None),
                by=lambda: str(self.caller),
                how="register",
            )
            result = register_handler(self.host, task_type, handler, options)
            if result is not None:
                attempt.done(
                    f"{task_type}: {handler.handler}",
                    changes=result.plan.jobs if result.plan else (),
                    settings=result.settings,
                    generation=result.generation,
                )
        return result
