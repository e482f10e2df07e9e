# SPDX-License-Identifier: Apache-2.0
"""config restore: a backup is brought back, files and units in one apply."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.errors import NotFoundError, PermissionRefusedError, RefusedError
from debvisor_timers.operations import durable
from debvisor_timers.operations.access.tokens import guard
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult, apply_source
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.plan import Plan, make_plan
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.applying.timers import Unarmed
from debvisor_timers.operations.exchange.backup import origin_of
from debvisor_timers.operations.exchange.backup_file import Backup, damaged, decode, is_backup
from debvisor_timers.operations.exchange.carried import CONFIG, place_of, read_carried
from debvisor_timers.operations.exchange.guide_json import (
    import_originals,
    json_of,
    originals_of,
)
from debvisor_timers.operations.exchange.index_copy import Staged, staged
from debvisor_timers.operations.holding.arming import miss_elapses, paths_to_hold
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job

_PREFIX = ".restore-"
_STATE = "state/"
_READABLE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What a restore would change.

    edits: files of the configuration and of the state. plan: units. notes: what differs here from
    the host of the backup. has_history: the index of runs is replaced too.
    """

    edits: tuple[FileEdit, ...]
    plan: Plan
    notes: tuple[str, ...]
    has_history: bool

    @property
    def is_empty(self) -> bool:
        """Return True when all is as the backup has it."""
        return not self.edits and self.plan.is_empty and not self.has_history


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """What a restore did; applied: None where it was not wanted, or nothing was to be done.

    unarmed: path units that were not started, since they would start their job at once.
    history: where the index of before is now.
    """

    planned: RestorePlan
    applied: ApplyResult | None = None
    unarmed: tuple[Unarmed, ...] = ()
    history: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """How to restore.

    agree: is shown what would change; False ends it. on_step: told each step before it is taken.
    by: who asks, in the words of the audit.
    """

    host_name: str
    with_history: bool
    agree: Callable[[RestorePlan], bool]
    on_step: Callable[[str], None] = lambda _step: None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a file asks for: every file that is carried, as it is to be."""

    files: Mapping[str, bytes]
    history: bytes | None = None
    notes: tuple[str, ...] = ()


def restore(host: Host, file: Path, options: RestoreOptions) -> RestoreResult:
    """Bring this host back to what the backup `file` says; all of it or nothing.

    A backup of the original scheduler adds and replaces its jobs, and leaves the others.
    Raises RefusedError for a file that is damaged, foreign or of a newer version, DefinitionError
    for jobs that are wrong on this host, and the errors of an apply.
    """
    now = read_carried(host.layout)
    wanted = _wanted(host, file, now, options)
    edits = tuple(_edits(host, now, wanted.files))
    with ExitStack() as stack:
        folder = stack.enter_context(_laid_out(host, wanted.files))
        history = _staged_history(host, wanted, stack, file)
        source = Source(config=folder, edits=edits, templates=folder / "templates")
        planned = RestorePlan(
            edits=edits,
            plan=make_plan(host, source),
            notes=wanted.notes,
            has_history=history is not None,
        )
        if planned.is_empty or not options.agree(planned):
            return RestoreResult(planned=planned)
        applied, held = _apply(host, source, options)
        return RestoreResult(
            planned=planned,
            applied=applied,
            unarmed=(*applied.unarmed, *held),
            history=history.put() if history else None,
        )


def _apply(
    host: Host, source: Source, options: RestoreOptions
) -> tuple[ApplyResult, tuple[Unarmed, ...]]:
    """Apply; no job starts by the end of its pause, and the path units that would do so are told.

    What failed leaves them as they were.
    """
    _make_folders(host, source.edits)
    allowed = ApplyOptions(
        confirm_removal=lambda _plan: True,
        allow_empty=True,
        on_step=options.on_step,
        by=lambda: options.by,
        how="restore",
    )
    resumed = _resumed(host, source.edits)
    held = paths_to_hold(host, resumed)
    miss_elapses(host, resumed)
    source = replace(source, held=tuple(one.unit for one in held))
    applied = apply_source(host, source, allowed)
    _let_be_read(host, source.edits)
    return applied, held


def _resumed(host: Host, edits: Sequence[FileEdit]) -> set[str]:
    """Return the jobs that nothing holds back any more."""
    gone = [edit.path for edit in edits if edit.after is None]
    if host.layout.maintenance in gone:
        return set(owned_by_job(host.units.read()))
    return {path.name for path in gone if path.parent == host.layout.paused}


def _wanted(host: Host, file: Path, now: Mapping[str, bytes], options: RestoreOptions) -> _Wanted:
    document = _read(file)
    if not is_backup(document):
        return _of_original(host, file, document, now)
    backup = decode(file, document)
    for name in backup.files:
        if place_of(host.layout, name) is None:
            raise RefusedError(
                f"{file} has a file that belongs nowhere: {name!r}",
                fix="it was not written by this program, or by a newer one: take another backup",
            )
    if options.with_history and backup.history is None:
        raise RefusedError(
            f"{file} has no history: there was none, or nobody asked for it",
            fix="restore without --with-history",
        )
    return _Wanted(
        files=backup.files,
        history=backup.history if options.with_history else None,
        notes=tuple(_differences(host, backup, options)),
    )


def _read(file: Path) -> object:
    try:
        data = file.read_bytes()
    except PermissionError as error:
        raise PermissionRefusedError(
            f"{file} cannot be read: permission denied", fix="run the command with sudo"
        ) from error
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"there is no file {file}", fix="check the name") from error
    except OSError as error:
        raise durable.cannot("read", file, error) from error
    try:
        return json_of(data)
    except (ValueError, RecursionError) as error:
        if data.lstrip()[:1] in {b"{", b"["}:
            raise damaged(file, "it is no JSON, or is cut off") from error
        raise _foreign(file) from error


def _foreign(file: Path) -> RefusedError:
    return RefusedError(
        f"{file} is no backup, neither of debvisor-timers nor of the original scheduler",
        fix="name a file that `config backup` has written",
    )


def _of_original(host: Host, file: Path, document: object, now: Mapping[str, bytes]) -> _Wanted:
    """Return the files of this host with the jobs of a backup of the original among them."""
    if not (isinstance(document, dict) and "jobs" in document):
        raise _foreign(file)
    imported = import_originals(host, originals_of(file, document))
    jobs = {
        f"{CONFIG}jobs.d/{edit.path.name}": edit.after
        for edit in imported.edits(replace_others=True)
        if edit.after is not None
    }
    return _Wanted(
        files={**now, **jobs},
        notes=("this is a backup of the original: other jobs stay", *imported.notes),
    )


def _differences(host: Host, backup: Backup, options: RestoreOptions) -> Iterator[str]:
    """Yield what is not the same on this host and on that of the backup."""
    then, here = backup.origin, origin_of(host, options.host_name)
    if then.host != here.host:
        yield f"the backup is of the host {then.host}, this is {here.host}: look at keys `where`"
    if then.zone != here.zone:
        yield (
            f"the zone was {then.zone} and is {here.zone} here: schedules that name none follow it"
        )
    if then.systemd > here.systemd:
        yield f"systemd was {then.systemd} and is {here.systemd} here"
    if then.program != here.program:
        yield f"debvisor-timers was {then.program} and is {here.program} here"
    if f"{_STATE}maintenance.json" in backup.files:
        yield "the backup was taken during maintenance, which begins again here"
    if backup.history is not None and not options.with_history:
        yield "the history in the backup is left: --with-history restores it too"


def _edits(host: Host, now: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> Iterator[FileEdit]:
    for name in sorted(now.keys() | wanted.keys()):
        path = place_of(host.layout, name)
        before, after = now.get(name), wanted.get(name)
        if path is not None and before != after:
            _refuse_to_leave(host, path)
            yield FileEdit(path=path, before=before, after=after)


def _refuse_to_leave(host: Host, path: Path) -> None:
    """Raise RefusedError where a link would lead a change out of our folders."""
    homes = [folder.resolve() for folder in (host.layout.config, host.layout.state)]
    target = path.resolve()
    if not any(target.is_relative_to(home) for home in homes):
        raise RefusedError(
            f"{path} leads to {target}, which is none of our files",
            fix="put a file in the place of the link, or restore that one yourself",
        )


@contextmanager
def _laid_out(host: Host, files: Mapping[str, bytes]) -> Iterator[Path]:
    """Give the block a folder like the configuration, as it is to be; root's alone."""
    folder = _make_folder(host.layout.state)
    try:
        try:
            for name in ("jobs.d", "tasks.d", "templates"):
                (folder / name).mkdir()
            for name, data in files.items():
                if name.startswith(CONFIG):
                    (folder / name.removeprefix(CONFIG)).write_bytes(data)
        except OSError as error:
            raise durable.cannot("write", folder, error) from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_folder(state: Path) -> Path:
    """Return a new folder; those of processes that were killed go."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        for left in state.glob(f"{_PREFIX}*"):
            process = left.name.removeprefix(_PREFIX).split("-")[0]
            if not Path("/proc", process).exists():
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=state))
    except OSError as error:
        raise durable.cannot("write", state, error) from error


def _staged_history(host: Host, wanted: _Wanted, stack: ExitStack, file: Path) -> Staged | None:
    if wanted.history is None:
        return None
    return stack.enter_context(staged(host, wanted.history, source=file))


def _make_folders(host: Host, edits: Sequence[FileEdit]) -> None:
    """Make folders of the state as others make them: readable."""
    for edit in edits:
        if edit.path.is_relative_to(host.layout.state):
            edit.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)


def _let_be_read(host: Host, edits: Sequence[FileEdit]) -> None:
    """Give what is restored of the state the rights that it has elsewhere."""
    for edit in edits:
        if edit.path.is_relative_to(host.layout.state) and edit.after is not None:
            if edit.path == host.layout.tokens:
                guard(host.layout)
            else:
                edit.path.chmod(_READABLE)
