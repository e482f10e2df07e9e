# SPDX-License-Identifier: Apache-2.0
"""The settings in force, for programs; secrets are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from debvisor_timers.operations.exchange.settings import Settings


def settings_document(found: Settings) -> dict[str, object]:
    """Return what the files of the configuration say."""
    config = found.config
    return {
        "paths": {name: str(path) for name, path in found.paths.items()},
        "jobs": found.jobs,
        "keep_generations": config.keep_generations,
        "starts_per_minute": config.starts_per_minute,
        "history": {
            "keep_seconds": config.history.keep.total_seconds(),
            "keep_runs": config.history.keep_runs,
        },
        "metrics": found.written.get("metrics", {}),
        "defaults": found.written.get("defaults", {}),
        "pools": dict(config.pools),
        "channels": found.written.get("channels", {}),
        "calendars": dict(found.days),
        "maintenance_windows": found.written.get("maintenance_windows", []),
        "handlers": {
            name: {
                "handler": known.handler,
                "path": list(known.path),
                "exec": list(known.exec_) if known.exec_ else None,
            }
            for name, known in found.tasks.items()
        },
        "problems": [problem_document(problem) for problem in found.problems],
    }
