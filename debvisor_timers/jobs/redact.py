# SPDX-License-Identifier: Apache-2.0
"""Text of units and errors without the secrets in it."""

from __future__ import annotations

import re

from debvisor_timers.jobs.secrets import SECRET_VALUE, secret_in

REDACTED = "[redacted]"

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|$)",
    re.DOTALL,
)
_PASSWORD_OF_URL = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^\s/@:\"']*:)[^\s/\"']+(?=@)", re.IGNORECASE
)
_AUTHORIZATION = re.compile(
    r"(?P<before>\b(?:Bearer|Basic)\s+)(?!is\b|or\b)[^\s\"']{6,}", re.IGNORECASE
)
_NAMED = re.compile(
    r"""(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?P<quote>["']?)(?P<between>\s*=\s*|\s*:\s*)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'&;,]+)"""
)
_OPTION = re.compile(
    r"""(?P<before>(?<![\w-])--?(?P<name>[A-Za-z][A-Za-z0-9_-]*)["']?\s+)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'-][^\s"']*)"""
)
_WORD = re.compile(r"""(?<![^\s"'=])[A-Za-z0-9+/_=-]{32,}(?![^\s"',])""")
_ASSIGNMENT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+""")

_LINE = re.compile(r"(?P<mark>[ +-]?)(?P<key>[A-Za-z][A-Za-z0-9-]*)=(?P<value>.*)", re.DOTALL)
_WHOLE = {"StandardInputData", "StandardInputText"}
_SET_CREDENTIAL = {"SetCredential", "SetCredentialEncrypted"}
_ENVIRONMENT = {"Environment", "LogExtraFields"}


def redact(text: str) -> str:
    """Return `text`, a message or a command, without passwords, keys and tokens.

    What is recognised: values whose name says it, keys and tokens of known forms, passwords in
    addresses, and what looks random. What is kept cannot be told from an ordinary word.
    """
    text = _KEY_BLOCK.sub(REDACTED, text)
    text = _PASSWORD_OF_URL.sub(rf"\g<before>{REDACTED}", text)
    text = SECRET_VALUE.sub(REDACTED, text)
    text = _AUTHORIZATION.sub(rf"\g<before>{REDACTED}", text)
    text = _without_values(_NAMED, text)
    text = _without_values(_OPTION, text)
    return _WORD.sub(lambda word: REDACTED if secret_in("", word[0]) else word[0], text)


def redact_line(line: str) -> str:
    """Return a line of a unit file, or of a diff of some, without the secrets in it.

    Input and credentials of a job are left out whole.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return redact(line)
    start, key, value = f"{match['mark']}{match['key']}=", match["key"], match["value"]
    if key in _WHOLE and value:
        return f"{start}{REDACTED}"
    if key in _SET_CREDENTIAL and value:
        return f"{start}{value.partition(':')[0]}:{REDACTED}"
    if key in _ENVIRONMENT:
        return start + _ASSIGNMENT.sub(_assignment, value)
    if key in {"Digest", "Source"}:
        return line
    return start + redact(value)


def _without_values(pattern: re.Pattern[str], text: str) -> str:
    """Return `text` without the values of secret names; a value can hold another name: `a:b=c`."""
    done: list[str] = []
    place = 0
    while match := pattern.search(text, place):
        name = match["name"].replace("-", "_").replace(".", "_")
        # A doubled $ or % at the beginning is one character of the value, not a variable's name.
        meant = re.sub(r"^(?:\$\$|%%)", "x", match["value"].strip("\"'"))
        is_secret = bool(secret_in(name, meant))
        done.append(text[place : match.start("value")] + (REDACTED if is_secret else ""))
        place = match.end("value") if is_secret else match.start("value")
    return "".join((*done, text[place:]))


def _assignment(match: re.Match[str]) -> str:
    """Return NAME=value as systemd has it in Environment=, without a value that is a secret."""
    word = match[0]
    quote = word[0] if word[0] in "\"'" else ""
    name, equals, value = word.strip(quote or " ").partition("=")
    meant = re.sub(r"^%%", "x", value).replace('\\"', '"').replace("\\n", "\n")
    if equals and secret_in(name, meant):
        return f"{quote}{name}={REDACTED}{quote}"
    return redact(word)
