# SPDX-License-Identifier: Apache-2.0
"""How what is on disk differs from what it should be, and why: by hand, by YAML, by the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from debvisor_timers import __version__
from debvisor_timers.operations.applying.plan import Change, EntryChange, JobPlan, Plan
from debvisor_timers.operations.applying.renew import is_of_a_zone
from debvisor_timers.operations.applying.surroundings import Surroundings
from debvisor_timers.operations.safety.as_applied import AsApplied
from debvisor_timers.operations.safety.finding import FindingKind, StatusFinding, finding
from debvisor_timers.render.names import job_of
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry

_MASKS = (LinkEntry("/dev/null"), FileEntry(""))
"""What systemd takes for a mask; source: systemd.unit(5)."""
_MOST_NAMES = 5


@dataclass(slots=True, kw_only=True)
class Drift:
    """Finds out why what is on disk is not what an apply would leave.

    plan: what an apply would do. surroundings: what the last one found, None where nobody knows.
    folder: that of the units. upgraded: jobs whose units another version would write otherwise;
    filled by `of_jobs`.
    """

    plan: Plan
    applied: AsApplied
    surroundings: Surroundings | None
    folder: Path
    upgraded: list[str] = field(default_factory=list)

    def of_jobs(self) -> Iterator[StatusFinding]:
        """Yield a finding for each job, and each reason that it has."""
        for name in self.plan.foreign:
            if name.rpartition("/")[2] in self.plan.foreign and "/" in name:
                continue  # a link to what is in the way itself
            yield _in_the_way(self.folder, name, self.plan.entries[name])
        for job in self.plan.jobs:
            yield from self._of_job(job)
        if self.upgraded:
            yield _upgraded(self.upgraded, self.surroundings)

    def _of_job(self, job: JobPlan) -> Iterator[StatusFinding]:
        names = [change.name for change in job.entries if change.name not in self.plan.foreign]
        by_hand = done_by_hand(names, self.applied, self.plan.entries)
        if job.edited:
            message = f"edited by hand: {', '.join(job.edited)}"
            command = "apply --overwrite-edits"
            yield finding(FindingKind.EDITED, job.job_id, message, command)
        for kind, found in by_hand.items():
            yield finding(kind, job.job_id, hand_words(kind, found), "apply")
        explained = {
            *job.edited,
            *self.plan.foreign,
            *(each for some in by_hand.values() for each in some),
        }
        rest = tuple(change for change in job.entries if change.name not in explained)
        if rest:
            yield from self._unexplained(job, rest)

    def _unexplained(self, job: JobPlan, rest: Sequence[EntryChange]) -> Iterator[StatusFinding]:
        """Yield why entries differ that nobody has touched: the host's doing, or the YAML's."""
        outdated = {change.name: change for change in self.applied.outdated(job.job_id)}
        of_host = [change for change in rest if change.name in outdated]
        of_yaml = [change for change in rest if change.name not in outdated]
        if of_host and all(is_of_a_zone(outdated[change.name]) for change in of_host):
            yield by_clock(job.job_id, [outdated[change.name] for change in of_host])
        elif of_host and self._is_upgraded:
            self.upgraded.append(job.job_id)
        elif of_host:
            of_yaml = list(rest)
        if of_yaml:
            yield self._pending(job, of_yaml)

    @property
    def _is_upgraded(self) -> bool:
        return self.surroundings is not None and self.surroundings.package != __version__

    def _pending(self, job: JobPlan, changes: Iterable[EntryChange]) -> StatusFinding:
        names = ", ".join(change.name for change in changes)
        message = f"apply would {job.change} it ({names})"
        if keys := self._keys(job):
            message = f"{message}; changed in the YAML: {', '.join(keys)}"
        command = _removing(self.plan) if job.change is Change.REMOVE else "apply"
        return finding(FindingKind.PENDING, job.job_id, message, command)

    def _keys(self, job: JobPlan) -> list[str]:
        """Return the keys of the job that say something else than when it was applied."""
        before, after = self.applied.job(job.job_id), self.plan.definitions.jobs.get(job.job_id)
        if before is None or after is None:
            return []
        names = type(after).model_fields.keys() - {"id", "source"}
        changed = [name for name in names if getattr(before, name) != getattr(after, name)]
        return sorted(name.rstrip("_") for name in changed)


def done_by_hand(
    names: Iterable[str], applied: AsApplied, on_disk: Mapping[str, Entry]
) -> dict[FindingKind, list[str]]:
    """Return those of `names` that somebody has removed or enabled since the last apply, by kind.

    A link that goes with its unit is told with it.
    """
    found: dict[FindingKind, list[str]] = {}
    for name in names:
        was, now = applied.units.get(name), on_disk.get(name)
        if was is not None and now is None:
            is_link = isinstance(was, LinkEntry) and name.rpartition("/")[2] in on_disk
            kind = FindingKind.DISABLED if is_link else FindingKind.DELETED
        elif was is None and isinstance(now, LinkEntry) and applied.units:
            kind = FindingKind.ENABLED
        else:
            continue
        found.setdefault(kind, []).append(name)
    return found


def hand_words(kind: FindingKind, names: Sequence[str]) -> str:
    """Return what somebody has done to the files `names`."""
    verb = {
        FindingKind.DELETED: "deleted by hand",
        FindingKind.DISABLED: "disabled by hand, its link is gone",
        FindingKind.ENABLED: "enabled by hand",
    }
    return f"{verb[kind]}: {', '.join(names)}"


def without_yaml(
    applied: AsApplied, on_disk: Mapping[str, Entry], folder: Path
) -> Iterator[StatusFinding]:
    """Yield what was done by hand, while the YAML has errors, and nobody knows what it asks for."""
    command = "check && debvisor-timers apply"
    for job_id, before in sorted(applied.by_job.items()):
        masked = [name for name in before if is_mask(on_disk.get(name))]
        for name in masked:
            yield _in_the_way(folder, name, on_disk[name])
        names = [name for name in before if name not in masked]
        for kind, found in done_by_hand(sorted(names), applied, on_disk).items():
            yield finding(kind, job_id, hand_words(kind, found), command)


def by_clock(job_id: str, outdated: Iterable[EntryChange]) -> StatusFinding:
    """Return what to say of a job whose lines follow from another zone, or an older law of it."""
    for change in outdated:
        before, after = _law(change.before), _law(change.after)
        if before and after and before != after and before.split(", ")[0] == after.split(", ")[0]:
            message = f"its timer is for the clock changes of {before}, which is no longer so"
            return finding(FindingKind.CLOCK, job_id, message, "renew")
    message = "its units are for another zone of the host, or for other clock changes"
    return finding(FindingKind.ZONE, job_id, message, "renew")


def is_mask(entry: Entry | None) -> bool:
    """Return True for what systemd takes for a mask."""
    return entry in _MASKS


def _in_the_way(folder: Path, name: str, entry: Entry) -> StatusFinding:
    path = quote(str(folder / name))
    if is_mask(entry):
        free = f"systemctl unmask {name}" if isinstance(entry, LinkEntry) else f"rm {path}"
        return StatusFinding(
            kind=FindingKind.MASKED,
            subject=job_of(name) or name,
            message=f"masked by hand: {name} can neither be started nor written",
            fix=f"{free} && debvisor-timers apply",
        )
    return StatusFinding(
        kind=FindingKind.FOREIGN,
        subject=name,
        message="is in the way, not written by debvisor-timers",
        fix=f"mv {path} {quote(str(folder / name) + '.away')} && debvisor-timers apply",
    )


def _upgraded(jobs: Sequence[str], surroundings: Surroundings | None) -> StatusFinding:
    before = surroundings.package if surroundings else "another version"
    names, left = ", ".join(jobs[:_MOST_NAMES]), len(jobs) - _MOST_NAMES
    message = (
        f"the units of {before} are not those of {__version__}: apply would write anew those of"
        f" {names}{f' and {left} more' if left > 0 else ''}"
    )
    return finding(FindingKind.UPGRADED, "debvisor-timers", message, "apply")


def _removing(plan: Plan) -> str:
    return "apply --yes" if plan.definitions.jobs else "apply --yes --allow-empty"


def _law(entry: Entry | None) -> str:
    text = entry.text if isinstance(entry, FileEntry) else ""
    return "".join(UnitFile.parse(text).get("Unit", "X-ClockChanges")).replace("%%", "%")
