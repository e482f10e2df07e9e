# SPDX-License-Identifier: Apache-2.0
"""explain: one key of the job files, or all."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json

if TYPE_CHECKING:
    from debvisor_timers.jobs.explain import Explanation


def _complete_key(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from debvisor_timers.jobs.keys import table

    return [key.name for key in table() if key.name.startswith(incomplete)]


@click.command("explain", epilog="Example: debvisor-timers explain schedule.timezone")
@click.argument("key", metavar="[KEY]", required=False, shell_complete=_complete_key)
@json_option
def command(*, key: str | None, as_json: bool) -> None:
    """Explain KEY (type, default, unit directive, example), or list all keys."""
    from debvisor_timers.jobs.explain import explain

    explanation = explain(key)
    if as_json:
        echo_json(_document(explanation))
    else:
        click.echo(str(explanation))


def _document(explanation: Explanation) -> dict[str, object]:
    return {
        "key": asdict(explanation.key) if explanation.key else None,
        "below": [asdict(key) for key in explanation.below],
        "presets": {
            name: [asdict(one) for one in directives]
            for name, directives in explanation.presets.items()
        },
    }
