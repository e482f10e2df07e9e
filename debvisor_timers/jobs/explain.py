# SPDX-License-Identifier: Apache-2.0
"""explain: what a key is, from the table of keys."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from debvisor_timers.errors import NotFoundError
from debvisor_timers.jobs.faults import nearest
from debvisor_timers.jobs.keys import Key, config_table, table, task_table
from debvisor_timers.jobs.sandbox import EXPLAINED, PresetDirective
from debvisor_timers.jobs.yamltext import to_yaml

_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known of a key, or of all keys where none was asked for.

    key: None where none was asked for.
    below: the keys below it, or all those at the top.
    presets: what each preset of `sandbox` is made of; of another key nothing.
    """

    key: Key | None
    below: tuple[Key, ...]
    presets: Mapping[str, Sequence[PresetDirective]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it as text for people."""
        lines = [*_about(self.key)] if self.key else ["Keys of a job (explain KEY tells more):"]
        return "\n".join([*lines, *_list(self.below), *_directives(self.presets)])


def explain(name: str | None = None) -> Explanation:
    """Return what is known of the key `name`, dotted; of all keys where it is None.

    Keys of config.yaml are known too. `jobs.` before a name and `[]` or a number after a list are
    passed over. Raises NotFoundError with the nearest key.
    """
    keys = {key.name: key for key in (*config_table(), *table())}
    if name is None:
        return Explanation(key=None, below=tuple(key for key in table() if "." not in key.name))
    plain = ".".join(
        part.split("[")[0] for part in name.strip(".").split(".") if not part.isdigit()
    )
    for prefix in ("jobs.", "defaults."):
        plain = plain if plain in keys else plain.removeprefix(prefix)
    if plain not in keys:
        raise _unknown(name, keys)
    presets = {str(name): rows for name, rows in EXPLAINED.items()} if plain == "sandbox" else {}
    return Explanation(key=keys[plain], below=_below(plain), presets=presets)


def _below(name: str) -> tuple[Key, ...]:
    return tuple(
        key
        for key in (*config_table(), *table())
        if key.name.startswith(f"{name}.") and "." not in key.name.removeprefix(f"{name}.")
    )


def _unknown(name: str, keys: dict[str, Key]) -> NotFoundError:
    last = {key.rpartition(".")[2]: key for key in keys}
    match = nearest(name, keys) or last.get(nearest(name.rpartition(".")[2], last), "")
    fix = f"debvisor-timers explain {match}" if match else "debvisor-timers explain lists all keys"
    hint = f"; did you mean '{match}'?" if match else ""
    return NotFoundError(f"unknown key '{name}'{hint}", fix=fix)


def _about(key: Key) -> Iterator[str]:
    yield key.name
    yield from textwrap.wrap(key.help, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield f"  type       {key.type}"
    yield f"  default    {key.default or 'none: the key must be there'}"
    if key.directive:
        yield f"  in units   {key.directive}"
    yield f"  since      {key.since}"
    yield "  example"
    yield from (f"    {line}" for line in to_yaml(example_of(key)).splitlines())


def example_of(key: Key) -> dict[str, object]:
    """Return the example of a key with the keys above it, as YAML would hold it.

    With those that are wanted beside it, at each level.
    """
    name = key.name
    example: dict[str, object] = {**_beside(name), _last(name): key.example}
    while name := name.rpartition(".")[0]:
        example = {**_beside(name), _last(name): _around(name, example)}
    return example


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _beside(name: str) -> dict[str, object]:
    """Return the examples of the keys that a mapping with the key `name` has to have."""
    above = name.rpartition(".")[0]
    keys = (*table(), *config_table(), *task_table())
    beside = next((key.beside for key in keys if key.name == name), {})
    if not above:
        return dict(beside)
    siblings = [key for key in keys if key.name.rpartition(".")[0] == above and key.is_required]
    return {**beside, **{_last(key.name): key.example for key in siblings if key.name != name}}


def _around(name: str, example: dict[str, object]) -> object:
    """Return what the key `name` holds, where what it has below is `example`."""
    above = next((key for key in (*table(), *config_table()) if key.name == name), None)
    if above is None:
        return example
    if above.type.startswith("list"):
        return [example]
    if above.type.startswith("mapping of") and isinstance(above.example, dict):
        return {next(iter(above.example)): example}
    return example


def _list(keys: Sequence[Key]) -> Iterator[str]:
    if not keys:
        return
    yield ""
    width = max(len(key.name) for key in keys) + 2
    for key in keys:
        yield f"  {key.name:<{width}}{first_clause(key)}"


def first_clause(key: Key) -> str:
    """Return what a key is for in a list of keys: its help as far as the first stop or colon."""
    return key.help.split(". ")[0].split(": ")[0].rstrip(".")


def _directives(presets: Mapping[str, Sequence[PresetDirective]]) -> Iterator[str]:
    for preset, directives in presets.items():
        yield ""
        yield f"  {preset}" if directives else f"  {preset}: no directive"
        for one in directives:
            yield f"    {one.line}"
            yield f"      {one.help}"
