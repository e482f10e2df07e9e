# SPDX-License-Identifier: Apache-2.0
"""The real Analyzer: systemd-analyze, asked about many units or calendars at once."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import CalendarAnswer, Finding

_PROGRAM = "systemd-analyze"
# Well below the kernel's 2 MiB for arguments and environment together.
_ARGUMENT_BYTES = 512 * 1024
_POINTER_BYTES = 8
# To start systemd-analyze takes as long as to load so many units.
_FEWEST_UNITS = 200

T = TypeVar("T")
R = TypeVar("R")

_NEEDS_OTHERS = re.compile(
    r"^\s*(?:Requires|Requisite|BindsTo|BindTo|Requi(?:res|site)Overridable)\s*=|"
    # Any other list of units with a word in it that is no unit name.
    r"^(?:Wants|After|Before|On(?:Failure|Success)|JoinsNamespaceOf|\w*Propagate\w+)="
    r"(?:.*[ \t])?(?![\w:.\\@%-]+\.[a-z]+(?:[ \t]|$))[^\s]+(?:[ \t]|$)",
    re.MULTILINE,
)
_ABOUT_LINE = re.compile(r"(?P<path>/.*?):(?P<line>\d+): (?P<message>.*)")
_ABOUT_UNIT = re.compile(r"(?P<unit>[\w:.\\@-]+\.[a-z]+): (?P<message>.*)")
_BAD_UNIT = re.compile(r"Unit (?P<unit>\S+) (?P<message>(has|is|was) .*)")
_CALENDAR_ERROR = "Failed to parse calendar specification '"
_KEYS = ("Normalized form:", "Next elapse:", "(in UTC):", "Iteration #")


class CommandAnalyzer:
    """The real Analyzer."""

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        """Load the unit files `units` (name to text) beside the host's own; return all complaints.

        Complaints about units and drop-ins of others are left out.
        """
        if not units:
            return []
        with tempfile.TemporaryDirectory(prefix="debvisor-verify-") as name:
            folder = Path(name)
            for unit, text in units.items():
                (folder / unit).write_bytes(text.encode("utf-8", "surrogateescape"))
            lines = list(_verify_lines(folder, units))
        findings = (_finding(line, folder, units) for line in lines)
        return list(dict.fromkeys(each for each in findings if each is not None))

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        """Return the next `count` elapses of each of `specs`, strictly after `after`, in order."""
        distinct = list(dict.fromkeys(specs))
        answers: dict[str, CalendarAnswer] = {}
        for part in _parts(distinct):
            answers.update((each.spec, each) for each in _calendar(part, after, count))
        return [answers[spec] for spec in specs]


def _verify_lines(folder: Path, units: Mapping[str, str]) -> Iterator[str]:
    # Loading alone takes 0.3 s for 1,000 pairs; `one` builds a start transaction for each unit as
    # well and takes 2.8 s (systemd 257). Only that finds a missing unit in Requires=, and says of
    # `Wants=a` that it is ignored, so it is kept for the units that have such a line.
    needy = [name for name, text in units.items() if _NEEDS_OTHERS.search(text)]
    calls = [
        [f"--recursive-errors={errors}", "--", *part]
        for errors, names in (("no", list(units)), ("one", needy))
        for part in _parts([f"{folder}/{name}" for name in names], most=_share(len(names)))
    ]
    for done in _at_once(lambda call: _run("verify", "--man=no", "--generators=no", *call), calls):
        yield from done.stderr.splitlines()


def _share(units: int) -> int:
    """Return how many of so many units one process is to verify: some on each processor."""
    return max(_FEWEST_UNITS, -(-units // len(os.sched_getaffinity(0))))


def _at_once(run: Callable[[T], R], calls: Sequence[T]) -> Iterable[R]:
    """Run all calls, one for each processor at a time; return what they return, in order."""
    if len(calls) <= 1:
        return map(run, calls)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # of 10 ms, for large plans

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(run, calls))


def _finding(line: str, folder: Path, units: Mapping[str, str]) -> Finding | None:
    """Return what `line` says about one of `units`, None when it is about another."""
    if (match := _ABOUT_LINE.fullmatch(line)) is not None:
        path = Path(match["path"])
        if path.parent != folder or path.name not in units:
            return None
        return Finding(unit=path.name, line=int(match["line"]), message=match["message"])
    match = _BAD_UNIT.fullmatch(line) or _ABOUT_UNIT.fullmatch(line)
    if match is not None and match["unit"] in units:
        return Finding(unit=match["unit"], line=0, message=match["message"])
    return _finding_by_path(line, folder, units)


def _finding_by_path(line: str, folder: Path, units: Mapping[str, str]) -> Finding | None:
    # "Failed to prepare filename PATH: Invalid argument", and whatever a later systemd says.
    for name in re.findall(re.escape(f"{folder}/") + r"([^\s:]+)", line):
        if name in units:
            return Finding(unit=name, line=0, message=line.replace(f"{folder}/", ""))
    return None


def _calendar(specs: Sequence[str], after: datetime, count: int) -> Iterable[CalendarAnswer]:
    base = f"@{int(after.timestamp())}"
    done = _run("calendar", f"--iterations={count}", f"--base-time={base}", "--", *specs)
    errors = {spec: error for spec in specs if (error := _calendar_error(spec, done.stderr))}
    blocks = _blocks(done.stdout)
    if len(blocks) + len(errors) != len(specs):
        if len(specs) == 1:
            said = done.stderr.strip() or done.stdout.strip()
            return [CalendarAnswer(spec=specs[0], error=said or "systemd-analyze says nothing")]
        return [answer for spec in specs for answer in _calendar([spec], after, count)]
    good = iter(blocks)
    return [
        CalendarAnswer(spec=spec, error=errors[spec])
        if spec in errors
        else _calendar_answer(spec, next(good), count)
        for spec in specs
    ]


def _calendar_error(spec: str, stderr: str) -> str:
    start = f"{_CALENDAR_ERROR}{spec}': "
    return next((line for line in stderr.splitlines() if line.startswith(start)), "")


def _blocks(stdout: str) -> list[list[tuple[str, str]]]:
    """Return the lines of interest of each answer, as pairs of key and value."""
    blocks: list[list[tuple[str, str]]] = []
    for line in stdout.splitlines():
        key = line.strip()
        if not key.startswith(_KEYS):
            continue
        name, _, value = key.partition(": ")
        if name == "Normalized form":
            blocks.append([])
        blocks[-1].append((name, value.strip()))
    return blocks


def _calendar_answer(spec: str, block: list[tuple[str, str]], count: int) -> CalendarAnswer:
    elapses: list[datetime] = []
    for name, value in block[1:]:
        if value == "never":
            continue
        if name == "(in UTC)":
            elapses[-1] = _parse_utc(value)
        else:
            elapses.append(_parse_utc(value))
    return CalendarAnswer(spec=spec, normalized=block[0][1], elapses=tuple(elapses[:count]))


def _parse_utc(text: str) -> datetime:
    """Return the instant that is written as `Mon 2026-11-23 02:00:00 UTC`.

    A local time (another zone in the place of UTC) is read as if it were UTC: the line that
    follows it, `(in UTC)`, takes its place.
    """
    _day, date, clock, *_zone = text.split()
    return datetime.fromisoformat(f"{date} {clock}").replace(tzinfo=UTC)


def _parts(arguments: Sequence[str], *, most: int = 2**31) -> Iterator[list[str]]:
    """Yield `arguments` in parts of at most `most`, each short enough for one command line."""
    part: list[str] = []
    size = 0
    for argument in arguments:
        length = len(os.fsencode(argument)) + 1 + _POINTER_BYTES
        if len(part) == most or (part and size + length > _ARGUMENT_BYTES):
            yield part
            part, size = [], 0
        part.append(argument)
        size += length
    if part:
        yield part


def _run(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [_PROGRAM, verb, *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            # The zone is PID 1's, whatever the TZ of the caller is; messages are English.
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "LC_ALL": "C",
                "TZ": ":/etc/localtime",
            },
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise SystemdError(
            f"{_PROGRAM} is not installed", fix="install the package systemd"
        ) from error
    except (OSError, ValueError) as error:
        raise SystemdError(f"cannot run {_PROGRAM} {verb}: {error}") from error
