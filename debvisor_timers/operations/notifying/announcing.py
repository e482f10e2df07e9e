# SPDX-License-Identifier: Apache-2.0
"""Telling of the runs of a job that nobody was told of yet, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from debvisor_timers.history.last import read_last
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.audience import Audience, audience_of, ping_end, tell
from debvisor_timers.operations.notifying.rules import judge, lost_event, quietly, without_row
from debvisor_timers.operations.notifying.told import Told, read_told, write_told
from debvisor_timers.operations.runs.lost import Fields, forget_lost

_ROUNDS = 10


@dataclass(slots=True, kw_only=True)
class Announcer:
    """Tells what there is to tell of a job's runs.

    read: the newest runs, the newest first. is_it: whether a run is that which somebody has named.
    lost: the runs that a boot has found, by id. told: run and channel of each message.
    """

    host: Host
    job_id: str
    host_name: str
    read: Callable[[], Sequence[Run]]
    is_it: Callable[[Run], bool]
    lost: dict[str, Fields]
    problems: list[str]
    told: list[tuple[str, str]] = field(default_factory=list)
    _audience: Audience | None = None

    @property
    def audience(self) -> Audience:
        """Return whom the job tells; what is wrong with that is a problem, once."""
        if self._audience is None:
            self._audience = audience_of(self.host, self.job_id)
            self.problems += self._audience.problems
        return self._audience

    def announce(self, runs: Sequence[Run]) -> None:
        """Tell the channels of each run that they were not told of, the oldest first.

        runs: as `read` gives them. A run is noted as told once its messages wait: a power cut in
        between tells it twice, rather than never.
        """
        told = read_told(self.host.layout, self.job_id)
        if told is not None:
            self._forget(told.seen)
        for _ in range(_ROUNDS):
            told, unseen = self._unseen(told, runs)
            late = [run for run in runs if run.id in self.lost and run not in unseen]
            if not unseen and not late:
                return
            for run in reversed(runs):
                if run in late:
                    self._tell_late(run)
                elif run in unseen:
                    told = self._tell(told, run)
            # Another may have ended meanwhile: systemd starts no second of us for that.
            runs = self.read()

    def _unseen(self, told: Told | None, runs: Sequence[Run]) -> tuple[Told, Sequence[Run]]:
        """Return what was told, and the runs since then that are over.

        Without a note: the one alone that somebody has named, or the newest; nobody was there for
        those before.
        """
        ended = [run for run in runs if run.outcome not in UNDER_WAY]
        ids = [run.id for run in ended]
        if told is not None and told.seen in ids:
            return told, ended[: ids.index(told.seen)]
        named = next((number for number, run in enumerate(ended) if self.is_it(run)), 0)
        if told is None:
            before = reversed(ended[named + 1 :])
            now = self.host.clock.now()
            known = quietly(Told(), before, self.audience.notify, now) if ended else Told()
            return known, ended[: named + 1]
        since = told.seen_start
        told = self._with_success_since(told)
        if since is None:
            return told, ended[: named + 1]
        return told, [run for run in ended if run.start > since or self.is_it(run)]

    def _with_success_since(self, told: Told) -> Told:
        """Return `told` without its row of failures, where a success has ended that.

        It lies further back than anybody looks.
        """
        last = read_last(self.host.layout.last, self.job_id)
        if not (last and last.success_end and told.failed_at and last.success_end > told.failed_at):
            return told
        return without_row(told)

    def _tell(self, told: Told, run: Run) -> Told:
        told, events = judge(told, run, self.audience.notify, self.host.clock.now())
        self.told += [
            (run.id, channel) for channel in ping_end(self.host, self.audience, run, self.host_name)
        ]
        for event in events:
            channels = tell(self.host, self.audience, event, self.host_name)
            self.told += [(run.id, channel) for channel in channels]
        write_told(self.host.layout, self.job_id, told)
        self._forget(run.id)
        return told

    def _tell_late(self, run: Run) -> None:
        """Tell of a lost run on which others have followed that were told: no row of its own."""
        event = lost_event(run, self.audience.notify)
        channels = tell(self.host, self.audience, event, self.host_name)
        self.told += [(run.id, channel) for channel in channels]
        self._forget(run.id)

    def _forget(self, run_id: str) -> None:
        """Forget that the run was lost, if it was: it is told now."""
        if self.lost.pop(run_id, None) is not None:
            forget_lost(self.host, self.job_id, run_id)
