# SPDX-License-Identifier: Apache-2.0
"""Who is told of the runs of a job."""

from __future__ import annotations

from debvisor_timers.jobs.channels import ChannelNames
from debvisor_timers.jobs.field import Model, key


class Notify(Model):
    """Which channels are told."""

    failure: ChannelNames = key(
        (),
        help="The channels that are told when a run has failed: once for each run, when no retry "
        "is left; never of a skip, and never of a run that somebody stopped.",
        example=["ops"],
        shown_default="nobody",
    )
