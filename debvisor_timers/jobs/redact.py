# SPDX-License-Identifier: Apache-2.0
"""Text of units and errors without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from debvisor_timers.jobs.secrets import SECRET_VALUE, says_secret, secret_in

REDACTED = "[redacted]"

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|$)",
    re.DOTALL,
)
# Up to the last @: a password may have / in it, a port is followed by a path.
_PASSWORD_OF_URL = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]{0,30}://[^\s/@:\"']*:)(?![0-9]{1,5}/)[^\s\"']+(?=@)",
    re.IGNORECASE,
)
_WEBHOOK = re.compile(
    r"(?P<before>hooks\.slack\.com/services/|/api/webhooks/|api\.telegram\.org/bot)[^\s\"']+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<before>\b(?:Proxy-)?(?:Authorization|Set-Cookie|Cookie)\s*:\s*)[^\"'\n]+", re.IGNORECASE
)
_AUTHORIZATION = re.compile(
    r"(?P<before>\b(?:Bearer|Basic)\s+)(?!is\b|or\b)[^\s\"']{6,}", re.IGNORECASE
)
# Of programs that are often in jobs, and have no long option for it.
_USER_AND_PASSWORD = re.compile(
    r"(?P<before>(?<![\w-])(?:-u|-U|--user|--proxy-user)(?:\s+|=)[\"']?[^\s:\"'/]+:)"
    r"(?![0-9]+(?:[\s\"']|$))[^\s\"']+"
)
# Also as a list of YAML: [mysqldump, -pX, --all].
_SHORT_OPTION = re.compile(
    r"(?P<before>\b(?:(?:mysql|mariadb)[a-z-]*[\"',]*\s(?:.*?\s)?[\"']?-p"
    r"|sshpass[\"',]*\s+[\"']?-p[\s\"',]*))[^\s\"'-][^\s\"']*?(?=[,\]}]*(?:[\s\"']|$))"
)
_BEFORE = (_PASSWORD_OF_URL, _WEBHOOK, _HEADER, _AUTHORIZATION, _USER_AND_PASSWORD, _SHORT_OPTION)

_QUOTED = r"""\\"(?:(?!\\").)*\\"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_NAMED = re.compile(
    r"""(?P<name>[A-Za-z][A-Za-z0-9_.-]{0,60})(?P<quote>\\?["']?)(?P<between>\s*=\s*|\s*:\s*)"""
    rf"""(?P<value>{_QUOTED}|(?:[^\s"'&;,]|,(?=[^\s"']))+)"""
)
_OPTION = re.compile(
    r"""(?P<before>(?<![\w-])--?(?P<name>[A-Za-z][A-Za-z0-9_-]{0,60})["']?\s+)"""
    rf"""(?P<value>{_QUOTED}|[^\s"'-][^\s"']*)"""
)
# One word of a command that is a name and its value, up to its end: all of it is the value.
_WHOLE_WORD = re.compile(
    r"-{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?:=|:\s*)(?P<value>.+)", re.DOTALL
)
_LONGEST_NAMED = 300
_SHELL = re.compile(r"-[a-z]*c")
"""What follows it is a script: a value in it may end before the word does."""

_MORE_NAMES = re.compile(r"(?:TOKEN|PASS|CREDENTIALS?|COOKIE|WEBHOOK(?:_URL)?)$")
_REFERENCE = re.compile(r"\$\w+|\$\{\w+\}|%d/.*|true|false|yes|no|on|off|none", re.IGNORECASE)
_WORD = re.compile(r"""(?<![^\s"'=])[A-Za-z0-9+/_=-]{32,}(?![^\s"',])""")
_ASSIGNMENT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+""")

_LINE = re.compile(r"(?P<mark>[ +-]?)(?P<key>[A-Za-z][A-Za-z0-9._-]*)=(?P<value>.*)", re.DOTALL)
_WHOLE = {"StandardInputData", "StandardInputText"}
_SET_CREDENTIAL = {"SetCredential", "SetCredentialEncrypted"}
_ENVIRONMENT = {"Environment", "LogExtraFields"}
_NO_VALUES = {"Digest", "Source", "LoadCredential", "LoadCredentialEncrypted", "ImportCredential"}


def redact(text: str) -> str:
    """Return `text`, a message or a command, without passwords, keys and tokens.

    What is recognised: values whose name says it, keys and tokens of known forms, passwords in
    addresses, and what looks random. What is kept cannot be told from an ordinary word.
    """
    text = _KEY_BLOCK.sub(REDACTED, text)
    text = SECRET_VALUE.sub(REDACTED, text)
    for pattern in _BEFORE:
        text = pattern.sub(rf"\g<before>{REDACTED}", text)
    text = _without_values(_NAMED, text)
    text = _without_values(_OPTION, text)
    return _WORD.sub(lambda word: REDACTED if secret_in("", word[0]) else word[0], text)


def redact_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command, each without what is secret in it.

    What a word is may be told by the option before it, or by the program.
    """
    done = [redact(word) for word in words]
    for number, word in enumerate(words[1:], start=1):
        option, program = words[number - 1], words[0]
        told = (option, f"{program} {option}") if option.startswith("-") else ()
        for before in (*told, program):
            shown = redact(f"{before} {word}")
            if shown != f"{before} {word}" and shown.startswith(f"{before} "):
                done[number] = shown.removeprefix(f"{before} ")
                break
    return done


