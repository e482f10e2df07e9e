# SPDX-License-Identifier: Apache-2.0
"""notify test: send a message by a channel."""

from __future__ import annotations

import click


@click.command("notify test", epilog="Example: debvisor-timers notify test ops")
@click.argument("channel")
def command(*, channel: str) -> None:
    """Send a message by CHANNEL, now, the way that all messages go.

    The channel is the one that was applied. Quiet hours and digests do not hold a test.
    """
    from debvisor_timers.scheduler import Scheduler

    Scheduler.system(door="cli").test_channel(channel)
    click.echo(f"the channel {channel} was told")
