# SPDX-License-Identifier: Apache-2.0
"""The command `debvisor-timers`: its table of commands, and the edge where errors become words."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from debvisor_timers import __version__
from debvisor_timers.cli.groups import CONTEXT, Commands, LazyGroup
from debvisor_timers.errors import ExitCode

COMMANDS: Mapping[str, str] = {
    "plan": "Show what apply would change.",
    "apply": "Make the timers of this host what the YAML says.",
    "try": "Apply, and take it back unless it is confirmed in time.",
    "confirm": "Keep what is being tried.",
    "rollback": "Make an older generation true again.",
    "generations": "Show what was applied: when, by whom, how many changes.",
    "diff": "Show what differs between generations, or from the disk.",
    "check": "Check job files; report every problem.",
    "job create": "Write a new job and apply it.",
    "job update": "Change keys of a job in its file, and apply it.",
    "job edit": "Open the file of a job in an editor, and apply it.",
    "job delete": "Take a job out of its file, and remove its units.",
    "job enable": "Let the schedule of a job count.",
    "job disable": "Let nothing start a job but a person.",
    "list": "List jobs: schedule, last run, next start, state.",
    "show": "Show one job: schedule, next starts, unit files.",
    "next": "Show when jobs will run, as systemd computes it.",
    "timeline": "Draw when jobs run in a day or a week, and how many.",
    "graph": "Show which job depends on which: a tree or a picture.",
    "run": "Run a job now.",
    "retry": "Run a failed run of a job again.",
    "stop": "End the run of a job that is under way.",
    "pause": "Hold jobs back: no schedule and no trigger starts them.",
    "resume": "Let paused jobs start again; none starts at once.",
    "skip-next": "Skip the next runs of a job by its schedule.",
    "maintenance": "Hold the schedules of the whole host back.",
    "backfill": "Run a job for times that it has missed.",
    "logs": "Show a job's journal.",
    "history": "Show past runs of jobs.",
    "history prune": "Forget the oldest runs.",
    "stats": "Show durations, failures and trends of past runs.",
    "notify test": "Send a message by a channel, to see whether it comes.",
    "notify queue": "Show messages that wait, and those that were given up.",
    "report": "Tell what failed, was missed or gets worse.",
    "coverage": "List virtual machines without a snapshot or backup.",
    "audit": "Show who changed what; check that the record is whole.",
    "metrics": "Print metrics for Prometheus, or write them to a file.",
    "status": "Compare YAML, disk and systemd; for monitoring.",
    "doctor": "Check all that jobs need on this host.",
    "config list": "Show the settings in force, and handlers of tasks.",
    "config backup": "Save configuration, pauses and tokens to one file.",
    "config restore": "Bring a backup back; all or nothing.",
    "token create": "Let somebody use the HTTP API.",
    "token list": "Show who may use the HTTP API.",
    "token revoke": "Let nobody in any more by a token.",
    "import crontab": "Bring crontabs over: print or write job files.",
    "import timer": "Make a job file of a timer that somebody wrote by hand.",
    "import guide-json": "Make job files of those of the original scheduler.",
    "export crontab": "Print jobs as a crontab, where cron can run them.",
    "export units": "Write the units to a folder, for images and packages.",
    "export kubernetes": "Write jobs as CronJobs of Kubernetes, where that can be.",
    "task list": "List the types that a job's task can name.",
    "task show": "Show what a task type does, and its parameters.",
    "task run": "Do a task once, now, without a job.",
    "explain": "Explain a key of the job files.",
    "schema": "Print the JSON Schema of the job files, for editors.",
    "translate": "Translate a cron expression into OnCalendar lines.",
    "renew": "Let timers follow a change of their time zone.",
    "recover": "Undo or finish an apply that was cut off.",
    "version": "Print the version.",
}
"""Every command with its summary; each is the module of that name in this folder, of two words
with both joined. Its heading stands in HEADINGS.

