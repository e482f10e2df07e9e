# SPDX-License-Identifier: Apache-2.0
"""The task zfs_snapshot: snapshots of datasets, and the removal of those that are outdated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from debvisor_timers.tasks.base import TaskFailed, job_id, run_id, run_time
from debvisor_timers.tasks.outcomes import for_each
from debvisor_timers.tasks.progress import report_progress
from debvisor_timers.tasks.snapshots import Retention, name_of, outdated
from debvisor_timers.tasks.zfs import Place, ask, below, chosen, texts

PROPERTY: Final = "org.debvisor.timers:job"
"""The user property of a snapshot that says which job has made it."""

_ASKED: Final = f"{PROPERTY},creation,userrefs,clones"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot of a dataset. name: behind the @. holds: of zfs hold. clones: their datasets.

    job: who made it here; empty for one that was made by hand, or received from another host.
    """

    dataset: str
    name: str
    made: datetime
    job: str = ""
    holds: int = 0
    clones: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Return how ZFS calls it."""
        return f"{self.dataset}@{self.name}"

    @property
    def bond(self) -> str:
        """Return what keeps ZFS from removing it, "" for nothing."""
        if self.holds:
            return "it is held (zfs holds)"
        return f"{self.clones[0]} is a clone of it" if self.clones else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the run makes, and what is kept."""

    job: str
    run: str
    now: datetime
    retention: Retention

    @property
    def name(self) -> str:
        """Return the name of the run's snapshots."""
        return name_of(self.job, self.run)


@dataclass(slots=True, kw_only=True)
class Sight:
    """What is known of the datasets: their snapshots, and why one cannot be served."""

    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    faults: dict[str, TaskFailed] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)


def snapshots_in(text: str) -> list[Snapshot]:
    """Return the snapshots that `zfs get -Hp -o name,property,value,source` tells of."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in text.splitlines():
        path, name, value, source = line.split("\t")
        found.setdefault(path, {})[name] = value, source
    return [_snapshot(path, values) for path, values in found.items()]


def _snapshot(path: str, values: Mapping[str, tuple[str, str]]) -> Snapshot:
    dataset, _, name = path.partition("@")
    job, source = values.get(PROPERTY, ("", ""))
    # One that was received has the property as well, and is another host's.
    is_ours = source == "local" and name.startswith(f"debvisor-{job}-")
    clones = values.get("clones", ("", ""))[0]
    return Snapshot(
        dataset=dataset,
        name=name,
        made=datetime.fromtimestamp(int(values["creation"][0]), UTC),
        job=job if is_ours else "",
        holds=int(values.get("userrefs", ("0", ""))[0]),
        clones=tuple(each for each in clones.split(",") if each not in {"", "-"}),
    )


def zfs_snapshot(config: Mapping[str, Any]) -> dict[str, Any]:
    """Make a snapshot of each dataset that `config` selects, and remove those outdated."""
    retention = Retention(keep=config.get("keep"), days=config.get("retention_days"))
    wanted = Wanted(job=job_id(), run=run_id(), now=run_time(), retention=retention)
    datasets = _select(config)
    sight = Sight()
    _look(datasets, sight)
    _make(datasets, wanted, sight)
    done = iter(range(1, len(datasets) + 1))

    def work(dataset: Place) -> dict[str, Any]:
        report_progress(next(done) / len(datasets), dataset.path)
        return _finish(dataset, wanted, sight)

    return for_each(datasets, work, key="datasets", noun="datasets")


def _select(config: Mapping[str, Any]) -> list[Place]:
    known = ask("zfs", "list", "-H", "-t", "filesystem,volume", "-o", "name").splitlines()
    exclude = texts(config.get("exclude"))
    found = chosen(known, texts(config["dataset"]), exclude, noun="dataset")
    if not config.get("recursive"):
        return found
    return chosen([each.path for each in below(known, found)], (), exclude, noun="dataset")


def _look(datasets: Iterable[Place], sight: Sight) -> None:
    for dataset in datasets:
        command = ["zfs", "get", "-Hp", "-d", "1", "-t", "snapshot"]
        try:
            text = ask(*command, "-o", "name,property,value,source", _ASKED, dataset.path)
        except TaskFailed as error:
            sight.faults[dataset.path] = error
        else:
            sight.snapshots[dataset.path] = snapshots_in(text)


def _make(datasets: Sequence[Place], wanted: Wanted, sight: Sight) -> None:
    """Make the snapshots that the run has not made yet: those of a pool at one moment."""
    missing = [
        dataset
        for dataset in datasets
        if dataset.path in sight.snapshots
        and all(each.name != wanted.name for each in sight.snapshots[dataset.path])
    ]
    for _, group in groupby(sorted(missing, key=lambda each: each.pool), lambda each: each.pool):
        several = [each.path for each in group]
        names = [f"{path}@{wanted.name}" for path in several]
        try:
            ask("zfs", "snapshot", "-o", f"{PROPERTY}={wanted.job}", *names)
        except TaskFailed as error:
            sight.faults |= dict.fromkeys(several, error)
            continue
        for path, name in zip(several, names, strict=True):
            print(f"made {name}", flush=True)
            made = Snapshot(dataset=path, name=wanted.name, made=wanted.now, job=wanted.job)
            sight.snapshots[path].append(made)
            sight.made.add(path)


def _finish(dataset: Place, wanted: Wanted, sight: Sight) -> dict[str, Any]:
    """Remove what is outdated, and return what became of the dataset."""
    if fault := sight.faults.get(dataset.path):
        raise fault
    result: dict[str, Any] = {
        "outcome": "done" if dataset.path in sight.made else "skipped",
        "snapshot": f"{dataset.path}@{wanted.name}",
        "removed": [],
        "kept": {},
    }
    if dataset.path not in sight.made:
        result["reason"] = "an earlier attempt has made it"
    old = outdated(
        sight.snapshots[dataset.path], job=wanted.job, now=wanted.now, retention=wanted.retention
    )
    for snapshot in old:
        if snapshot.bond:
            result["kept"][snapshot.name] = snapshot.bond
            print(f"{snapshot.path} stays: {snapshot.bond}", flush=True)
            continue
        try:
            ask("zfs", "destroy", snapshot.path)
        except TaskFailed as error:
            error.result = result
            raise
        result["removed"].append(snapshot.name)
        print(f"removed {snapshot.path}", flush=True)
    return result
