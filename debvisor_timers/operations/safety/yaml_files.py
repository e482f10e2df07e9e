# SPDX-License-Identifier: Apache-2.0
"""The administrator's files as a generation has them, and as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.jobs.files import list_job_files
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlChange:
    """A file of the administrator, as it is now and as it is to be; None: there is none.

    name: its path below the configuration.
    """

    name: str
    before: bytes | None
    after: bytes | None

    def edit(self, config: Path) -> FileEdit:
        """Return the change as a step of an apply."""
        return FileEdit(path=config / self.name, before=self.before, after=self.after)


def present_files(host: Host) -> dict[str, bytes]:
    """Return the files of the configuration that an apply reads, by their path in it."""
    config = host.layout.config
    folders = [host.layout.jobs, host.layout.tasks]
    read = (path for folder in folders for path in list_job_files(folder)[0])
    kept = generations(host)
    newest = kept.latest()
    known = (config / name for name in kept.files(newest)) if newest else ()
    found: dict[str, bytes] = {}
    for path in dict.fromkeys((config / CONFIG_NAME, *read, *known)):
        try:
            found[str(path.relative_to(config))] = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise durable.cannot("read", path, error) from error
    return found


def yaml_changes(host: Host, number: int) -> tuple[YamlChange, ...]:
    """Return which files have to change to be as generation `number` has them; 0: none was."""
    after: Mapping[str, bytes] = generations(host).files(number) if number else {}
    before = present_files(host)
    return tuple(
        YamlChange(name=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def pending_files(host: Host, changes: Iterable[YamlChange]) -> tuple[YamlChange, ...]:
    """Return those of `changes` that would lose what was never applied: no generation has it."""
    return tuple(
        change
        for change in changes
        if change.before is not None and not _is_kept(host, change.name, change.before)
    )


def _is_kept(host: Host, name: str, data: bytes) -> bool:
    kept = generations(host)
    for number in reversed(kept.numbers()):
        path = kept.folder / str(number) / name
        try:
            if path.read_bytes() == data:
                return True
        except FileNotFoundError:
            continue
        except OSError as error:
            raise durable.cannot("read", path, error) from error
    return False


def keep_replaced(host: Host, changes: Iterable[YamlChange]) -> Path:
    """Put copies of what is in the files now into a folder of their own; return that."""
    folder = host.layout.replaced / f"{host.clock.now():%Y%m%dT%H%M%SZ}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise durable.cannot("write", folder, error) from error
    for change in changes:
        if change.before is not None:
            durable.write_bytes(folder / change.name, change.before)
    return folder
