# SPDX-License-Identifier: Apache-2.0
"""Text that can reach a program and a unit file: what is refused, and how long it may be."""

from __future__ import annotations

import re

from debvisor_timers.jobs.faults import fault, quoted

ARGUMENT_BYTES = 131_071
"""The longest argument or `NAME=value` that execve takes (MAX_ARG_STRLEN, its NUL included)."""

LINE_BYTES = 1_000_000
"""The longest line of a unit file: systemd 257 loads this, and fails at 1,100,000."""

PROGRAM_BYTES = 2_000_000
"""The longest argv and environment together, under the usual 2 MiB (a quarter of the stack)."""

INPUT_BYTES = 700_000
"""The longest `input`: as base64 it must fit a line of a unit file."""

PATH_BYTES = 4_095
"""The longest path (PATH_MAX, its NUL included)."""

# systemd 257, unichar_is_valid(): these are not UTF-8 to it, though Unicode allows them in text.
# A value of Environment= that holds one is dropped, and an argv with one cannot be read over D-Bus.
_PLANES = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_NOT_UTF8 = re.compile(f"[\ud800-\udfff\ufdd0-\ufdef{_PLANES}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_text(text: str) -> str:
    """Return `text`, which may hold anything but NUL and what systemd does not take for UTF-8."""
    if "\0" in text:
        place = text.index("\0")
        raise fault(
            f"holds a NUL character (number {place + 1}), which no program can be given",
            fix="remove it; data with NUL belongs in a file",
        )
    if not text.isascii():
        _check_utf8(text)
    return text


def _check_utf8(text: str) -> None:
    wrong = _NOT_UTF8.search(text)
    if wrong:
        raise fault(
            f"character {wrong.start() + 1} (U+{ord(wrong[0]):04X}) is not a character "
            "that systemd accepts",
            fix="remove it; bytes that are no text belong in a file",
        )


def check_line(text: str) -> str:
    """Return `text`, one line as a unit file can hold it where it has no escapes."""
    check_text(text)
    control = _CONTROL.search(text)
    if control:
        raise _control_character(text, control)
    if text != text.strip():
        raise fault("begins or ends with a space", fix="remove it: systemd would")
    if text.endswith("\\"):
        raise fault("ends with a backslash, which in a unit file joins the next line to it")
    _check_length(text, LINE_BYTES // 2)
    return text


def _control_character(text: str, control: re.Match[str]) -> Exception:
    if control[0] in "\r\n":
        only_last = control.start() == len(text.rstrip("\r\n"))
        fix = "write >- instead of | or >" if only_last else "write it on one line"
        return fault("holds a line break; one line is wanted", fix=fix)
    return fault(
        f"character {control.start() + 1} (U+{ord(control[0]):04X}) is a control character",
        fix="remove it",
    )


def check_argument(text: str) -> str:
    """Return `text`, one argument of a program."""
    check_text(text)
    _check_length(text, ARGUMENT_BYTES)
    return text


def check_input(text: str) -> str:
    """Return `text`, what a program reads from its standard input."""
    check_text(text)
    _check_length(text, INPUT_BYTES, fix="put it into a file and let the command read that")
    return text


def _check_length(text: str, limit: int, fix: str = "put it into a file") -> None:
    # A character has at most 4 bytes: most texts need not be encoded to know.
    if len(text) * 4 > limit and (size := len(text.encode())) > limit:
        raise fault(f"is {size:,} bytes long; at most {limit:,} are possible", fix=fix)


def check_path(path: str, *, wanted: str = "an absolute path", home: bool = False) -> str:
    """Return `path`, an absolute path; `~` too where `home` is set."""
    check_line(path)
    if not path.startswith("/") and not (home and path == "~"):
        raise fault(f"{quoted(path)} is not {wanted}", fix="begin it with /")
    _check_length(path, PATH_BYTES, fix="use a shorter path")
    return path


def check_watched_path(path: str) -> str:
    """Return `path`, absolute, as systemd would write it: systemd ignores one with `..` in it."""
    check_path(path)
    plain = "/" + "/".join(part for part in path.split("/") if part not in {"", "."})
    if ".." in path.split("/"):
        raise fault(f"{quoted(path)} has .. in it", fix="write the path without it")
    if plain != path:
        raise fault(f"{quoted(path)} is not in its plain form", fix=f"write {plain}")
    if plain == "/":
        raise fault("/ is always there", fix="write the path of a file or folder below it")
    # The kernel tells nobody of changes there.
    if plain.startswith(("/proc/", "/sys/")) or plain in {"/proc", "/sys"}:
        raise fault(f"{quoted(path)} cannot be watched", fix="use a schedule, and look there")
    return path


def check_optional_path(path: str) -> str:
    """Return `path`, absolute, where a leading `-` says that it may be missing."""
    check_path(path.removeprefix("-"), wanted="an absolute path (a leading - says: if it is there)")
    return path


def escaped_size(text: str) -> int:
    """Return an upper bound for the bytes that `text` needs in a unit file, quotes included."""
    data = text.encode()
    doubled = sum(data.count(byte) for byte in b'%$"\\')
    plain = len(data.translate(None, bytes(range(32)) + b"\x7f"))
    return plain + doubled + 4 * (len(data) - plain) + 3
