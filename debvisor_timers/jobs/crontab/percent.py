# SPDX-License-Identifier: Apache-2.0
"""The percent signs of a crontab's command: where its standard input begins."""

from __future__ import annotations


def split_percent(raw: str) -> tuple[str, str | None]:
    r"""Return the command that the shell gets, and its standard input; None where no % begins one.

    As cron 3.0pl1-197 does it: before the first % a backslash hides a % or a backslash and goes
    itself; behind it `\%` is a %, any other % a line break, and the last line gets its end.
    """
    command: list[str] = []
    at = 0
    while at < len(raw):
        pair = raw[at : at + 2]
        if pair in {r"\%", r"\\"}:
            command.append(pair[1])
            at += 2
        elif raw[at] == "\\":
            command.append(pair)
            at += 2
        elif raw[at] == "%":
            return "".join(command), _input(raw[at + 1 :])
        else:
            command.append(raw[at])
            at += 1
    return "".join(command), None


def join_percent(command: str, text: str | None) -> str | None:
    r"""Return the command column of a crontab that `split_percent` takes apart into these two.

    None where there is none: a line break in the command; an input that does not end in a line
    break, or has a backslash before the end of a line or before a %.
    """
    if "\n" in command:
        return None
    column = command.replace("\\", "\\\\").replace("%", "\\%")
    if text is None:
        return column
    if text:
        if not text.endswith("\n"):
            return None
        body = text[:-1].replace("%", "\\%").replace("\n", "%")
        # Where the last line is empty, its end has to be written: cron adds none to a line break.
        column += "%" + body + ("%" if text.endswith("\n\n") or text == "\n" else "")
    else:
        column += "%"
    return column if split_percent(column) == (command, text) else None


def _input(raw: str) -> str:
    text: list[str] = []
    escaped = False
    for char in raw:
        if escaped and char != "%":
            text.append("\\")
        elif not escaped and char == "%":
            char = "\n"  # noqa: PLW2901 - as cron does it
        escaped = char == "\\"
        if not escaped:
            text.append(char)
    if escaped:
        text.append("\\")
    whole = "".join(text)
    return whole if not whole or whole.endswith("\n") else f"{whole}\n"
