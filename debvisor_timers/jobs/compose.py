# SPDX-License-Identifier: Apache-2.0
"""YAML text as a tree of nodes, without a guess at what any of them means."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from yaml.error import Mark
from yaml.loader import BaseLoader
from yaml.nodes import Node

DEEPEST = 32
"""How many levels of mappings and lists are read; ours have 6."""


class TooDeepError(Exception):
    """The node tree is deeper than any file of ours; `mark` is where the last level begins."""

    def __init__(self, mark: Mark) -> None:
        """Keep `mark`."""
        super().__init__()
        self.mark = mark


class _NodesOnly:
    """Makes node trees alone: a tag of a node is one that was written, never a guessed one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)  # type: ignore[call-arg]
        self._depth = 0

    def resolve(self, *_: object) -> str:
        return ""

    def descend_resolver(self, parent: Node, _index: object) -> None:
        # libyaml's loader recurses in C: without a limit, brackets alone overflow the stack.
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooDeepError(parent.start_mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


class SlowComposer(_NodesOnly, BaseLoader):
    """In Python: for a PyYAML that was built without libyaml."""


if yaml.__with_libyaml__:
    from yaml.cyaml import CBaseLoader

    class Composer(_NodesOnly, CBaseLoader):
        """In C: several times as fast."""

else:
    Composer = SlowComposer  # type: ignore[assignment, misc]


def compose(text: str, *, composer: type = Composer) -> Node | None:
    """Return the root of the node tree, None for a text without values.

    Raises yaml.YAMLError, or TooDeepError.
    """
    root: Node | None = composer(text).get_single_node()
    return root


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the garbage collector off: many small values, none of them garbage, double its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
