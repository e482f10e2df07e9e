# SPDX-License-Identifier: Apache-2.0
"""The curl commands that the guide shows, as its text has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.guide.commands import GUIDE, Shown

_CURL = re.compile(
    # To the end of its line; a backslash, and a quote that is still open, join the next ones.
    r"^curl (?:[^'\n\\]|\\\n|'[^']*')*",
    re.MULTILINE,
)


def shown_requests(text: str | None = None) -> Sequence[Shown]:
    """Return every curl command of the guide, in order; line feeds stay."""
    guide = GUIDE.read_text(encoding="utf-8") if text is None else text
    return [
        Shown(line=guide.count("\n", 0, match.start()) + 1, text=match[0].strip())
        for match in _CURL.finditer(guide)
    ]
