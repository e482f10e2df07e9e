# SPDX-License-Identifier: Apache-2.0
"""import timer: a timer that somebody wrote by hand, and its service, as a job file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debvisor_timers.errors import NotFoundError, RefusedError, UsageError
from debvisor_timers.jobs.crontab import naming, write
from debvisor_timers.jobs.crontab.write import Node
from debvisor_timers.jobs.load import load_definitions, load_files
from debvisor_timers.operations.crontab import directives
from debvisor_timers.operations.crontab.directives import Values
from debvisor_timers.operations.host import Host
from debvisor_timers.render.unitfile import UnitFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTimer:
    """The job file of a timer; left: each directive that is not in it, and why."""

    job_id: str
    text: str
    files: tuple[Path, ...]
    left: tuple[str, ...]


@dataclass(slots=True)
class _Read:
    """What two units say: values by section and directive, in order; and their files."""

    values: Values = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def import_timer(host: Host, name: str) -> ImportedTimer:
    """Return the job that the timer `name` and its service are; nothing is changed.

    Raises NotFoundError without such a timer, RefusedError for one of ours.
    """
    timer_name = name if name.endswith(".timer") else f"{name.removesuffix('.service')}.timer"
    if "/" in timer_name:
        raise UsageError(f"{name!r} is no name of a unit", fix="name a timer: backup.timer")
    timer = _read(host, timer_name)
    if not timer.files:
        raise NotFoundError(f"there is no timer {timer_name}", fix="systemctl list-timers --all")
    if "Timer" not in timer.values:
        raise RefusedError(
            f"{timer_name} is masked or empty: it says no time", fix=f"systemctl cat {timer_name}"
        )
    if "X-Debvisor" in timer.values:
        raise RefusedError(
            f"{timer_name} is a unit of debvisor-timers", fix="its job stands in a job file"
        )
    units = timer.values.get("Timer", {}).get("Unit") or [""]
    service_name = units[-1] or f"{timer_name.removesuffix('.timer')}.service"
    service = _read(host, service_name)
    if not service.files:
        raise NotFoundError(
            f"{timer_name} starts {service_name}, and there is no such unit",
            fix="write the service first",
        )
    keys, left = directives.keys_of(timer.values, service.values)
    job_id = naming.job_ids(timer_name.removesuffix(".timer"), [("", timer_name)], _ids(host))[0]
    files = (*timer.files, *service.files)
    text = _text(timer_name, files, job_id, keys)
    return ImportedTimer(job_id=job_id, text=text, files=files, left=(*left, *_faults(host, text)))


def _read(host: Host, name: str) -> _Read:
    found = _Read()
    for path, text in host.manager.sources(name):
        found.files.append(path)
        unit = UnitFile.parse(text)
        for section in unit.sections():
            values = found.values.setdefault(section, {})
            for key, value in unit.items(section):
                if value == "":
                    values[key] = []
                else:
                    values.setdefault(key, []).append(value)
    return found


def _ids(host: Host) -> set[str]:
    return set(load_definitions(host.layout.config).jobs)


def _text(name: str, files: Sequence[Path], job_id: str, keys: Mapping[str, Node]) -> str:
    title = [
        f"Imported from {name} by: debvisor-timers import timer",
        *(f"  {path}" for path in files),
        "Once it is applied, let the old timer go:",
        f"  systemctl disable --now {name}",
    ]
    return write.job_file(title, [((), job_id, keys)])


def _faults(host: Host, text: str) -> list[str]:
    """Return what a job cannot have, in the words of our own loader."""
    with tempfile.TemporaryDirectory(prefix="debvisor-import-") as folder:
        file = Path(folder) / "import.yaml"
        file.write_text(text, encoding="utf-8")
        found = load_files([file], config=host.layout.config)
    return [
        f"{problem.key}: {problem.message}; fix: {problem.fix}"
        for problem in found.problems
        if problem.is_error and problem.span.file == file
    ]
