# SPDX-License-Identifier: Apache-2.0
"""job edit: open the file of a job in an editor until it is right, and apply the job."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debvisor_timers.cli.edit_text import make_edit, tell_edit, timeout_of, try_options
from debvisor_timers.cli.options import job_argument
from debvisor_timers.cli.output import echo_notes
from debvisor_timers.errors import DefinitionError, ExitCode

if TYPE_CHECKING:
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.safety.trying import TriedEdit
    from debvisor_timers.scheduler import Scheduler
    from debvisor_timers.source import Problem

_MARK = b"#! error: "
"""Begins the lines that say what is wrong; they are taken out again."""
_MOVE_TO_LINE = frozenset(
    {"vi", "vim", "vim.tiny", "vim.basic", "nvim", "view", "nano", "pico", "emacs", "joe", "mcedit"}
)


@click.command("job edit", epilog="Example: EDITOR=nano debvisor-timers job edit nightly-backup")
@job_argument
@try_options
def command(*, job: str, **options: Any) -> int:
    """Open the file of JOB in $VISUAL or $EDITOR, and apply that job when it is right.

    What is wrong is marked above its line, and the editor opens again. Leave the file as it is to
    give up: then nothing has changed.
    """
    from debvisor_timers.scheduler import Scheduler

    timeout_of(options)  # what makes no sense is said before somebody has written anything
    scheduler = Scheduler.system(door="cli")
    opened = scheduler.open_job_file(job)
    with _draft(opened) as path:
        made = _edited(scheduler, opened, path, options)
    if made is None:
        click.echo("nothing was changed")
        return ExitCode.DONE
    done = f"updated {opened.job_id}"
    return tell_edit(scheduler, made, options, done=done, unchanged="nothing was changed")


def _edited(
    scheduler: Scheduler, opened: Rewrite, path: Path, options: dict[str, Any]
) -> TriedEdit | None:
    """Let somebody edit the draft until it is right; None where they changed nothing."""
    shown, line = opened.before, opened.line
    while True:
        path.write_bytes(shown)
        click.edit(filename=str(path), editor=_editor(line))
        saved = path.read_bytes()
        text = _unmarked(saved)
        if text == opened.before or not text.strip():
            return None
        path.write_bytes(text)
        try:
            return make_edit(scheduler, replace(opened, after=text), options)
        except DefinitionError as error:
            if saved == shown:
                raise
            shown, line = _marked(text, error.problems, opened.path)


@contextmanager
def _draft(opened: Rewrite) -> Iterator[Path]:
    """Give the block a file of its own; where it fails after an edit, that stays, and is named."""
    folder = Path(tempfile.mkdtemp(prefix="debvisor-job-"))
    path = folder / opened.path.name
    try:
        yield path
    except BaseException:
        text = path.read_bytes() if path.exists() else opened.before
        if _unmarked(text) == opened.before:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            echo_notes([f"nothing was changed; what you wrote is kept in {path}"])
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _editor(line: int) -> str | None:
    """Return the editor's command, at that line where the editor is known to take it."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    words = chosen.split() if chosen else []
    if line and words and Path(words[0]).name in _MOVE_TO_LINE:
        return f"{chosen} +{line}"
    return chosen


def _marked(text: bytes, problems: Sequence[Problem], path: Path) -> tuple[bytes, int]:
    """Return the text with what is wrong above each line, and the line of the first mark."""
    lines = text.splitlines(keepends=True)
    above: dict[int, list[bytes]] = {}
    for problem in problems:
        is_here = problem.span.file == path
        words = [problem.message if is_here else f"{problem.span}: {problem.message}"]
        words += [f"fix: {problem.fix}"] if problem.fix else []
        number = min(max(problem.span.line - 1, 0), len(lines)) if is_here else 0
        above.setdefault(number, []).extend(_MARK + one.encode() + b"\n" for one in words)
    parts: list[bytes] = []
    for number, line in enumerate([*lines, b""]):
        parts += [*above.get(number, []), line]
    return b"".join(parts), min(above, default=0) + 1


def _unmarked(text: bytes) -> bytes:
    """Return the text without the lines that say what is wrong."""
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_MARK))
