# SPDX-License-Identifier: Apache-2.0
"""generations: what was applied, when, by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_notes, echo_table

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.generations import Kept
    from debvisor_timers.operations.safety.kept import History

_TITLES = ("GEN", "WHEN", "WHO", "WHAT", "CHANGES")


@click.command("generations", epilog="Example: debvisor-timers generations")
@json_option
def command(*, as_json: bool) -> None:
    """Show what was applied, newest first: when, by whom, and how many jobs it changed.

    The first is in force now; + new, ~ changed, - removed jobs. What is kept can be gone back to.
    Needs root.
    """
    from debvisor_timers.scheduler import Scheduler

    history = Scheduler.system().generations()
    if as_json:
        echo_json(_document(history))
    elif not history.kept:
        click.echo("nothing was ever applied here")
    else:
        current = history.kept[0].number
        rows = [_row(kept, is_current=kept.number == current) for kept in history.kept]
        echo_table(_TITLES, rows, whole=("GEN", "WHEN", "WHAT", "CHANGES"))
    trial = history.trial
    if trial is not None and not as_json:
        until = times.short(trial.deadline)
        who = trial.by or "somebody"
        note = f"what {who} is trying is taken back at {until}; to keep it: debvisor-timers confirm"
        echo_notes([note])


def _row(kept: Kept, *, is_current: bool) -> tuple[str, ...]:
    deed, counts = kept.deed, kept.counts
    what = "-" if deed is None else deed.how
    if deed is not None and deed.restores is not None:
        what = f"{deed.how} to {deed.restores}"
    changes = f"+{counts.created} ~{counts.updated} -{counts.removed}" if counts else "-"
    return (
        f"{kept.number} now" if is_current else str(kept.number),
        times.short(kept.applied),
        (deed.by if deed else "") or "-",
        what,
        changes,
    )


def _document(history: History) -> dict[str, object]:
    trial = history.trial
    return {
        "current": history.kept[0].number if history.kept else None,
        "trial": None
        if trial is None
        else {"base": trial.base, "by": trial.by or None, "deadline": times.iso(trial.deadline)},
        "generations": [_one(kept) for kept in history.kept],
    }


def _one(kept: Kept) -> dict[str, object]:
    deed, counts = kept.deed, kept.counts
    return {
        "generation": kept.number,
        "applied": times.iso(kept.applied),
        "by": (deed.by if deed else "") or None,
        "how": deed.how if deed else None,
        "restores": deed.restores if deed else None,
        "created": counts.created if counts else None,
        "updated": counts.updated if counts else None,
        "removed": counts.removed if counts else None,
    }
