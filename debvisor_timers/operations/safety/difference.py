# SPDX-License-Identifier: Apache-2.0
"""diff: what differs between two generations, or between one and what is there now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from debvisor_timers.errors import NotFoundError
from debvisor_timers.jobs.redact_yaml import redact_yaml
from debvisor_timers.operations.applying.plan import Change, JobPlan, entry_changes
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.auditing.deeds import redacted_diff
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.safety.yaml_files import present_files
from debvisor_timers.systemd.ports import Entry

_CONTEXT = 3
_HIDDEN = "(it differs in what is left out here)"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDifference:
    """What differs in the units of a job. names: of the files and links. diff: without secrets."""

    job_id: str
    change: Change
    names: tuple[str, ...]
    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """What differs in a file of the administrator. name: its path below the configuration."""

    name: str
    change: Change
    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """All that differs from `before` to `after`: generations; None: what is on disk now."""

    before: int
    after: int | None
    units: tuple[UnitDifference, ...]
    files: tuple[FileDifference, ...]

    @property
    def is_empty(self) -> bool:
        """Return True when nothing differs."""
        return not self.units and not self.files


def differences(host: Host, before: int | None = None, after: int | None = None) -> Differences:
    """Return what differs from one generation to another, in units and in the YAML.

    Without any: from the newest to what is on disk now. With one: from that to the newest.
    Raises NotFoundError for one that is not kept, PermissionRefusedError without root.
    """
    kept = generations(host)
    newest = kept.latest()
    if not newest:
        raise NotFoundError("nothing was ever applied here", fix="debvisor-timers apply")
    if before is not None and after is None:
        after = newest
    before = newest if before is None else before
    kept.require(before)
    units_after = host.units.read() if after is None else kept.units(after)
    files_after = present_files(host) if after is None else kept.files(after)
    return Differences(
        before=before,
        after=after,
        units=tuple(_units(kept.units(before), units_after)),
        files=tuple(_files(kept.files(before), files_after)),
    )


def _units(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[UnitDifference]:
    old, new = owned_by_job(before), owned_by_job(after)
    for job_id in sorted(old.keys() | new.keys()):
        entries = tuple(entry_changes(old.get(job_id, {}), new.get(job_id, {})))
        if entries:
            change = _change(is_there=job_id in new, was_there=job_id in old)
            plan = JobPlan(job_id=job_id, change=change, entries=entries)
            yield UnitDifference(
                job_id=job_id,
                change=change,
                names=tuple(entry.name for entry in entries),
                diff=tuple(redacted_diff(plan)),
            )


def _files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[FileDifference]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            change = _change(is_there=new is not None, was_there=old is not None)
            yield FileDifference(name=name, change=change, diff=tuple(_file_diff(name, old, new)))


def _change(*, is_there: bool, was_there: bool) -> Change:
    if not is_there:
        return Change.REMOVE
    return Change.UPDATE if was_there else Change.CREATE


def _file_diff(name: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    """Yield a unified diff of the text, showing of each line what may be seen."""
    old, new = _text(before), _text(after)
    shown_old, shown_new = redact_yaml(old), redact_yaml(new)
    yield f"--- {'/dev/null' if before is None else name}"
    yield f"+++ {'/dev/null' if after is None else name}"
    if shown_old == shown_new:
        yield _HIDDEN
        return
    matcher = SequenceMatcher(None, old.splitlines(), new.splitlines())
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from _marked(" ", shown_old[i1:i2])
            else:
                yield from _marked("-", shown_old[i1:i2])
                yield from _marked("+", shown_new[j1:j2])


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield mark + "".join(c if c.isprintable() or c == "\t" else "?" for c in line)


def _range(start: int, stop: int) -> str:
    """Return a range of lines as diff(1) writes it; source: POSIX, diff -u."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")
