# SPDX-License-Identifier: Apache-2.0
"""schema: the JSON Schema of the job files."""

from __future__ import annotations

import click

from debvisor_timers.cli.output import echo_json


@click.command("schema", epilog="Example: debvisor-timers schema > jobs.schema.json")
@click.option("--json", is_flag=True, expose_value=False, help="For uniformity: it is JSON anyway.")
@click.option("--config", "of_config", is_flag=True, help="The schema of config.yaml instead.")
def command(*, of_config: bool) -> None:
    """Print the JSON Schema (2020-12) of the job files, for editors."""
    from debvisor_timers.jobs.schema import config_schema, jobs_schema

    echo_json(config_schema() if of_config else jobs_schema())
