# SPDX-License-Identifier: Apache-2.0
"""The ids of jobs that come from crontabs: of the name of the file and the program of the line."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

_LONGEST = 64
_DIGEST = 6
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_KEYWORDS = {"if", "then", "else", "elif", "{", "(", "!", "exec", "time", "do", "while", "for"}
_WRAPPERS = {"nice", "ionice", "env", "nohup", "flock", "timeout", "setsid", "chronic", "sudo"}
_ASIDE = {
    *("test", "[", "cd", "command", "type", "which", "true", ":", "set", ".", "source"),
    *("export", "umask", "sleep", "fi", "}", ")", "echo", "done"),
}
_SEPARATOR = re.compile(r"[;&|(){}\n]+")


def job_ids(stem: str, lines: Sequence[tuple[str, str]], taken: set[str]) -> list[str]:
    """Return an id for each line (its command; what tells it from others) of a source.

    stem: what the source is called. Where two lines would have the same id, both get a digest of
    what they say: so no id depends on what other lines stand above. taken: ids of other sources;
    those of this one are added.
    """
    plain = [_plain(stem, program(command)) for command, _ in lines]
    counts = Counter(plain)
    ids: list[str] = []
    for job_id, (_, identity) in zip(plain, lines, strict=True):
        unique = job_id
        if counts[job_id] > 1 or job_id in taken:
            unique = _joined(job_id, hashlib.sha256(identity.encode()).hexdigest()[:_DIGEST])
        number = 1
        wanted = unique
        while wanted in taken:
            number += 1
            wanted = _joined(unique, str(number))
        taken.add(wanted)
        ids.append(wanted)
    return ids


def slug(text: str) -> str:
    """Return `text` in the letters of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def program(command: str) -> str:
    """Return the name of the program that a command is about, empty where that is not clear."""
    for words in _simple_commands(command):
        name = _first(words)
        if name == "systemctl" and "is-active" in words:
            continue
        if name and name not in _ASIDE and re.search("[A-Za-z0-9]", name):
            return name
    return ""


def _plain(stem: str, name: str) -> str:
    of_program = slug(re.sub(r"\.(?:sh|py|pl|php)$", "", name))
    stem = slug(stem) or "cron"
    if not of_program or of_program in {stem, *stem.split("-")}:
        return stem[:_LONGEST].strip("-")
    if of_program.startswith(f"{stem}-"):
        return of_program[:_LONGEST].strip("-")
    return f"{stem}-{of_program}"[:_LONGEST].strip("-")


def _joined(job_id: str, suffix: str) -> str:
    return f"{job_id[: _LONGEST - 1 - len(suffix)].strip('-')}-{suffix}"


def _simple_commands(command: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|(){}")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for token in lexer:
            if _SEPARATOR.fullmatch(token):
                yield words
                words = []
            else:
                words.append(token)
    except ValueError:
        pass
    yield words


def _first(words: Sequence[str]) -> str:
    """Return the program of a simple command: behind variables, keywords and such as nice."""
    wrapped = False
    for word in words:
        if _ASSIGNMENT.fullmatch(word) or word in _KEYWORDS:
            continue
        name = word.rpartition("/")[2]
        if wrapped and (word.startswith("-") or not re.search("[A-Za-z]", word)):
            continue
        if name in _WRAPPERS:
            wrapped = True
            continue
        if wrapped and word.startswith("/") and "/bin/" not in word and "/sbin/" not in word:
            continue  # the lock file of flock
        return name
    return ""