The table is here so that --help and completion load none of these modules.
"""

ALIASES: Mapping[str, str] = {
    "job list": "list",
    "job show": "show",
    "job run": "run",
    "job retry": "retry",
    "job stop": "stop",
    "job logs": "logs",
    "job history": "history",
    "job stats": "stats",
    "job dependencies": "graph",
}
"""Further names of commands, those of the guide: each is the very same command."""

HEADINGS: Mapping[str, Sequence[str]] = {
    "Every day": ("list", "show", "run", "retry", "stop", "logs", "status", "doctor"),
    "Changing jobs": (
        *("job create", "job update", "job edit", "job delete", "job enable", "job disable"),
        *("check", "plan", "apply", "try", "confirm"),
    ),
    "Going back": ("generations", "diff", "rollback"),
    "What is to come": ("next", "timeline", "graph"),
    "What was": (*("history", "history prune", "stats", "report", "coverage", "audit", "metrics"),),
    "Who is told": ("notify test", "notify queue"),
    "Holding back": ("pause", "resume", "skip-next", "maintenance", "backfill"),
    "Moving": (
        *("config list", "config backup", "config restore", "import crontab", "import timer"),
        *("import guide-json", "export crontab", "export units", "export kubernetes"),
    ),
    "Who may use the API": ("token create", "token list", "token revoke"),
    "Tasks": ("task list", "task show", "task run"),
    "Writing job files": ("explain", "schema", "translate"),
    "By itself": ("renew", "recover", "version"),
}
"""Where each command stands in --help; one that is missing here stands at the end."""

GROUPS: Mapping[str, str] = {
    "job": "List, show, run and change jobs: the commands of the guide.",
    "config": "Show the configuration; save it to a file and bring it back.",
    "task": "Look at task types; do a task once.",
    "notify": "Try channels; look after messages that could not be sent.",
    "token": "Make, list and revoke tokens of the HTTP API.",
    "import": "Make job files of what other programs have.",
    "export": "Write jobs for elsewhere; this host is not touched.",
}
"""First words of commands of two words that are no commands themselves."""

HIDDEN = frozenset({"maintain", "notify-failure", "notify-started", "undo-try", "watch"})
"""Commands that units of ours call, not people."""

NAMES = ("debvisor-timers", "debvisor-schedule")
"""How the program may be called; the first is its own."""


@click.group(
    cls=LazyGroup,
    table=Commands(COMMANDS, aliases=ALIASES, headings=HEADINGS, groups=GROUPS, hidden=HIDDEN),
    context_settings=CONTEXT,
    epilog="Jobs are YAML files in /etc/debvisor/timers/jobs.d. Emergency brake, which needs"
    " nothing of this program: systemctl stop debvisor-timers.target",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour the output; NO_COLOR is respected.",
)
@click.option(
    "--user",
    "for_user",
    is_flag=True,
    help="Work on the jobs of this user, which the user's own systemd runs (systemctl --user).",
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, color: str, *, for_user: bool) -> None:
    """Run jobs by systemd: YAML becomes plain timers and services."""
    if for_user:
        os.environ["DEBVISOR_TIMERS_USER"] = "1"
    wanted = {"always": True, "never": False, "auto": None}[color]
    ctx.color = False if wanted is None and os.environ.get("NO_COLOR") else wanted


_PYDANTIC = {"PYDANTIC_DISABLE_PLUGINS": "1", "PYDANTIC_SKIP_VALIDATING_CORE_SCHEMAS": "1"}
"""No package that happens to be installed takes part in reading jobs; our models need no proof that
they are models. Both cost a tenth of a second at each start."""


def main() -> NoReturn:
    """Run the command line and exit; the exit codes stand in errors.ExitCode."""
    _look_for_little_garbage()
    for name, value in _PYDANTIC.items():
        os.environ.setdefault(name, value)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if any(name.startswith("_DEBVISOR_") and name.endswith("_COMPLETE") for name in os.environ):
        from debvisor_timers.cli import bash_words

        bash_words.use()
    os.umask(0o022)  # what we write is root's alone to change, and readable where it says so
    sys.exit(_exit_code())


def _look_for_little_garbage() -> None:
    """Let the collector come seldom, and not at the exit.

    Nearly all that a command makes lives until its end, when the kernel takes it all: the looking
    was a fifth of the time of a command. It is not off, since `logs --follow` lives long.
    """
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


def program_name() -> str:
    """Return the name by which we were called, our own for any other that is not known."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 (a millisecond)
    return name if name in NAMES else NAMES[0]


def _exit_code() -> int:
    """Run the command; this is the edge, where every error becomes words and a number."""
    code: int = ExitCode.DONE
    try:
        code = cli(prog_name=program_name(), standalone_mode=False) or ExitCode.DONE
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 (everything else is a bug of ours, or no room)
        code = _cannot_answer(error) if _is_about_stdout(error) else _is_a_bug()
    return code


def _is_about_stdout(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in {errno.EPIPE, errno.ENOSPC, errno.EIO}


def _cannot_answer(error: Exception) -> int:
    """Give up on stdout: a reader that went away is none of our business, a full disk is."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    click.echo(f"error: cannot write the answer: {error}", err=True)
    return ExitCode.SYSTEMD


def _is_a_bug() -> int:
    import traceback

    traceback.print_exc()
    click.echo("this is a bug in debvisor-timers; please report the lines above", err=True)
    return ExitCode.BUG
