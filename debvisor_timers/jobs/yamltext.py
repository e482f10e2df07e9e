# SPDX-License-Identifier: Apache-2.0
"""Values as YAML text, for examples that people read."""

from __future__ import annotations

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes what the loader reads: quotes only where YAML 1.2 wants them, lists in one line."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if any(char in value for char in "*%@`") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper: yaml.SafeDumper, value: list[object]) -> yaml.SequenceNode:
    is_flat = all(not isinstance(item, dict | list) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_flat)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def to_yaml(value: object) -> str:
    """Return `value` (mappings, lists, text, numbers) as YAML text that ends in a line break."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88)
