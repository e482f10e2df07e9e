# SPDX-License-Identifier: Apache-2.0
"""What an apply makes true: the files of a folder, or units that were kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.systemd.ports import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an apply finds what it shall make true.

    config: a folder like /etc/debvisor/timers; its YAML is applied, and kept in the generation.
    edits: files that are written, removed or changed with it: all of it or nothing.
    jobs: those that are meant. Others change only where these need it, and not where somebody has
    changed their units since the newest generation. None: all of them.
    templates: the folder of the overrides of templates; None: that of the configuration.
    units: exactly these units and links, in place of those that the YAML renders to.
    restores: the generation that it makes true again.
    held: path units that are stopped before anything else, and stay so: `edits` end a pause.
    """

    config: Path
    edits: tuple[FileEdit, ...] = ()
    jobs: frozenset[str] | None = None
    units: Mapping[str, Entry] | None = None
    restores: int | None = None
    templates: Path | None = None
    held: tuple[str, ...] = ()
