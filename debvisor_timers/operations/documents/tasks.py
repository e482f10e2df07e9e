# SPDX-License-Identifier: Apache-2.0
"""Task types for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debvisor_timers.jobs.tasks import as_json

if TYPE_CHECKING:
    from debvisor_timers.operations.task_list import KnownType


def task_document(known: KnownType) -> dict[str, object]:
    """Return a task type for programs."""
    declared = known.declared
    return {
        "type": known.name,
        "from": str(known.origin),
        "place": known.place,
        "summary": declared.summary,
        "description": declared.description,
        "aliases": list(declared.aliases),
        "exec": list(declared.exec_) if declared.exec_ else None,
        "handler": declared.handler,
        "path": list(declared.path),
        "parameters": declared.parameters,
        "defaults": task_defaults(known),
        "packages": list(declared.packages),
        "example": declared.example,
    }


def task_defaults(known: KnownType) -> dict[str, Any]:
    """Return what jobs of the type have by default, as JSON has it."""
    return {name: as_json(value) for name, value in known.defaults.items()}
