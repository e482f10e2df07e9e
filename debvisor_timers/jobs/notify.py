# SPDX-License-Identifier: Apache-2.0
"""Who is told of a job, and of what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from debvisor_timers.jobs import values
from debvisor_timers.jobs.channel_values import ChannelNames
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

_CHANNELS = Shown(
    "channel | list of channels",
    {"anyOf": [values.SHORT_NAME, {"type": "array", "items": values.SHORT_NAME}]},
)


class LongRunning(Model):
    """Whom to tell of a run that takes long, and when."""

    after: values.Timespan = key(
        REQUIRED,
        help="How long a run may take, its retries included, before somebody is told. Not the time "
        "that it waits before it begins. The run itself goes on; `timeout` ends one.",
        example="2h",
    )
    channels: Annotated[ChannelNames | None, _CHANNELS] = key(
        None,
        help="The channels that are told, within a minute or two.",
        example=["ops"],
        shown_default="those of `notify.failure`",
    )


class Notify(Model):
    """Which channels are told of what."""

    failure: ChannelNames = key(
        (),
        help="The channels that are told when a run has failed: once for each run, when no retry "
        "is left; never of a skip, and never of a run that somebody stopped. See `after` and "
        "`repeat`.",
        example=["ops"],
        shown_default="nobody",
    )
    after: values.Runs = key(
        1,
        help="How many runs have to fail in a row before a failure is told: with 3, the third is "
        "the first that is. A run that succeeds begins the count anew; one that is skipped or "
        "stopped does not count.",
        example=3,
        beside={"failure": ["ops"]},
    )
    repeat: values.Timespan | None = key(
        None,
        help="How often at most the same is told again: a failure while the job stays broken, a "
        "run that takes long, skips for the same reason.",
        example="24h",
        beside={"failure": ["ops"]},
        shown_default="each failed run is told; the others are told once",
    )
    recovery: ChannelNames = key(
        (),
        help="The channels that are told when a run succeeds after a failure that was told, and "
        "how long the job was broken: since its first run that failed began.",
        example=["ops"],
        shown_default="nobody",
    )
    success: ChannelNames = key(
        (),
        help="The channels that are told of each run that succeeds. One that is told of a recovery "
        "is told of nothing more.",
        example=["ops"],
        directive="OnSuccess=",
        shown_default="nobody",
    )
    skipped: ChannelNames = key(
        (),
        help="The channels that are told when a run is skipped: the first of those that follow "
        "each other for the same reason, as while the job is paused.",
        example=["ops"],
        directive="X-Notify=",
        shown_default="nobody",
    )
    started: ChannelNames = key(
        (),
        help="The channels that are told when a run begins: when it has what it waited for. Once, "
        "whatever the number of its attempts.",
        example=["ops"],
        directive="X-Notify=",
        shown_default="nobody",
    )
    long_running: LongRunning | None = key(
        None,
        help="Who is told when a run takes longer than a given time: once for each run.",
        example={"after": "2h", "channels": ["ops"]},
        shown_default="nobody",
    )
    missed: ChannelNames = key(
        (),
        help="The channels that are told when a time of the schedule has passed and no run has "
        "begun, nor was skipped with a reason: as while the host was off. Several such times are "
        "told as one.",
        example=["ops"],
        shown_default="nobody",
    )
    missed_after: values.Timespan = key(
        timedelta(minutes=1),
        help="How much later than its time a run may begin before it counts as `missed`; twice as "
        "much after the host has booted, besides the jitter of the schedule.",
        example="15min",
        beside={"missed": ["ops"]},
        shown_default="1min",
    )
    lost: Annotated[ChannelNames | None, _CHANNELS] = key(
        None,
        help="The channels that are told of a run that a crash has cut off, once the host runs "
        "again; whatever `after` and `repeat` say.",
        example=["ops"],
        shown_default="those of `failure`",
    )
    disabled: ChannelNames = key(
        (),
        help="The channels that are told when nothing starts the job any more: it is not enabled "
        "any more, or somebody has stopped its timer or path unit. Not of a pause, whose runs are "
        "`skipped`. Told once each time.",
        example=["ops"],
        shown_default="nobody",
    )

    @property
    def long_running_channels(self) -> tuple[str, ...]:
        """Return who is told of a run that takes long."""
        if self.long_running is None:
            return ()
        own = self.long_running.channels
        return self.failure if own is None else own

    @property
    def lost_channels(self) -> tuple[str, ...]:
        """Return who is told of a run that was cut off."""
        return self.failure if self.lost is None else self.lost

    @property
    def is_watched(self) -> bool:
        """Return True where something is told that no end of a run announces."""
        return bool(self.long_running_channels or self.missed or self.disabled)

    def channels(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield each channel that is named, with the path of keys to it."""
        for name in _EVENTS:
            for number, channel in enumerate(getattr(self, name) or ()):
                yield (name, number), channel
        if self.long_running is not None:
            for number, channel in enumerate(self.long_running.channels or ()):
                yield ("long_running", "channels", number), channel


_EVENTS = ("failure", "recovery", "success", "skipped", "started", "missed", "lost", "disabled")


class HostNotify(Model):
    """Which channels are told of what is of no single job."""

    apply_failed: ChannelNames = key(
        (),
        help="The channels that are told when an apply, a renewal or another change of the units "
        "of jobs has failed for another reason than what somebody wrote, or was cut off by a "
        "crash. By what was applied last.",
        example=["ops"],
        shown_default="nobody",
    )
