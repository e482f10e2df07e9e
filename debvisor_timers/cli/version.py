# SPDX-License-Identifier: Apache-2.0
"""version: print the version."""

from __future__ import annotations

import click

from debvisor_timers import __version__
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json


@click.command("version", epilog="Example: debvisor-timers version")
@json_option
def command(*, as_json: bool) -> None:
    """Print the version of debvisor-timers."""
    if as_json:
        echo_json({"version": __version__})
    else:
        click.echo(f"debvisor-timers {__version__}")
