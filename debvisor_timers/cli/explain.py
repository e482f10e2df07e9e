# SPDX-License-Identifier: Apache-2.0
"""explain: one key of the job files, or all."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option


@click.command("explain", epilog="Example: debvisor-timers explain schedule.timezone")
@click.argument("key", required=False)
@json_option
def command(*, key: str | None, as_json: bool) -> None:
    """Explain KEY (type, default, unit directive, example), or list all keys."""
