# SPDX-License-Identifier: Apache-2.0
"""Groups of commands whose modules are imported when a command is used, and their help."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from debvisor_timers.errors import DebvisorTimersError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Commands:
    """What commands there are: their summaries, further names, headings, and those not shown."""

    def __init__(
        self,
        summaries: Mapping[str, str],
        *,
        aliases: Mapping[str, str],
        headings: Mapping[str, Sequence[str]],
        groups: Mapping[str, str],
        hidden: Collection[str],
    ) -> None:
        """aliases: of a further name the command that it is. groups: first words of two."""
        self.summaries = summaries
        self.aliases = aliases
        self.hidden = hidden
        self._headings = headings
        self._groups = groups

    @property
    def groups(self) -> Mapping[str, str]:
        """Return the summary of each word that is no command, but begins names of two words."""
        used = {name.partition(" ")[0] for name in self.named() if " " in name}
        return {word: text for word, text in self._groups.items() if word in used}

    def named(self) -> Mapping[str, str]:
        """Return the summary of every name, further names included."""
        further = {name: self.summaries[of] for name, of in self.aliases.items()}
        return {**self.summaries, **further}

    def words(self, group: str = "") -> Mapping[str, str]:
        """Return what may stand next on a command line, with summaries; group: the word before."""
        if group:
            begin = f"{group} "
            names = [name for name in self.named() if name.startswith(begin)]
            return {name.removeprefix(begin): self.named()[name] for name in sorted(names)}
        single = {name: text for name, text in self.summaries.items() if " " not in name}
        return {**single, **self.groups}

    def sections(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield each heading with its commands; those under no heading come last."""
        left = dict(self.summaries)
        for heading, names in self._headings.items():
            shown = {name: left.pop(name) for name in names if name in left}
            if shown:
                yield heading, shown
        if left:
            yield "Further commands", left

    def load(self, name: str) -> click.Command:
        """Import the module of a command and return its `command`."""
        real = self.aliases.get(name, name)
        word = real.replace("-", "_").replace(" ", "_")
        word += "_" if keyword.iskeyword(word) else ""
        module = importlib.import_module(f"debvisor_timers.cli.{word}")
        command: click.Command = module.command
        return command


class LazyGroup(click.Group):
    """All commands; one of two words is found by both, where its first is a command as well."""

    def __init__(self, *arguments: Any, table: Commands, **options: Any) -> None:
        """table: what commands there are."""
        super().__init__(*arguments, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the table, in its order."""
        return list(self.table.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or the group of those that begin with this word."""
        if cmd_name in self.table.groups:
            return WordGroup(cmd_name, self.table)
        if cmd_name in self.table.named() or cmd_name in self.table.hidden:
            return self.table.load(cmd_name)
        return None

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
        two, first = " ".join(args[:2]), args[0] if args else ""
        if first in self.table.summaries and two in self.table.summaries and len(args) > 1:
            return two, self.get_command(ctx, two), args[2:]
        is_typed = bool(first) and not first.startswith("-") and not ctx.resilient_parsing
        if is_typed and self.get_command(ctx, first) is None:
            raise click.UsageError(_unknown(first, list(self.table.words())), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands under their headings, all in one column."""
        margin = max(map(len, self.table.summaries))
        for heading, commands in self.table.sections():
            with formatter.section(heading):
                rows = [(name.ljust(margin), summary) for name, summary in commands.items()]
                formatter.write_dl(rows, col_max=margin + 2)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names from the table, options as click does."""
        return _complete(self, ctx, incomplete, self.table.words())


class WordGroup(click.Group):
    """The commands of two words that begin with one that is no command: `job`, `config`."""

    def __init__(self, word: str, table: Commands) -> None:
        """Make the group of the commands `WORD ...`."""
        super().__init__(
            word, help=table.groups[word], no_args_is_help=True, context_settings=CONTEXT
        )
        self._word = word
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the second words."""
        return list(self._table.words(self._word))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of both words; of a further name the very command that it is."""
        name = f"{self._word} {cmd_name}"
        return self._table.load(name) if name in self._table.named() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest word when there is none like that."""
        words = self._table.words(self._word)
        is_typed = bool(args) and not args[0].startswith("-") and not ctx.resilient_parsing
        if is_typed and args[0] not in words:
            raise click.UsageError(_unknown(args[0], list(words), before=f"{self._word} "), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the words with their summaries, and which command each further name is."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.words(self._word).items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the second word."""
        return _complete(self, ctx, incomplete, self._table.words(self._word))


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""How every group and every command of ours talks."""


def _complete(
    group: click.Group, ctx: click.Context, incomplete: str, words: Mapping[str, str]
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    names = [
        CompletionItem(name, help=summary)
        for name, summary in words.items()
        if name.startswith(incomplete)
    ]
    return names + click.Command.shell_complete(group, ctx, incomplete)


def _unknown(word: str, known: Sequence[str], *, before: str = "") -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    hint = f" Did you mean {before + near[0]!r}?" if near else ""
    return f"No such command {before + word!r}.{hint}"


def _say(error: DebvisorTimersError) -> None:
    from debvisor_timers.cli.output import echo_problems
    from debvisor_timers.errors import DefinitionError

    if isinstance(error, DefinitionError):
        echo_problems(error.problems)
        return
    click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
