# SPDX-License-Identifier: Apache-2.0
"""A job that has another id now keeps what it was: its runs, its last result, its pause."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.last import read_last
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import synchronize
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.render.names import service_unit


def carried_marks(host: Host, plan: Plan) -> Iterator[FileEdit]:
    """Yield the files that hold jobs back under the ids that the plan gives them.

    They stand before a timer of such an id starts, also where the apply is cut off.
    """
    known = Renamings.read(host.layout)
    renames = _renames(plan.definitions)
    if plan.deed.restores is not None:
        renames |= _taken_back(known, plan.created, plan.removed)
    for each in known.with_new(renames, host.clock.now()).several[len(known.several) :]:
        for folder in _marks(host):
            old, new = folder / each.old, folder / each.new
            if old.exists() and not new.exists():
                yield FileEdit(path=new, before=None, after=old.read_bytes(), mode=0o644)


def keep_histories(host: Host, definitions: Definitions) -> None:
    """Let jobs have what they had by the ids in their `was`; done before, it is not done again.

    Every step may be taken again. Raises SystemdError.
    """
    renames = _renames(definitions)
    if renames:
        _rename(host, Renamings.read(host.layout), renames)


def give_back_histories(host: Host, created: Collection[str], removed: Collection[str]) -> None:
    """Let jobs that a rollback brings back have what those had that were they under another id.

    created, removed: the ids of its jobs. Every step may be taken again. Raises SystemdError.
    """
    known = Renamings.read(host.layout)
    renames = _taken_back(known, created, removed)
    if renames:
        _rename(host, known, renames)


def _renames(definitions: Definitions) -> dict[str, str]:
    return {old: job.id for job in definitions.jobs.values() for old in job.was}


def _taken_back(
    known: Renamings, created: Collection[str], removed: Collection[str]
) -> dict[str, str]:
    return {
        each.new: each.old for each in known.several if each.old in created and each.new in removed
    }


def _marks(host: Host) -> tuple[Path, ...]:
    return host.layout.paused, host.layout.skip_next


def _rename(host: Host, known: Renamings, renames: Mapping[str, str]) -> None:
    renamings = known.with_new(renames, host.clock.now())
    new = renamings.several[len(known.several) :]
    if not new:
        return
    for each in new:
        _move_notes(host, each.old, each.new)
    renamings.write(host.layout)
    # Where that fails, the next reader who may write it renames them.
    synchronize(host)


def carry_over(host: Host) -> None:
    """Let a job have the result that a run under its old id has left after it was renamed.

    The run was under way when the new id was applied. Raises SystemdError.
    """
    for each in Renamings.read(host.layout).several:
        folder = host.layout.last
        left, known = read_last(folder, each.old), read_last(folder, each.new)
        if left is None or host.units.entry(service_unit(each.old)) is not None:
            continue  # there is none, or a job has that id again
        if known is None or known.end < left.end:
            _move(folder / each.old, folder / each.new)


def _move_notes(host: Host, old: str, new: str) -> None:
    for folder in host.layout.last, host.layout.notified, *_marks(host):
        if not (folder / old).exists():
            continue
        if not (folder / new).exists():
            _move(folder / old, folder / new)
        elif folder in _marks(host):
            (folder / old).unlink()  # the apply has carried it over


def _move(old: Path, new: Path) -> None:
    try:
        old.rename(new)
    except OSError as error:
        raise SystemdError(f"cannot rename {old}: {error.strerror}") from error