def redact_line(line: str) -> str:
    """Return a line of a unit file, or of a diff of some, without the secrets in it.

    Input and credentials of a job are left out whole.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return redact(line)
    start, key, value = f"{match['mark']}{match['key']}=", match["key"], match["value"]
    is_secret = key in _WHOLE or ("." in key and _is_secret_name(_plain(key)))
    if is_secret and value:
        return f"{start}{REDACTED}"
    if key in _SET_CREDENTIAL and value:
        return f"{start}{value.partition(':')[0]}:{REDACTED}"
    if key in _ENVIRONMENT:
        return start + _ASSIGNMENT.sub(_assignment, value)
    if key in _NO_VALUES:
        return line
    return start + redact(_words(value))


def _words(command: str) -> str:
    """Return a command without the values of its words that are NAME=VALUE, or a header."""
    done: list[str] = []
    before, place = "", 0
    for match in _ASSIGNMENT.finditer(command):
        word = match[0]
        quote = word[0] if word[0] in "\"'" else ""
        named = _WHOLE_WORD.fullmatch(word.strip(quote) if quote else word)
        is_secret = bool(
            named and not _SHELL.fullmatch(before) and _is_secret(named["name"], named["value"])
        )
        if named and is_secret:
            head = word[: len(quote) + named.start("value")]
            done += [command[place : match.start()], f"{head}{REDACTED}{quote}"]
            place = match.end()
        before = word
    return "".join((*done, command[place:]))


def _is_secret(name: str, value: str) -> bool:
    """Return True for a value that must not be seen, be it a weak one; what refers to one may."""
    # A doubled $ or % at the beginning is one character of the value, not a variable's name.
    meant = re.sub(r"^(?:\$\$|%%)", "x", value.strip("\"'\\"))
    if _REFERENCE.fullmatch(meant):
        return False
    if meant and _is_secret_name(_plain(name)):
        return True
    # What is longer is looked at as a word: from each name on, it would take too long.
    return len(meant) <= _LONGEST_NAMED and bool(secret_in(_plain(name), meant))


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")


def _is_secret_name(name: str) -> bool:
    """Return True where the name alone says that its value is a secret."""
    return says_secret(name) or bool(_MORE_NAMES.search(name.upper()))


def _without_values(pattern: re.Pattern[str], text: str) -> str:
    """Return `text` without the values of secret names; a value can hold another name: `a:b=c`."""
    done: list[str] = []
    place = 0
    while match := pattern.search(text, place):
        is_secret = _is_secret(match["name"], match["value"])
        done.append(text[place : match.start("value")] + (REDACTED if is_secret else ""))
        place = match.end("value") if is_secret else match.start("value")
    return "".join((*done, text[place:]))


def _assignment(match: re.Match[str]) -> str:
    """Return NAME=value as systemd has it in Environment=, without a value that is a secret."""
    word = match[0]
    quote = word[0] if word[0] in "\"'" else ""
    name, equals, value = word.strip(quote or " ").partition("=")
    meant = re.sub(r"^%%", "x", value).replace('\\"', '"').replace("\\n", "\n")
    # No $ means anything here, so nothing is a reference.
    if equals and value and (_is_secret_name(name) or secret_in(name, meant)):
        return f"{quote}{name}={REDACTED}{quote}"
    return redact(word)
