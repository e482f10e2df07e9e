# SPDX-License-Identifier: Apache-2.0
"""What the shell completes: read from units, notes and the index; no YAML, no systemd, no journal.

Who presses TAB waits for it: each of these takes a few milliseconds on a host with 1,000 jobs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from debvisor_timers.layout import Layout

_PREFIX, _SUFFIX = "debvisor-job-", ".service"
_FIELD = re.compile(rb'^LogExtraFields="?DEBVISOR_(OWNER|TAG)=(.*?)"?$', re.MULTILINE)
_ESCAPED = re.compile(r'\\(["\\])')
_MOST = 40
"""So many runs are offered: nobody reads more."""
_PRIORITIES = ("critical", "high", "normal", "low")
_STATES = (
    *("running", "failed", "completed", "skipped", "pending", "disabled", "paused", "waiting"),
    *("retrying", "scheduled", "stopped", "lost", "not-applied", "orphaned", "on-demand"),
)
_OUTCOMES = (
    *("running", "completed", "failed", "skipped", "succeeded", "timed_out", "stopped", "lost"),
    "waiting",
)


_SHIPPED_TYPES = Path(__file__).parents[1] / "tasks" / "types"


def complete_job(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete ids of jobs that are applied."""
    return _items(_job_ids(), incomplete)


def complete_history(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete ids, and the word that makes another command of `history`."""
    prune = [CompletionItem("prune")] if "prune".startswith(incomplete) else []
    return [*prune, *complete_job(ctx, param, incomplete)]


def complete_owner(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete owners of jobs that are applied."""
    return _items(_fields(b"OWNER"), incomplete)


def complete_tag(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete tags of jobs that are applied, as NAME=VALUE."""
    return _items(_fields(b"TAG"), incomplete)


def complete_task_type(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the task types that are declared, and those that come with the program."""
    folders = (Layout().config / "tasks.d", _SHIPPED_TYPES)
    names = {name for folder in folders for name in _names(folder, "", ".yaml")}
    return _items(sorted(names), incomplete)


def complete_generation(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the numbers of generations that are kept, the newest first; root alone sees them."""
    names = [name for name in _names(Layout().state / "generations") if name.isdigit()]
    newest_first = sorted(names, key=int, reverse=True)
    return [CompletionItem(name) for name in newest_first if name.startswith(incomplete)]


def complete_run(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete ids of runs of the job that stands before, the newest first."""
    return _runs(ctx, incomplete, failed=False)


def complete_failed_run(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete ids of the runs of the job that did not succeed."""
    return _runs(ctx, incomplete, failed=True)


def complete_token(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the names of tokens, for who may read them."""
    import json

    try:
        names = json.loads(Layout().tokens.read_text(encoding="utf-8"))["tokens"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return _items(names, incomplete)


def complete_priority(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the priorities."""
    return [CompletionItem(word) for word in _PRIORITIES if word.startswith(incomplete)]


def complete_state(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete what jobs can be doing."""
    return [CompletionItem(state) for state in _STATES if state.startswith(incomplete)]


def complete_outcome(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete what can have become of runs."""
    return [CompletionItem(outcome) for outcome in _OUTCOMES if outcome.startswith(incomplete)]


def _runs(ctx: click.Context, incomplete: str, *, failed: bool) -> list[CompletionItem]:
    from debvisor_timers.history.ids import newest_ids

    # click (8.1) leaves arguments alone where the last option still lacks its value.
    typed = ctx.params.get("job") or next(iter(ctx.args), "")
    ids = [job_id for job_id in _job_ids() if job_id.startswith(typed)]
    job = ids[0] if len(ids) == 1 else typed
    found = newest_ids(Layout(), job, begin=incomplete, most=_MOST)
    return [
        CompletionItem(run, help=outcome.replace("_", " ") or None)
        for run, outcome in found.items()
        if not (failed and outcome in {"succeeded", "skipped"})
    ]


def _items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in sorted({*words}) if word.startswith(incomplete)]


def _job_ids() -> Iterator[str]:
    return _names(Layout().units, _PREFIX, _SUFFIX)


def _names(folder: os.PathLike[str], prefix: str = "", suffix: str = "") -> Iterator[str]:
    """Yield what stands between `prefix` and `suffix` in the names that have both."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 (a Path for each of thousands costs more)
    except OSError:
        return
    for name in names:
        if name.startswith(prefix) and name.endswith(suffix):
            yield name.removeprefix(prefix).removesuffix(suffix)


def _fields(wanted: bytes) -> Iterator[str]:
    """Yield the values of a field that the journal has of all that our jobs print."""
    folder = Layout().units
    for job_id in _job_ids():
        try:
            text = (folder / f"{_PREFIX}{job_id}{_SUFFIX}").read_bytes()
        except OSError:
            continue
        for name, value in _FIELD.findall(text):
            if name == wanted:
                yield _ESCAPED.sub(r"\1", value.decode(errors="replace").replace("%%", "%"))
