# SPDX-License-Identifier: Apache-2.0
"""The command `debvisor-timers`: its table of commands, and the edge where errors become words."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from debvisor_timers import __version__
from debvisor_timers.errors import DebvisorTimersError, ExitCode

COMMANDS: Mapping[str, str] = {
    "plan": "Show what apply would change.",
    "apply": "Make this host's timers what the YAML says; all or nothing.",
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
    "timeline": "Draw a day or a week: when jobs run, and how many at once.",
    "graph": "Show which job depends on which other: a tree, DOT or a picture.",
    "run": "Run a job now.",
    "retry": "Run a failed run of a job again.",
    "stop": "End the run of a job that is under way.",
    "logs": "Show a job's journal.",
    "history": "Show past runs of jobs.",
    "history prune": "Forget the oldest runs.",
    "stats": "Show statistics of past runs: durations, failures, trends; draw them.",
    "report": "Tell what failed, was missed or gets worse, over all jobs.",
    "audit": "Show who changed what; check that the record of it is whole.",
    "metrics": "Print metrics for Prometheus, or write them for the node exporter.",
    "status": "Compare YAML, disk and systemd; for monitoring.",
    "explain": "Explain a key of the job files.",
    "schema": "Print the JSON Schema of the job files, for editors.",
    "translate": "Translate a cron expression into OnCalendar lines.",
    "renew": "Let timers follow a change of their time zone.",
    "recover": "Undo or finish an apply that was cut off, and tell of runs that were.",
    "version": "Print the version.",
}
"""Every command with its summary; each is the module of that name in this folder. A command of two
words goes before the one that its first word is.

The table is here so that --help and completion load none of these modules.
"""

HIDDEN = frozenset({"maintain", "notify-failure"})
"""Commands that units of ours call, not people."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the table, in its order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of the command and return its `command`."""
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        name = cmd_name.replace("-", "_").replace(" ", "_")
        module = importlib.import_module(f"debvisor_timers.cli.{name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; say its errors while the context still knows of --color."""
        try:
            return super().invoke(ctx)
        except DebvisorTimersError as error:
            _say(error)
            return error.exit_code

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        two = " ".join(args[:2])
        if len(args) > 1 and two in COMMANDS:
            return two, self.get_command(ctx, two), args[2:]
        is_known = not args or args[0] in COMMANDS or args[0] in HIDDEN
        if not is_known and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete names from the table, options as click does."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=summary)
            for name, summary in COMMANDS.items()
            if name.startswith(incomplete) and " " not in name
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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
    for name, value in _PYDANTIC.items():
        os.environ.setdefault(name, value)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    os.umask(0o022)  # what we write is root's alone to change, and readable where it says so
    sys.exit(_exit_code())


def _exit_code() -> int:
    """Run the command; this is the edge, where every error becomes words and a number."""
    code: int = ExitCode.DONE
    try:
        code = cli(prog_name="debvisor-timers", standalone_mode=False) or ExitCode.DONE
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


def _say(error: DebvisorTimersError) -> None:
    from debvisor_timers.cli.output import echo_problems
    from debvisor_timers.errors import DefinitionError

    if isinstance(error, DefinitionError):
        echo_problems(error.problems)
        return
    click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
