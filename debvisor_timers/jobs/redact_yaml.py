# SPDX-License-Identifier: Apache-2.0
"""Text of job files without the secrets in it, line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from debvisor_timers.jobs.redact import REDACTED, redact
from debvisor_timers.jobs.secrets import says_secret

_KEY = re.compile(
    r"(?P<before>(?P<indent>\s*(?:- +)*)[\"']?(?P<key>[A-Za-z_][\w.-]*)[\"']?\s*:(?:\s+|$))"
    r"(?P<value>.*)"
)
_INPUT = re.compile(r"(?P<before>[{,]\s*input:\s+)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^,}]*)")
_PAIR = re.compile(
    r"(?P<before>(?<=[\[\s])[\"']?(?P<word>--?[A-Za-z][\w-]*)[\"']?,\s*)"
    r"(?P<argument>\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s\"',\[\]]+)"
)
_ITEM = re.compile(r"(?P<before>\s*- +)[\"']?(?P<word>(?P<argument>.*?))[\"']?\s*")
_BLOCK = re.compile(r"[|>][0-9+-]*\s*(?:#.*)?|\s*")
_KEY_BEGIN, _KEY_END = "-----BEGIN ", "-----END "
_LONGEST = 2_000


def redact_yaml(text: str) -> Sequence[str]:
    """Return the lines of `text`, each without what is secret in it; as many as there are.

    The input of a job is left out whole, as is what stands below a name that says it is a secret.
    """
    lines: list[str] = []
    below: int | None = None  # what is indented further than this belongs to a secret
    in_key = False
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if below is not None and (indent > below or not line.strip()):
            lines.append(_masked(line))
            continue
        below = None
        in_key = in_key or _KEY_BEGIN in line
        if in_key:
            in_key = _KEY_END not in line
            lines.append(_masked(line))
            continue
        match = _KEY.fullmatch(line)
        if match is not None and _is_secret(match["key"], match["value"]):
            below = len(match["indent"])
            lines.append(_without_value(match))
        else:
            lines.append(_shown(line, match, lines[-1] if lines else ""))
    return lines


def _is_secret(key: str, value: str) -> bool:
    # A job may have such an id, with all of its keys below it; no variable has a dash in its name.
    return key == "input" or ("-" not in key and bool(value) and says_secret(key))


def _without_value(match: re.Match[str]) -> str:
    is_block = _BLOCK.fullmatch(match["value"])
    return match["before"] + (match["value"] if is_block else REDACTED)


def _shown(line: str, match: re.Match[str] | None, before: str) -> str:
    """Return a line that is no secret as a whole; before: the one above."""
    if len(line) > _LONGEST:
        # Cut in its middle, a secret would not be recognised.
        return f"{line.partition(':')[0][:80]}: [{len(line)} characters left out]"
    if match is not None and match["value"].startswith("{"):
        if match["key"] == "credentials":  # names of files
            return line
        return match["before"] + _redacted(match["value"])  # the key may be the id of a job
    option, item = _ITEM.fullmatch(before), _ITEM.fullmatch(line)
    if option and item and option["word"].startswith("-") and _tells(option, item):
        return item["before"] + REDACTED
    return _redacted(line)


def _redacted(text: str) -> str:
    text = _INPUT.sub(rf"\g<before>{REDACTED}", text)
    return redact(_PAIR.sub(_without_argument, text))


def _without_argument(pair: re.Match[str]) -> str:
    """Return an option and its argument in a list, without the argument where that is secret."""
    return pair["before"] + REDACTED if _tells(pair, pair) else pair[0]


def _tells(option: re.Match[str], argument: re.Match[str]) -> bool:
    command = f"{option['word']} {argument['argument']}"
    return redact(command) != command


def _masked(line: str) -> str:
    text = line.lstrip()
    return line[: len(line) - len(text)] + (REDACTED if text else "")
