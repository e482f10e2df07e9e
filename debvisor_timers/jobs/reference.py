# SPDX-License-Identifier: Apache-2.0
"""The tables of keys and presets in scdoc's language, for the man pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from debvisor_timers.jobs.explain import example_of
from debvisor_timers.jobs.keys import Key, config_table, table
from debvisor_timers.jobs.sandbox import EXPLAINED
from debvisor_timers.jobs.yamltext import to_yaml


def reference() -> str:
    """Return the section KEYS of debvisor-timers-jobs(5), with its heading."""
    return _section("KEYS", table())


def config_reference() -> str:
    """Return the section KEYS of debvisor-timers-config(5), with its heading."""
    return _section("KEYS", config_table())


def sandbox_reference() -> str:
    """Return the section SANDBOX of debvisor-timers-jobs(5), with its heading."""
    lines = ["# SANDBOX", ""]
    for preset, directives in EXPLAINED.items():
        lines += [f"*{preset}*"]
        lines += [] if directives else ["\tNo directive.", ""]
        for one in directives:
            lines += [f"\t*{_escape(one.line)}*", f"\t\t{_escape(one.help)}.", ""]
    return "\n".join(lines)


def _section(heading: str, keys: Iterable[Key]) -> str:
    lines = [f"# {heading}", ""]
    for key in keys:
        lines += _entry(key)
    return "\n".join(lines)


def _entry(key: Key) -> Iterator[str]:
    yield f"*{_escape(key.name)}*"
    yield f"\t{_escape(key.help)}"
    yield ""
    facts = [f"Type: {key.type}.", f"Default: {key.default}." if key.default else "Required."]
    if key.directive:
        facts.append(f"In units: {key.directive}.")
    yield f"\t{_escape(' '.join(facts))}"
    yield ""
    yield "\t```"
    yield from (f"\t{line}" for line in to_yaml(example_of(key)).splitlines())
    yield "\t```"
    yield ""


# scdoc(5): underscores and asterisks make text underlined and bold, # and . begin lines.
_SPECIAL = re.compile(r"([\\*_`<>\[\]#~])")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
