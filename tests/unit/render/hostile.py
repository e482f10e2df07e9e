# SPDX-License-Identifier: Apache-2.0
"""Jobs with arbitrary text in every field that takes text, for property tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from debvisor_timers.jobs.model import Job
from debvisor_timers.source import Span

# Pieces that mean something to systemd, a shell, a glob, YAML or a terminal.
_LOADED = (
    "%", "%%", "%n", "%%n", "$", "$$", "$HOME", "${HOME}", "\\", "\\\\", '"', "'", ";", " ; ", "#",
    "\n", "\r", "\t", " ", "\\\n", "\n[Service]\nExecStart=/bin/false\n", "\nNice=19\n", "=", "[",
    "]", "*", "?", "-", "+", "@", ":", "!", "~", "|", "{{ 7 * 7 }}", "{% raw %}", "\\x41", "\\n",
    "\x01", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u200d", "\xa0", "\ufeff",
    "é", "日本", "🦆",
)  # fmt: skip

_NONCHARACTERS = [chr(p << 16 | low) for p in range(17) for low in (0xFFFE, 0xFFFF)]
_NONCHARACTERS += [chr(code) for code in range(0xFDD0, 0xFDF0)]
_CHARACTERS = st.characters(codec="utf-8", exclude_characters=["\0", *_NONCHARACTERS])


def texts(max_size: int = 8) -> st.SearchStrategy[str]:
    """Return text that a program can be handed, as hostile as it gets."""
    piece = st.one_of(st.sampled_from(_LOADED), st.text(_CHARACTERS, max_size=6))
    return st.lists(piece, max_size=max_size).map("".join)


def lines() -> st.SearchStrategy[str]:
    """Return text that stands in one line of a unit file."""

    def one_line(text: str) -> str:
        visible = "".join(c for c in text if ord(c) > 0x9F or 0x20 <= ord(c) < 0x7F)
        while visible != (shorter := visible.strip().rstrip("\\")):
            visible = shorter
        return visible

    return texts().map(one_line)


def paths(ending: str = "x") -> st.SearchStrategy[str]:
    """Return absolute paths that systemd takes as they are, in one folder; no dots alone."""

    def path(line: str) -> str:
        return f"/srv/{line.replace('/', '_')}{ending}"

    return lines().filter(lambda line: 0 < len(line.encode()) < 200).map(path)


_NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).map(lambda name: f"H_{name}")


@st.composite
def jobs(draw: st.DrawFn, /, *, job_id: str = "hostile", **fixed: Any) -> Job:
    """Return a job; `fixed` keys stand as they are given."""
    keys: dict[str, Any] = {
        "id": job_id,
        "source": Span(file=Path("/etc/debvisor/timers/jobs.d") / f"{draw(lines())}x", line=7),
        "name": draw(lines()),
        "description": draw(lines()),
        "owner": draw(lines()),
        "tags": draw(st.dictionaries(_NAMES, lines(), max_size=2)),
        "input": draw(st.none() | texts()),
        "environment": draw(st.dictionaries(_NAMES, texts(), max_size=4)),
        "environment_files": draw(st.lists(paths("f").map(lambda path: f"-{path}"), max_size=2)),
        "schedule": {"on_calendar": "2099-01-01 00:00:00"},
    }
    if draw(st.booleans()):
        keys["working_directory"] = draw(paths())
    if draw(st.booleans()):
        keys["command"] = ["/bin/true", *draw(st.lists(texts(), max_size=6))]
    else:
        keys |= {"script": draw(texts()), "shell": draw(paths())}
    return Job.model_validate(keys | fixed)
