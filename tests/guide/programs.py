# SPDX-License-Identifier: Apache-2.0
"""The Python programs of the guide, as they stand in its text."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

GUIDE = Path(__file__).parent / "scheduler-guide.md"
_FENCE = re.compile(r"^ *```(?P<language>[a-z]*) *$")
THEIR_MODULE = "opt.services.scheduler.core"


def programs() -> list[str]:
    """Return the blocks that are Python, in order; only the name of the module is ours.

    Every fence of the guide says `python`, the closing ones and those of drawings too: what counts
    is whether Python can read it.
    """
    found: list[str] = []
    block: list[str] | None = None
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        fence = _FENCE.match(line)
        if fence is None:
            if block is not None:
                block.append(line)
        elif block is None:
            block = []
        else:
            text = textwrap.dedent("\n".join(block))
            if _is_python(text):
                found.append(text.replace(THEIR_MODULE, "debvisor_timers"))
            block = None
    return found


def _is_python(text: str) -> bool:
    try:
        # A block may await, as in an interactive session.
        tree = compile(text, "guide", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Call | ast.Assign | ast.FunctionDef) for node in ast.walk(tree))
