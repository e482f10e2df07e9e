# SPDX-License-Identifier: Apache-2.0
"""metrics: what Prometheus is told."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "metrics",
    epilog="Example: debvisor-timers metrics"
    " --textfile /var/lib/prometheus/node-exporter/debvisor-timers.prom",
)
@click.option(
    "--textfile",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write FILE for the node exporter, whole or not at all; it must end in .prom.",
)
def command(*, textfile: Path | None) -> None:
    """Print metrics of all jobs in the text format of Prometheus."""
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system()
    found = scheduler.write_metrics(textfile) if textfile else scheduler.metrics()
    if textfile is None:
        click.echo(found.text, nl=False)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
