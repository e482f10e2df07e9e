# SPDX-License-Identifier: Apache-2.0
"""`make docs`: writes the parts of the manual pages that are made from tables of the program."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from debvisor_timers.jobs import owned
from debvisor_timers.jobs.reference import (
    config_reference,
    reference,
    sandbox_reference,
    task_reference,
)
from debvisor_timers.jobs.task_reference import types_reference
from debvisor_timers.operations.measuring.metric_table import TABLE

FOLDER = Path(__file__).resolve().parent


def refused_reference() -> str:
    """Return every directive that `unit` refuses, by section, with what to do instead."""
    tables = {
        "Unit": owned.UNIT,
        "Service": owned.SERVICE,
        "Timer": owned.TIMER,
        "Path": owned.PATH,
    }
    return "\n".join(
        f"\\[{section}\\]\n\t{_reasons(directives)}\n" for section, directives in tables.items()
    )


def _reasons(directives: Mapping[str, owned.Refusal]) -> str:
    """Return the directives, those with the same reason together, in the order of the table."""
    together: dict[owned.Refusal, list[str]] = {}
    for name, reason in directives.items():
        together.setdefault(reason, []).append(f"*{name}=*")
    lines = [f"{', '.join(names)}: {_plain(str(reason))}." for reason, names in together.items()]
    return "\n\n\t".join(lines)


def _plain(text: str) -> str:
    """Return a sentence with `code` in italics, as the pages have it, and scdoc's signs escaped."""
    escaped = re.sub(r"([\\*_<>\[\]#~])", r"\\\1", text)
    return re.sub(r"`([^`]*)`", r"_\1_", escaped)


def metrics_reference() -> str:
    """Return every metric with its type, its labels and its meaning."""
    lines: list[str] = []
    for metric in TABLE:
        labels = ", ".join(f"_{_escaped(label)}_" for label in metric.labels)
        facts = f"{metric.type}, by {labels}" if labels else str(metric.type)
        lines += [f"*{_escaped(metric.name)}* ({facts})", f"\t{_plain(metric.help)}", ""]
    return "\n".join(lines)


def _escaped(word: str) -> str:
    return word.replace("_", "\\_")


SECTIONS: Mapping[str, Callable[[], str]] = {
    "keys": reference,
    "config keys": config_reference,
    "sandbox": sandbox_reference,
    "refused": refused_reference,
    "metrics": metrics_reference,
    "task keys": task_reference,
    "task types": types_reference,
}
"""What can be generated, by the name that the marker has: `; generated: keys`."""

_GENERATED = re.compile(
    r"^; generated: (?P<name>[a-z ]+)\n(?P<text>.*?)^; end of generated\n", re.MULTILINE | re.DOTALL
)


def regenerated(page: str) -> str:
    """Return the text of a page with its generated parts made anew."""

    def section(match: re.Match[str]) -> str:
        text = re.sub(r"\\`(.*?)\\`", r"_\1_", SECTIONS[match["name"]]().rstrip("\n"))
        return f"; generated: {match['name']}\n{text}\n\n; end of generated\n"

    return _GENERATED.sub(section, page)


def main() -> int:
    """Regenerate every page in place; say which have changed."""
    for path in sorted(FOLDER.glob("*.scd")):
        before = path.read_text(encoding="utf-8")
        after = regenerated(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{path.name}: regenerated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
